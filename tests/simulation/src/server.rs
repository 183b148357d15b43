//! The model server: what it holds, and a log of what it executed and answered, by request.

use std::collections::{BTreeMap, BTreeSet};

use coracle_core::pubsub::Kind;

use crate::blocking::Lists;
use crate::session::Session;
use crate::users::Users;
use crate::value::Value;

/// A name that can be subscribed to.
pub type Name = (Kind, Vec<u8>);

/// The server's password, after so many changes.
pub fn password(generation: u32) -> String {
    format!("secret{generation:03}")
}

/// The server.
#[derive(Debug, Default)]
pub struct Server {
    pub data: BTreeMap<Vec<u8>, Vec<u8>>,
    pub count: i64,
    pub lists: Lists,
    /// The names of those that it knows.
    pub scripts: BTreeSet<Vec<u8>>,
    pub log: Log,
    pub users: Users,
    /// By connection.
    pub sessions: Vec<Session>,
    pub knows_resp3: bool,
    pub password: bool,
    /// Which endpoint is the primary, if the others are replicas.
    pub primary: Option<usize>,
    /// Passwords from this one to that one are accepted.
    pub oldest: u32,
    pub newest: u32,
    pub modes: Modes,
    /// Of each name that was ever published to: the publications, by number.
    pub published: BTreeMap<Name, Vec<u64>>,
    pub publications: u64,
}

/// What the server is unwilling to do at present.
#[derive(Debug, Default)]
pub struct Modes {
    pub down: bool,
    pub refusing: bool,
    pub hanging: bool,
    pub loading: bool,
    pub readonly: bool,
    pub denying: bool,
}

/// What was done for which request.
#[derive(Debug, Default)]
pub struct Log {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    executed: u32,
    replies: Vec<Value>,
}

impl Log {
    /// How often it was executed.
    pub fn executed(&self, id: u64) -> u32 {
        self.entries.get(id as usize).map_or(0, |entry| entry.executed)
    }

    /// What was answered.
    pub fn replies(&self, id: u64) -> &[Value] {
        self.entries.get(id as usize).map_or(&[], |entry| &entry.replies)
    }

    /// Notes that it was executed.
    pub fn note_executed(&mut self, id: u64) {
        self.entry(id).executed += 1;
    }

    /// Notes what was answered.
    pub fn note_reply(&mut self, id: u64, value: Value) {
        self.entry(id).replies.push(value);
    }

    fn entry(&mut self, id: u64) -> &mut Entry {
        let at = id as usize;
        if self.entries.len() <= at {
            self.entries.resize(at + 1, Entry::default());
        }
        &mut self.entries[at]
    }
}

impl Server {
    /// Input of a connection: executes what is whole. Gives nothing: replies wait in the session's output.
    pub fn receive(&mut self, connection: usize, bytes: &[u8]) -> Result<(), String> {
        let mut session = std::mem::take(&mut self.sessions[connection]);
        session.input.extend_from_slice(bytes);
        let mut at = 0;
        while session.blocked.is_none()
            && let Some((command, used)) = parse(&session.input[at..])?
        {
            at += used;
            session.execute(self, &command)?;
        }
        if session.blocked.is_some()
            && let Some((command, _)) = parse(&session.input[at..])?
        {
            session.check_behind(&command)?;
        }
        session.input.drain(..at);
        self.sessions[connection] = session;
        Ok(())
    }

    /// Somebody else publishes. Gives the connections that got something.
    pub fn publish(&mut self, channel: &[u8], shard: bool) -> Vec<usize> {
        self.publications += 1;
        let number = self.publications;
        let payload = Value::bulk(format!("publication {number} to {}", String::from_utf8_lossy(channel)));
        let exact = (if shard { Kind::Shard } else { Kind::Channel }, channel.to_vec());
        let mut names = vec![exact];
        if !shard {
            for pattern in ["n*", "new*", "w*"] {
                if channel.starts_with(pattern.trim_end_matches('*').as_bytes()) {
                    names.push((Kind::Pattern, pattern.as_bytes().to_vec()));
                }
            }
        }
        for name in &names {
            self.published.entry(name.clone()).or_default().push(number);
        }
        let mut got = Vec::new();
        for (connection, session) in self.sessions.iter_mut().enumerate().filter(|(_, session)| session.open) {
            let before = session.output.len();
            for name in names.iter().filter(|name| session.subscribed.contains(*name)) {
                let mut push = match name.0 {
                    Kind::Channel => vec![Value::bulk("message")],
                    Kind::Shard => vec![Value::bulk("smessage")],
                    Kind::Pattern => vec![Value::bulk("pmessage"), Value::bulk(&name.1)],
                    Kind::Monitor => continue,
                };
                push.extend([Value::bulk(channel), payload.clone()]);
                Value::Push(push).encode(session.resp3, &mut session.output);
            }
            if session.output.len() > before {
                got.push(connection);
            }
        }
        got
    }

    /// How many publications this name had.
    pub fn publications_of(&self, name: &Name) -> usize {
        self.published.get(name).map_or(0, Vec::len)
    }
}

/// A command, and how many bytes of the input it takes.
type Parsed = (Vec<Vec<u8>>, usize);

/// The first command of the input, if it is whole.
fn parse(input: &[u8]) -> Result<Option<Parsed>, String> {
    let mut at = 0;
    let Some(count) = header(input, &mut at, b'*')? else { return Ok(None) };
    let mut command = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(length) = header(input, &mut at, b'$')? else { return Ok(None) };
        let Some(argument) = input.get(at..at + length) else { return Ok(None) };
        at += length;
        match input.get(at..at + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at += 2,
            Some(_) => return Err("the server got an argument that does not end where it should".into()),
        }
        command.push(argument.to_vec());
    }
    Ok(Some((command, at)))
}

fn header(input: &[u8], at: &mut usize, kind: u8) -> Result<Option<usize>, String> {
    let rest = &input[*at..];
    let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    if rest[0] != kind {
        return Err(format!("the server got {:?} where {:?} should begin", rest[..end].escape_ascii(), kind as char));
    }
    let text = std::str::from_utf8(&rest[1..end]).map_err(|error| error.to_string())?;
    *at += end + 2;
    text.parse().map(Some).map_err(|_| format!("the server got the length {text:?}"))
}
