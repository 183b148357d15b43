//! The model server: what it executed, by token, and who is subscribed to what.

use std::collections::{BTreeMap, BTreeSet};

use crate::payload::{payload, token_of};
use crate::resp::{Input, Reply};

/// What all connections share.
#[derive(Debug, Default)]
pub struct Server {
    knows_resp3: bool,
    /// How often a command of this token was executed.
    executed: BTreeMap<String, u32>,
    /// The tokens that were pushed, in order.
    list: Vec<String>,
    /// How many messages each channel had.
    published: BTreeMap<String, u64>,
    /// What no client may do.
    pub violations: Vec<String>,
}

/// A connection as the server sees it.
#[derive(Debug, Default)]
pub struct Session {
    pub resp3: bool,
    pub channels: BTreeSet<String>,
    pub output: Vec<u8>,
    input: Input,
    queued: Option<Vec<Vec<Vec<u8>>>>,
}

impl Server {
    pub fn new(knows_resp3: bool) -> Self {
        Self { knows_resp3, ..Self::default() }
    }

    pub fn executed(&self, token: &str) -> u32 {
        self.executed.get(token).copied().unwrap_or_default()
    }

    /// Whether a push of this token was answered with this place.
    pub fn is_at(&self, token: &str, place: i64) -> bool {
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        self.list.get(place).is_some_and(|at| at == token)
    }

    pub fn published(&self, channel: &str) -> u64 {
        self.published.get(channel).copied().unwrap_or_default()
    }

    /// The next message of a channel.
    pub fn next_message(&mut self, channel: &str, size: usize) -> Vec<u8> {
        let number = self.published.entry(channel.to_owned()).or_default();
        *number += 1;
        payload(&format!("{channel}#{number}"), size)
    }
}

impl Session {
    /// Input: executes what is whole.
    pub fn receive(&mut self, server: &mut Server, bytes: &[u8]) {
        self.input.extend(bytes);
        loop {
            match self.input.command() {
                Ok(Some(command)) => self.execute(server, &command),
                Ok(None) => return,
                Err(violation) => {
                    server.violations.push(violation);
                    self.input = Input::default();
                    return;
                }
            }
        }
    }

    /// A message, if it is wanted here.
    pub fn message(&mut self, channel: &str, message: &[u8]) {
        if self.channels.contains(channel) {
            self.answer(&Reply::Push(vec![Reply::bulk("message"), Reply::bulk(channel), Reply::bulk(message)]));
        }
    }

    fn execute(&mut self, server: &mut Server, command: &[Vec<u8>]) {
        let name = command.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
        match &name[..] {
            b"HELLO" => self.hello(server),
            b"CLIENT" => self.answer(&Reply::Status("OK")),
            b"PING" if self.resp3 || self.channels.is_empty() => self.answer(&Reply::Status("PONG")),
            b"PING" => self.answer(&Reply::Push(vec![Reply::bulk("pong"), Reply::bulk("")])),
            b"MULTI" => {
                self.queued = Some(Vec::new());
                self.answer(&Reply::Status("OK"));
            }
            b"EXEC" => {
                let queued = self.queued.take().unwrap_or_default();
                let replies = queued.iter().map(|command| run(server, command)).collect();
                self.answer(&Reply::Array(replies));
            }
            b"SUBSCRIBE" => self.subscribe("subscribe", &command[1..]),
            b"UNSUBSCRIBE" => self.subscribe("unsubscribe", &command[1..]),
            _ => match &mut self.queued {
                Some(queued) => {
                    queued.push(command.to_vec());
                    self.answer(&Reply::Status("QUEUED"));
                }
                None => {
                    let reply = run(server, command);
                    self.answer(&reply);
                }
            },
        }
    }

    fn hello(&mut self, server: &Server) {
        if !server.knows_resp3 {
            return self.answer(&Reply::Error("ERR unknown command 'HELLO'".to_owned()));
        }
        self.resp3 = true;
        self.answer(&Reply::Map(vec![Reply::bulk("proto"), Reply::Int(3)]));
    }

    fn subscribe(&mut self, word: &str, names: &[Vec<u8>]) {
        for name in names {
            let channel = String::from_utf8_lossy(name).into_owned();
            if word == "subscribe" {
                self.channels.insert(channel);
            } else {
                self.channels.remove(&channel);
            }
            let count = i64::try_from(self.channels.len()).unwrap_or_default();
            self.answer(&Reply::Push(vec![Reply::bulk(word), Reply::bulk(name), Reply::Int(count)]));
        }
    }

    fn answer(&mut self, reply: &Reply) {
        reply.encode(self.resp3, &mut self.output);
    }
}

/// Executes a command of a call. Each carries a token, and its reply depends on that.
fn run(server: &mut Server, command: &[Vec<u8>]) -> Reply {
    let done = match command {
        [name, _, value] if name == b"RPUSH" => token_of(value).map(|token| {
            server.list.push(token.clone());
            (token, Reply::Int(i64::try_from(server.list.len()).unwrap_or_default()))
        }),
        [name, value] if name == b"ECHO" => token_of(value).map(|token| (token, Reply::bulk(value))),
        [name, key] if name == b"GET" => of_key(key).map(|(token, size, _)| {
            let value = Reply::Bulk(payload(&token, size));
            (token, value)
        }),
        [name, key, ..] if name == b"LRANGE" => of_key(key).map(|(token, size, count)| {
            let values = vec![Reply::Bulk(payload(&token, size)); count];
            (token, Reply::Array(values))
        }),
        [name, key] if name == b"INCR" => of_key(key).map(|(token, ..)| {
            let error = Reply::Error(format!("ERR no number at {token}"));
            (token, error)
        }),
        [name, key, _] if name == b"BLPOP" => of_key(key).map(|(token, size, _)| {
            let value = Reply::Bulk(payload(&token, size));
            (token, Reply::Array(vec![Reply::bulk(key), value]))
        }),
        _ => None,
    };
    let Some((token, reply)) = done else {
        let shown: Vec<String> = command.iter().map(|word| word.escape_ascii().to_string()).collect();
        let shown: String = shown.join(" ").chars().take(200).collect();
        server.violations.push(format!("the server got what no caller sent: {shown}"));
        return Reply::Error("ERR what is that".to_owned());
    };
    *server.executed.entry(token).or_default() += 1;
    reply
}

/// Token, size and count, of a key that names them.
fn of_key(key: &[u8]) -> Option<(String, usize, usize)> {
    let text = std::str::from_utf8(key).ok()?;
    let mut parts = text.split('/');
    Some((parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
