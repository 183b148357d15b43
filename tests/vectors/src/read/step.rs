//! Steps.

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use super::Object;
use super::text::{bytes, flag, number, strings, text};
use super::value;
use crate::{Command, End, Step, Value};

/// The steps, each with what it may have beside its key.
const STEPS: [(&str, &[&str]); 27] = [
    ("handshake", &[]),
    ("open", &["endpoint"]),
    ("refuse", &["reason"]),
    ("link", &[]),
    ("client", &[]),
    ("server", &[]),
    ("hang-up", &[]),
    ("stall", &[]),
    ("closes", &[]),
    ("call", &["session", "args", "script", "may-repeat", "track", "raw", "deadline"]),
    ("transaction", &["session", "commands"]),
    ("cancel", &[]),
    ("reply", &["value", "raw"]),
    ("failed", &["failure", "cause"]),
    ("lease", &[]),
    ("leased", &["failure", "cause"]),
    ("release", &[]),
    ("renew", &["username", "password"]),
    ("renewed", &["failure", "cause"]),
    ("subscribe", &["kind", "names"]),
    ("unsubscribe", &[]),
    ("subscribed", &[]),
    ("gap", &[]),
    ("ended", &["failure", "cause", "value"]),
    ("message", &["value"]),
    ("drain", &[]),
    ("state", &["cause"]),
];

/// Reads a step; a handshake is two.
pub fn read(json: &Json, handshakes: &Json) -> Result<Vec<Step>> {
    let object = json.as_object().context("not an object")?;
    let (key, beside) = STEPS.into_iter().find(|(key, _)| object.contains_key(*key)).context("no such step")?;
    let strange = object.keys().find(|name| *name != key && !beside.contains(&name.as_str()));
    ensure!(strange.is_none(), "a step {key} has no {}", strange.map_or("", String::as_str));
    let json = object.get(key).context("no value")?;
    if key == "handshake" {
        return handshake(json, handshakes);
    }
    Ok(vec![one(key, json, object)?])
}

fn handshake(version: &Json, handshakes: &Json) -> Result<Vec<Step>> {
    let both = handshakes.get(version.to_string()).and_then(Json::as_object).context("no such handshake")?;
    Ok(vec![
        Step::Client(bytes(both.get("client").context("no client")?)?),
        Step::Server(bytes(both.get("server").context("no server")?)?),
    ])
}

fn one(key: &str, json: &Json, object: &Object) -> Result<Step> {
    let id = || number(json);
    let place = || Ok::<_, anyhow::Error>(usize::try_from(number(json)?)?);
    let session = || Ok::<_, anyhow::Error>(u32::try_from(number(json)?)?);
    Ok(match key {
        "open" => {
            let endpoint = object.get("endpoint").map(number).transpose()?.map(usize::try_from).transpose()?;
            Step::Open { link: place()?, endpoint }
        }
        "refuse" => Step::Refuse { link: place()?, reason: text(object, "reason")? },
        "link" => Step::Link(place()?),
        "client" => Step::Client(bytes(json)?),
        "server" => Step::Server(bytes(json)?),
        "hang-up" => Step::HangUp,
        "stall" => Step::Stall(place()?),
        "closes" => Step::Closes(place()?),
        "call" => Step::Call { id: id()?, session: session_of(object)?, command: command(object)? },
        "transaction" => {
            let commands = object.get("commands").and_then(Json::as_array).context("no commands")?;
            let commands = commands.iter().map(queued).collect::<Result<_>>()?;
            Step::Transaction { id: id()?, session: session_of(object)?, commands }
        }
        "cancel" => Step::Cancel(id()?),
        "reply" => {
            Step::Reply { id: id()?, value: wanted_value(object)?, raw: object.get("raw").map(bytes).transpose()? }
        }
        "failed" => Step::Failed { id: id()?, failure: text(object, "failure")?, cause: text(object, "cause")? },
        "lease" => Step::Lease(session()?),
        "leased" => Step::Leased { session: session()?, end: end(object)? },
        "release" => Step::Release(session()?),
        "renew" => {
            let username = object.get("username").map(|_| text(object, "username")).transpose()?.unwrap_or_default();
            Step::Renew { id: id()?, username, password: text(object, "password")? }
        }
        "renewed" => Step::Renewed { id: id()?, end: end(object)? },
        "subscribe" => Step::Subscribe { id: id()?, kind: text(object, "kind")?, names: strings(object.get("names"))? },
        "unsubscribe" => Step::Unsubscribe(id()?),
        "subscribed" => Step::Subscribed(id()?),
        "gap" => Step::Gap(id()?),
        "ended" => {
            let value = object.get("value").map(value::read).transpose()?;
            Step::Ended { id: id()?, end: end(object)?, value }
        }
        "message" => Step::Message { id: id()?, value: wanted_value(object)? },
        "drain" => Step::Drain(id()?),
        _ => Step::State {
            state: text(object, "state")?,
            cause: object.get("cause").map(|_| text(object, "cause")).transpose()?,
        },
    })
}

fn session_of(object: &Object) -> Result<u32> {
    Ok(object.get("session").map_or(Ok(0), number)?.try_into()?)
}

fn command(object: &Object) -> Result<Command> {
    Ok(Command {
        args: strings(object.get("args"))?,
        script: flag(object, "script")?,
        may_repeat: flag(object, "may-repeat")?,
        track: flag(object, "track")?,
        raw: flag(object, "raw")?,
        deadline: object.get("deadline").map(number).transpose()?,
    })
}

/// A command of a transaction: its arguments, or an object of what a `call` may have.
fn queued(json: &Json) -> Result<Command> {
    match json.as_object() {
        Some(object) => {
            let known = |key: &String| ["args", "script", "may-repeat"].contains(&key.as_str());
            ensure!(object.keys().all(known), "a queued command has args, script and may-repeat");
            command(object)
        }
        None => Ok(Command { args: strings(Some(json))?, ..Command::default() }),
    }
}

/// How it ended, if not well.
fn end(object: &Object) -> Result<Option<End>> {
    if !object.contains_key("failure") {
        ensure!(!object.contains_key("cause"), "a cause without a failure");
        return Ok(None);
    }
    Ok(Some(End { failure: text(object, "failure")?, cause: text(object, "cause")? }))
}

fn wanted_value(object: &Object) -> Result<Value> {
    value::read(object.get("value").context("no value")?)
}
