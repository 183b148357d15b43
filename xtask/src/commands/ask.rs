//! One server's answers to COMMAND and COMMAND DOCS.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use redis::{Value, from_redis_value_ref};
use serde::{Deserialize, Serialize};

/// What one server says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its name with its version.
    pub server: String,
    /// All of its commands.
    pub known: Vec<Known>,
}

impl Answer {
    /// The server's name with its version but the last number of it: what it knows is the same for all of one release.
    pub fn release(&self) -> &str {
        self.server.rsplit_once('.').map_or(&*self.server, |(release, _)| release)
    }
}

/// What one server knows of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// In capitals; a subcommand has its container's name and a bar before its own.
    pub name: String,
    /// As the server calls them: `readonly`, `blocking`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub flags: BTreeSet<String>,
    /// The categories of its access control, each with an @.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<String>,
    /// What clients may want to know beyond the flags.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tips: BTreeSet<String>,
    /// The first key, the last one, the step.
    pub keys: [i64; 3],
    /// For each way of finding keys, what is done to these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub specs: Vec<BTreeSet<String>>,
    /// Whether it has subcommands.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub container: bool,
    /// From its documentation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
}

/// One argument of a command, as documented.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Argument {
    /// Such as `timeout`.
    pub name: String,
    /// Such as `integer`.
    pub kind: String,
    /// The word before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// `optional`, `multiple`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub flags: BTreeSet<String>,
    /// What it consists of, or is one of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Argument>,
}

/// Asks the server at `url`.
pub fn ask(url: &str) -> Result<Answer> {
    let mut link = redis::Client::open(url)?.get_connection()?;
    let info: String = redis::cmd("INFO").arg("server").query(&mut link)?;
    let commands: Value = redis::cmd("COMMAND").query(&mut link)?;
    let docs: Value = redis::cmd("COMMAND").arg("DOCS").query(&mut link)?;
    let mut arguments = BTreeMap::new();
    documented(&docs, &mut arguments)?;
    let mut known = Vec::new();
    for command in commands.as_sequence().context("COMMAND gave no array")? {
        read_command(command, &mut known)?;
    }
    for command in &mut known {
        let found = arguments.remove(&command.name);
        command.arguments = found.with_context(|| format!("{} is not in COMMAND DOCS", command.name))?;
    }
    Ok(Answer { server: version(&info)?, known })
}

/// Valkey also gives the version of Redis that it is like.
fn version(info: &str) -> Result<String> {
    let find = |field: &str| info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix("_version:"));
    let found = ["valkey", "redis"].iter().find_map(|name| Some(format!("{name} {}", find(name)?.trim())));
    found.context("INFO names no version")
}

fn read_command(value: &Value, known: &mut Vec<Known>) -> Result<()> {
    let [name, _arity, flags, first, last, step, categories, tips, specs, subcommands, ..] =
        value.as_sequence().unwrap_or_default()
    else {
        anyhow::bail!("COMMAND tells less of a command than Redis 7 does");
    };
    let subcommands = subcommands.as_sequence().unwrap_or_default();
    let specs = specs.as_sequence().unwrap_or_default();
    known.push(Known {
        name: text(name)?.to_uppercase(),
        flags: words(flags)?,
        categories: words(categories)?,
        tips: words(tips)?,
        keys: [from_redis_value_ref(first)?, from_redis_value_ref(last)?, from_redis_value_ref(step)?],
        specs: specs.iter().map(|spec| words(field(spec, "flags").unwrap_or(&Value::Nil))).collect::<Result<_>>()?,
        container: !subcommands.is_empty(),
        arguments: Vec::new(),
    });
    subcommands.iter().try_for_each(|command| read_command(command, known))
}

/// The arguments of each command, by name, those of subcommands too.
fn documented(docs: &Value, found: &mut BTreeMap<String, Vec<Argument>>) -> Result<()> {
    for (name, command) in docs.as_map_iter().context("COMMAND DOCS gave no map")? {
        found.insert(text(name)?.to_uppercase(), read_arguments(command)?);
        if let Some(subcommands) = field(command, "subcommands") {
            documented(subcommands, found)?;
        }
    }
    Ok(())
}

fn read_arguments(value: &Value) -> Result<Vec<Argument>> {
    let list = field(value, "arguments").and_then(Value::as_sequence).unwrap_or_default();
    list.iter().map(read_argument).collect()
}

fn read_argument(value: &Value) -> Result<Argument> {
    Ok(Argument {
        name: text(field(value, "name").context("an argument without a name")?)?,
        kind: text(field(value, "type").context("an argument without a type")?)?,
        token: field(value, "token").map(text).transpose()?,
        flags: field(value, "flags").map(words).transpose()?.unwrap_or_default(),
        parts: read_arguments(value)?,
    })
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_map_iter()?.find_map(|(key, value)| (text(key).ok()? == name).then_some(value))
}

fn text(value: &Value) -> Result<String> {
    Ok(from_redis_value_ref(value)?)
}

fn words(value: &Value) -> Result<BTreeSet<String>> {
    Ok(from_redis_value_ref(value)?)
}
