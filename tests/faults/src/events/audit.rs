//! The store's keys held against its log, by plain commands: what an append writes it writes whole, or not at all. It
//! knows the layout of all but the state from its documentation alone, so that a fault of the codec is not its fault,
//! too.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use redis::{Commands, Connection};

use super::log::Log;

/// Types are numbered below this.
const TYPES: u64 = 4096;
/// What a position is multiplied by in the list of a tag.
const TAG_PLACES: u64 = 10_000;
/// Where last positions by type and tag are.
const SHARDS: u64 = 16;

/// What is wrong, in words; nothing if all is well.
pub fn audit(server: &mut Connection, namespace: &str, log: &Log) -> Result<Vec<String>> {
    let mut audit = Audit { server, prefix: format!("{{{namespace}}}:"), faults: Vec::new() };
    audit.positions(log);
    if log.head > 0 {
        let types = audit.types(log)?;
        audit.state(log)?;
        audit.segments(log, &types)?;
        audit.tags(log, &types)?;
        audit.pairs(log, &types)?;
        audit.bell(log)?;
    }
    audit.commands(log);
    Ok(audit.faults)
}

struct Audit<'a> {
    server: &'a mut Connection,
    prefix: String,
    faults: Vec<String>,
}

type Numbers = BTreeMap<String, u64>;

impl Audit<'_> {
    fn key(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.prefix)
    }

    fn expect(&mut self, so: bool, fault: impl FnOnce() -> String) {
        if !so {
            self.faults.push(fault());
        }
    }

    fn positions(&mut self, log: &Log) {
        let gapless = log.events.iter().zip(1..).all(|(event, position)| event.event.position == position);
        let (count, head) = (log.events.len() as u64, log.head);
        self.expect(gapless && count == head, || format!("{count} events, and the head is {head}"));
        let ids: BTreeSet<_> = log.events.iter().map(|event| event.event.id).collect();
        self.expect(ids.len() == log.events.len(), || "an event is there twice".to_owned());
        let ordered = log.events.is_sorted_by_key(|event| event.event.time);
        self.expect(ordered, || "the time goes back".to_owned());
    }

    /// Numbers of types, which must be those of the log.
    fn types(&mut self, log: &Log) -> Result<Numbers> {
        let found: BTreeMap<String, String> = self.server.hgetall(self.key("h"))?;
        let of = |kind: &str| {
            let fields =
                found.iter().filter_map(|(field, number)| Some((field.strip_prefix(kind)?, number.parse().ok()?)));
            fields.map(|(name, number): (_, u64)| (name.to_owned(), number)).collect::<Numbers>()
        };
        let (numbers, lasts) = (of("n"), of("p"));
        let mut expected = Numbers::new();
        for event in &log.events {
            expected.insert(event.event.kind.clone(), event.event.position);
        }
        self.expect(lasts == expected, || format!("last positions of types are {lasts:?}, not {expected:?}"));
        let same = numbers.keys().eq(expected.keys())
            && numbers.values().collect::<BTreeSet<_>>().len() == numbers.len()
            && numbers.values().all(|number| *number < numbers.len() as u64);
        self.expect(same, || format!("numbers of types are {numbers:?}"));
        Ok(numbers)
    }

    fn state(&mut self, log: &Log) -> Result<()> {
        let last = log.events.last().context("the log is empty")?;
        let types = log.events.iter().map(|event| &event.event.kind).collect::<BTreeSet<_>>().len() as u64;
        let commands = log.commands.last().map_or(0, |command| command.number);
        for (name, found, expected) in [
            ("the head", log.meta.head.position, last.event.position),
            ("the tail of its id", log.meta.head.id.tail(), last.event.id.tail()),
            ("the last command", log.meta.commands, commands),
            ("the number of types", log.meta.types.into(), types),
        ] {
            self.expect(found == expected, || format!("{name} is {found}, not {expected}"));
        }
        Ok(())
    }

    /// Bodies and entries, segment by segment.
    fn segments(&mut self, log: &Log, types: &Numbers) -> Result<()> {
        let entries = log.events.iter().map(|event| event.event.id.tail() * TYPES + number(types, &event.event.kind));
        let expected: Vec<u64> = entries.collect();
        let (mut found, mut bodies, mut records) = (Vec::new(), BTreeSet::new(), 0);
        for segment in 0.. {
            let entries: Vec<u64> = self.server.lrange(self.key(&format!("t:{segment}")), 0, -1)?;
            let fields: Vec<String> = self.server.hkeys(self.key(&format!("e:{segment}")))?;
            if entries.is_empty() && fields.is_empty() {
                break;
            }
            found.extend(entries);
            records += fields.iter().filter(|field| field.starts_with('c')).count();
            bodies.extend(fields.iter().filter_map(|field| field.parse::<u64>().ok()));
        }
        self.expect(found == expected, || format!("the log's entries are not those of its {} events", expected.len()));
        self.expect(bodies.into_iter().eq(1..=log.head), || "there are not the bodies of all positions".to_owned());
        let commands = log.commands.len();
        self.expect(records == commands, || format!("{records} records of {commands} commands"));
        Ok(())
    }

    fn tags(&mut self, log: &Log, types: &Numbers) -> Result<()> {
        let mut expected = BTreeMap::<&str, Vec<u64>>::new();
        for event in &log.events {
            let entry = event.event.position * TAG_PLACES + number(types, &event.event.kind);
            for tag in &event.event.tags {
                expected.entry(tag).or_default().push(entry);
            }
        }
        for (tag, expected) in &expected {
            let found: Vec<u64> = self.server.lrange(self.key(&format!("g:{tag}")), 0, -1)?;
            self.expect(found == *expected, || {
                format!("the list of {tag}, of {} entries, is not that of the log, of {}", found.len(), expected.len())
            });
        }
        let keys: Vec<String> = self.server.keys(self.key("g:*"))?;
        self.expect(keys.len() == expected.len(), || format!("{} tags have lists, not {}", keys.len(), expected.len()));
        Ok(())
    }

    fn pairs(&mut self, log: &Log, types: &Numbers) -> Result<()> {
        let mut expected = Numbers::new();
        for event in &log.events {
            for tag in &event.event.tags {
                expected.insert(format!("{}:{tag}", number(types, &event.event.kind)), event.event.position);
            }
        }
        let mut found = Numbers::new();
        for shard in 0..SHARDS {
            let fields: Numbers = self.server.hgetall(self.key(&format!("l:{shard}")))?;
            found.extend(fields);
        }
        self.expect(found == expected, || "last positions by type and tag are not those of the log".to_owned());
        Ok(())
    }

    fn bell(&mut self, log: &Log) -> Result<()> {
        let last: redis::streams::StreamRangeReply = self.server.xrevrange_count(self.key("b"), "+", "-", 1)?;
        let last = last.ids.into_iter().next().map(|entry| entry.id).unwrap_or_default();
        self.expect(last == format!("{}-0", log.head), || format!("the bell rang last at {last}"));
        Ok(())
    }

    /// Every event leads to its command, and back.
    fn commands(&mut self, log: &Log) {
        let gapless = log.commands.iter().zip(1..).all(|(command, number)| command.number == number);
        self.expect(gapless, || "commands are missing".to_owned());
        for event in log.events.iter().filter(|event| event.event.command > 0) {
            let at = usize::try_from(event.event.command - 1).unwrap_or(usize::MAX);
            let command = log.commands.get(at);
            let fits = command.is_some_and(|one| (one.first..=one.last).contains(&event.event.position));
            self.expect(fits, || format!("the event at {} is none of its command's", event.event.position));
        }
        for command in log.commands.iter().filter(|command| command.first > 0) {
            let events = log.events.iter().skip(usize::try_from(command.first - 1).unwrap_or(usize::MAX));
            let own = events.take_while(|event| event.event.command == command.number).count() as u64;
            let said = command.last + 1 - command.first;
            self.expect(own == said, || format!("command {} has {own} events, not {said}", command.number));
        }
    }
}

fn number(types: &Numbers, kind: &str) -> u64 {
    // One that has none is a fault that is told already.
    types.get(kind).copied().unwrap_or(TYPES)
}
