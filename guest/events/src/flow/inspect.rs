//! What the server's settings mean for a store.

use crate::pieces::Commands;
use crate::reply::{Node, Reply};
use crate::step::{Fault, Outcome, Step, Warning};

use super::{Context, Flow, Input, unasked};

/// What is asked for, one by one: older servers take one name at a time.
const SETTINGS: [&str; 5] = ["maxmemory-policy", "maxmemory", "appendonly", "appendfsync", "min-replicas-to-write"];

/// `inspect`.
pub(crate) struct Inspect;

impl Flow for Inspect {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => {
                let mut commands = Commands { may_repeat: true, ..Commands::default() };
                commands.command("INFO");
                commands.text(b"server");
                for setting in SETTINGS {
                    commands.command("CONFIG");
                    commands.text(b"GET");
                    commands.text(setting.as_bytes());
                }
                Ok(context.send(commands))
            }
            Input::Reply(reply) => Ok(Step::Done(Outcome::Inspected(warnings(reply)?))),
            Input::Lost(lost) => Err(lost.fault(false)),
            Input::Go | Input::Decided(_) => Err(unasked()),
        }
    }
}

fn warnings(mut reply: Reply<'_>) -> Result<Vec<Warning>, Fault> {
    let version = match reply.node()? {
        Node::Text(text) => Some(version(text.bytes)),
        _ => None,
    };
    let mut values = [None; SETTINGS.len()];
    for value in &mut values {
        *value = setting(&mut reply)?;
    }
    let mut found = Vec::new();
    let mut warn = |about: &str, text: &str| found.push(Warning { about: about.to_owned(), text: text.to_owned() });
    let [policy, memory, file, sync, replicas] = values;
    let file_on = file.is_some_and(|value| value == b"yes");
    if values.iter().any(Option::is_none) {
        warn(
            "config",
            "CONFIG GET is not permitted here, so that not all settings could be looked at: make sure that \
             maxmemory-policy is noeviction, appendonly yes, and appendfsync everysec or always",
        );
    }
    if policy.is_some_and(|value| value != b"noeviction") {
        let limited = memory.is_some_and(|value| value != b"0");
        warn(
            "maxmemory-policy",
            if limited {
                "it is not noeviction: when memory is full, the server throws away events, indexes and markers, and \
                 nobody is told: set it to noeviction"
            } else {
                "it is not noeviction: should maxmemory be set one day, the server would throw away events, indexes \
                 and markers: set it to noeviction"
            },
        );
    }
    if file.is_some() && !file_on {
        warn(
            "appendonly",
            "it is no: when the server ends without saving, all events since the last snapshot are lost: set it to yes",
        );
    }
    if file_on && sync.is_some_and(|value| value == b"everysec") {
        warn(
            "appendfsync",
            "it is everysec: when the machine fails, the events of about the last second are lost, though they were \
             acknowledged: set it to always, or append with WAITAOF where that matters",
        );
    }
    if file_on && sync.is_some_and(|value| value == b"no") {
        warn(
            "appendfsync",
            "it is no: when the machine fails, all events are lost that the system had not written by itself, often \
             those of half a minute: set it to everysec or always",
        );
    }
    if replicas.is_some_and(|value| value == b"0") {
        warn(
            "min-replicas-to-write",
            "it is 0: a primary that is cut off goes on to accept events, which are lost when a replica takes over: \
             with replicas, set it to 1 or more, or append with WAIT",
        );
    }
    // A server that names no version is no old one for that.
    if version.is_some_and(|version| version > (0, 0) && version < (7, 0)) {
        warn("version", "the server is older than 7.0 and has no EVALSHA_RO: nothing can be read");
    } else if version.is_some_and(|version| version < (7, 2)) {
        warn("version", "the server is older than 7.2 and has no WAITAOF: appends can't wait for the append-only file");
    }
    Ok(found)
}

/// The second string of the pair that CONFIG GET answers with, if there is one.
fn setting<'a>(reply: &mut Reply<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let Node::Array(count) = reply.node()? else { return Ok(None) };
    let mut last = None;
    for _ in 0..count.min(2) {
        last = match reply.node()? {
            Node::Text(text) => Some(text.bytes),
            _ => None,
        };
    }
    Ok(last)
}

/// Of Valkey its own version, which goes on from Redis' 7.2.
fn version(info: &[u8]) -> (u32, u32) {
    let value = |name: &[u8]| info.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name));
    let text = value(b"valkey_version:").or_else(|| value(b"redis_version:")).unwrap_or_default();
    let mut numbers = text.split(|byte| *byte == b'.').map(|part| {
        part.iter()
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0_u32, |number, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
    });
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
