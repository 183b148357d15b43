//! One connection at the model server: its state, its handshake, its subscriptions.

use std::collections::BTreeSet;

use coracle_core::pubsub::Kind;

use crate::blocking::Blocked;
use crate::commands::{NESTED, Transaction};
use crate::server::{Name, Server, password};
use crate::users::Who;
use crate::value::Value;

/// A connection as the server sees it.
#[derive(Debug, Default)]
pub struct Session {
    pub open: bool,
    pub resp3: bool,
    /// Something was asked on it.
    pub greeted: bool,
    pub subscribed: BTreeSet<Name>,
    pub input: Vec<u8>,
    pub output: Vec<u8>,
    /// What it waits for: its input is not read meanwhile.
    pub blocked: Option<Blocked>,
    /// Who asked on it last.
    pub user: Option<Who>,
    pub connection: usize,
    /// Where it leads.
    endpoint: usize,
    /// The password that it was let in with, counted from 1; 0 for none.
    pub generation: u32,
    pub transaction: Option<Transaction>,
    pub watching: bool,
    pub database: u32,
    /// CLIENT changed something for good.
    pub changed: bool,
    /// A command was executed of which nobody knows what it does.
    pub tainted: bool,
}

/// A command's words.
pub type Command = [Vec<u8>];

impl Session {
    /// A new connection.
    pub fn new(connection: usize, endpoint: usize) -> Self {
        Self { open: true, connection, endpoint, ..Self::default() }
    }

    /// What its last user left behind.
    pub fn dirt(&self, database: u32) -> Option<&'static str> {
        if self.transaction.as_ref().is_some_and(|transaction| transaction.stepwise) {
            Some("MULTI")
        } else if self.watching {
            Some("WATCH")
        } else if self.database != database {
            Some("SELECT")
        } else if self.changed {
            Some("CLIENT")
        } else if self.tainted {
            Some("an unknown command")
        } else {
            None
        }
    }

    /// Whether a session began a transaction that has not ended.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Executes one command, and answers it.
    pub fn execute(&mut self, server: &mut Server, command: &Command) -> Result<(), String> {
        self.greeted = true;
        let name = command.first().ok_or("the server got an empty command")?.to_ascii_uppercase();
        let text =
            |at: usize| command.get(at).map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        if server.password && self.generation == 0 && !matches!(&name[..], b"HELLO" | b"AUTH") {
            let request = tag(command);
            return self.refuse(server, request, "NOAUTH Authentication required.");
        }
        let request = tag(command);
        if let Some(request) = request {
            server.users.enter(self, self.connection, request)?;
            return self.of_a_request(server, &name, command, request);
        }
        if name == b"MULTI"
            && let Some(transaction) = self.transaction.as_mut().filter(|transaction| transaction.stepwise)
        {
            // A session's own fault.
            transaction.nested = true;
            self.answer(Value::error(NESTED));
            return Ok(());
        }
        if self.transaction.is_some() && !matches!(&name[..], b"EXEC" | b"DISCARD") {
            return Err(format!("{} came into a transaction", name.escape_ascii()));
        }
        match &name[..] {
            b"HELLO" => self.hello(server, command),
            b"AUTH" => {
                let said = self.authenticate(server, &text(command.len() - 1));
                self.answer(said);
            }
            b"SELECT" if server.modes.loading => self.answer(Value::error("BUSY the server is busy")),
            b"SELECT" => {
                self.database = text(1).parse().map_err(|_| "the server got SELECT of what is no number")?;
                self.answer(Value::Ok);
            }
            b"CLIENT" => self.answer(Value::Ok),
            b"ROLE" => {
                let role = if self.is_replica(server) { "slave" } else { "master" };
                self.answer(Value::Array(vec![Value::bulk(role), Value::Int(0), Value::Array(vec![])]));
            }
            b"PING" if self.resp3 || self.subscribed.is_empty() => self.answer(Value::Status(b"PONG".to_vec())),
            b"PING" => self.answer(Value::Push(vec![Value::bulk("pong"), Value::bulk("")])),
            b"MULTI" => {
                self.transaction = Some(Transaction::default());
                self.answer(Value::Ok);
            }
            b"EXEC" => return self.exec(server, None),
            b"DISCARD" | b"UNWATCH" => {
                if name == b"DISCARD" && self.transaction.take().is_none() {
                    return Err("the core discards what is no transaction".into());
                }
                self.watching = false;
                self.answer(Value::Ok);
            }
            b"SUBSCRIBE" => self.subscribe(Kind::Channel, "subscribe", &command[1..]),
            b"PSUBSCRIBE" => self.subscribe(Kind::Pattern, "psubscribe", &command[1..]),
            b"SSUBSCRIBE" => self.subscribe(Kind::Shard, "ssubscribe", &command[1..]),
            b"UNSUBSCRIBE" => self.unsubscribe(Kind::Channel, "unsubscribe", &command[1..]),
            b"PUNSUBSCRIBE" => self.unsubscribe(Kind::Pattern, "punsubscribe", &command[1..]),
            b"SUNSUBSCRIBE" => self.unsubscribe(Kind::Shard, "sunsubscribe", &command[1..]),
            _ => self.answer(Value::error("ERR unknown command")),
        }
        Ok(())
    }

    /// Says this next.
    pub fn answer(&mut self, value: Value) {
        let value = if self.resp3 { value } else { value.lowered() };
        value.encode(self.resp3, &mut self.output);
    }

    fn hello(&mut self, server: &Server, command: &Command) {
        if !server.knows_resp3 {
            return self.answer(Value::error("ERR unknown command 'HELLO'"));
        }
        if let Some(at) = command.iter().position(|word| word == b"AUTH") {
            let password = String::from_utf8_lossy(&command[at + 2]).into_owned();
            let said = self.authenticate(server, &password);
            if said != Value::Ok {
                return self.answer(said);
            }
        } else if server.password {
            return self.answer(Value::error("NOAUTH HELLO must be called with the client already authenticated"));
        }
        self.resp3 = true;
        self.answer(Value::Map(vec![
            (Value::bulk("server"), Value::bulk("model")),
            (Value::bulk("proto"), Value::Int(3)),
            (Value::bulk("role"), Value::bulk(if self.is_replica(server) { "replica" } else { "master" })),
        ]));
    }

    /// Whether it leads to a server that takes no writes.
    pub fn is_replica(&self, server: &Server) -> bool {
        server.primary.is_some_and(|primary| primary != self.endpoint)
    }

    fn authenticate(&mut self, server: &Server, said: &str) -> Value {
        match (server.oldest..=server.newest).find(|generation| said == password(*generation)) {
            Some(generation) if !server.modes.denying => {
                self.generation = generation;
                Value::Ok
            }
            _ => Value::error("WRONGPASS invalid username-password pair or user is disabled."),
        }
    }

    fn subscribe(&mut self, kind: Kind, word: &str, names: &Command) {
        if names.iter().any(|name| name == b"forbidden") {
            return self.answer(Value::error("NOPERM this user has no permissions to access one of the channels"));
        }
        for name in names {
            self.subscribed.insert((kind, name.clone()));
            self.confirm(word, name);
        }
    }

    fn unsubscribe(&mut self, kind: Kind, word: &str, names: &Command) {
        for name in names {
            self.subscribed.remove(&(kind, name.clone()));
            self.confirm(word, name);
        }
    }

    fn confirm(&mut self, word: &str, name: &[u8]) {
        let count = Value::Int(self.subscribed.len() as i64);
        self.answer(Value::Push(vec![Value::bulk(word), Value::bulk(name), count]));
    }
}

/// Whose command it is.
pub fn tag(command: &Command) -> Option<u64> {
    // With BLPOP, the last word is a time.
    let word = command.iter().rev().take(2).find_map(|word| word.strip_prefix(b"#"))?;
    std::str::from_utf8(word).ok()?.parse().ok()
}
