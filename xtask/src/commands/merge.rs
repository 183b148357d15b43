//! What several servers know, as one table. Where they differ, the more careful wins.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::ask::{Answer, Argument, Known};
use super::timeout::{self, Blocks};

/// All commands.
#[derive(Debug)]
pub struct Commands {
    /// By name.
    pub rows: BTreeMap<String, Row>,
    /// Words of options, where one of them begins a time-out.
    pub words: BTreeMap<String, Option<u8>>,
}

/// What the core's table says of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Names of the constants of the core's `Flags`.
    pub flags: BTreeSet<&'static str>,
    /// The first key, the last one, the step.
    pub keys: [i64; 3],
    /// Where its time-out is.
    pub blocks: Blocks,
}

/// Flags that promise something: all that know the command have to agree. For any other, one is enough.
const PROMISES: [&str; 3] = ["READONLY", "REPEATABLE", "LOADING"];

/// Merges what each server knows.
pub fn merge(servers: &[Answer]) -> Result<Commands> {
    let mut commands = Commands { rows: BTreeMap::new(), words: BTreeMap::new() };
    for command in servers.iter().flat_map(|answer| &answer.known) {
        let row = row(command)?;
        if let Blocks::Token(_) = row.blocks {
            for (word, values) in timeout::words(command) {
                let known = *commands.words.entry(word.clone()).or_insert(values);
                ensure!(known == values, "the word {word} has different values in commands with a time-out");
            }
        }
        match commands.rows.get_mut(&command.name) {
            Some(known) => known.join(row, &command.name)?,
            None => _ = commands.rows.insert(command.name.clone(), row),
        }
    }
    Ok(commands)
}

impl Row {
    fn join(&mut self, other: Self, name: &str) -> Result<()> {
        let broken = |flag: &&str| PROMISES.contains(flag);
        let dropped: Vec<_> = self.flags.symmetric_difference(&other.flags).copied().filter(broken).collect();
        self.flags.extend(other.flags);
        self.flags.retain(|flag| !dropped.contains(flag));
        if self.keys != other.keys {
            self.keys = [0; 3];
            self.flags.insert("MOVABLE_KEYS");
        }
        match (&self.blocks, other.blocks) {
            (Blocks::Never, blocks) => self.blocks = blocks,
            (_, Blocks::Never) => {}
            (known, blocks) => ensure!(*known == blocks, "servers differ in where {name} has its time-out"),
        }
        Ok(())
    }
}

fn row(command: &Known) -> Result<Row> {
    let flags = flags(command);
    let blocks = if flags.contains("BLOCKING") { timeout::find(command)? } else { Blocks::Never };
    Ok(Row { flags, keys: command.keys, blocks })
}

fn flags(command: &Known) -> BTreeSet<&'static str> {
    let flag = |name: &str| command.flags.contains(name);
    let category = |name: &str| command.categories.contains(name);
    let all = [
        ("READONLY", flag("readonly")),
        ("WRITE", flag("write")),
        ("BLOCKING", flag("blocking") || category("@blocking")),
        ("NOSCRIPT", flag("noscript")),
        ("PUBSUB", flag("pubsub")),
        ("CONNECTION", category("@connection")),
        ("TRANSACTION", category("@transaction")),
        ("ADMIN", flag("admin")),
        ("REPEATABLE", is_repeatable(command)),
        ("MOVABLE_KEYS", flag("movablekeys")),
        ("LOADING", flag("loading")),
        ("CONTAINER", command.container),
        ("ALLOW_BUSY", flag("allow_busy")),
        ("VARIES", command.tips.contains("nondeterministic_output")),
        ("SUBCOMMAND", command.name.contains('|')),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

/// It only reads, or all it does is to overwrite keys. One that also reads keys may read what it wrote (BITOP NOT a a),
/// one that writes no key changes something else (XREADGROUP), and what the server calls dangerous, or what may have a
/// condition, may fail when it finds its own work (RESTORE, MSETEX NX).
fn is_repeatable(command: &Known) -> bool {
    let overwrites = |spec: &BTreeSet<String>| {
        spec.contains("OW") && !["insert", "delete", "access"].iter().any(|flag| spec.contains(*flag))
    };
    command.flags.contains("readonly")
        || command.flags.contains("write")
            && !command.categories.contains("@dangerous")
            && !command.specs.is_empty()
            && command.specs.iter().all(overwrites)
            && !command.arguments.iter().any(is_condition)
}

fn is_condition(argument: &Argument) -> bool {
    let word = |token: &str| ["NX", "XX"].contains(&token);
    argument.token.as_deref().is_some_and(word) || argument.parts.iter().any(is_condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(flags: &[&str], specs: &[&[&str]]) -> Known {
        let set = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect();
        Known {
            name: "A".into(),
            flags: set(flags),
            specs: specs.iter().map(|spec| set(spec)).collect(),
            keys: [1, 1, 1],
            ..Known::default()
        }
    }

    fn answers(servers: &[Known]) -> Vec<Answer> {
        let answer = |known: &Known| Answer { server: "a 1".into(), known: vec![known.clone()] };
        servers.iter().map(answer).collect()
    }

    fn merged(servers: &[Known]) -> Row {
        merge(&answers(servers)).unwrap().rows["A"].clone()
    }

    #[test]
    fn the_more_careful_wins() {
        let mut blocking = known(&["blocking", "write"], &[]);
        blocking.arguments = vec![Argument { name: "timeout".into(), kind: "double".into(), ..Argument::default() }];
        let reading = known(&["readonly", "loading"], &[]);
        let both = merged(&[reading.clone(), blocking.clone()]);
        assert_eq!(both, merged(&[blocking.clone(), reading.clone()]));
        assert_eq!(both.flags, BTreeSet::from(["BLOCKING", "WRITE"]));
        assert_eq!(both.blocks, Blocks::Seconds(1));
        let alone = merged(std::slice::from_ref(&reading));
        assert_eq!(alone.flags, BTreeSet::from(["LOADING", "READONLY", "REPEATABLE"]));
        let other = Known { keys: [2, 2, 1], ..reading.clone() };
        let moved = merged(&[reading, other]);
        assert!(moved.keys == [0; 3] && moved.flags.contains("MOVABLE_KEYS"), "{moved:?}");
        let later = Known {
            arguments: [vec![Argument { kind: "key".into(), ..Argument::default() }], blocking.arguments.clone()]
                .concat(),
            ..blocking.clone()
        };
        assert!(merge(&answers(&[blocking, later])).unwrap_err().to_string().contains("servers differ"));
    }

    #[test]
    fn only_plain_overwriting_is_repeatable() {
        assert!(is_repeatable(&known(&["readonly"], &[&["RW", "access"]])));
        assert!(is_repeatable(&known(&["write"], &[&["OW", "update"]])));
        assert!(!is_repeatable(&known(&["write"], &[&["OW", "update"], &["RO", "access"]])));
        assert!(!is_repeatable(&known(&["write"], &[&["OW", "insert"]])));
        assert!(!is_repeatable(&known(&["write"], &[&["RO", "access"]])));
        assert!(!is_repeatable(&known(&["write"], &[])));
        assert!(!is_repeatable(&known(&[], &[&["OW", "update"]])));
        let mut dangerous = known(&["write"], &[&["OW", "update"]]);
        dangerous.categories.insert("@dangerous".into());
        assert!(!is_repeatable(&dangerous));
        let word = Argument { token: Some("XX".into()), ..Argument::default() };
        let either = Argument { parts: vec![Argument::default(), word], ..Argument::default() };
        let conditional = Known { arguments: vec![either], ..known(&["write"], &[&["OW", "update"]]) };
        assert!(!is_repeatable(&conditional));
    }
}
