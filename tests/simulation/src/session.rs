//! One connection at the model server: its commands.

use std::collections::BTreeSet;

use coracle_core::pubsub::Kind;

use crate::blocking::{Blocked, popped};
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
    transaction: Option<Transaction>,
    watching: bool,
    database: u32,
    /// CLIENT changed something for good.
    changed: bool,
    /// A command was executed of which nobody knows what it does.
    tainted: bool,
}

#[derive(Debug, Default)]
struct Transaction {
    commands: Vec<Vec<Vec<u8>>>,
    /// Whose it is; none where a session began it by itself.
    request: Option<u64>,
    stepwise: bool,
    /// The core began another one within.
    nested: bool,
    spoiled: bool,
}

type Command = [Vec<u8>];

/// What a server says to EVALSHA of a script that it does not know.
const NOSCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";

/// What a server says to MULTI within a transaction.
pub const NESTED: &str = "ERR MULTI calls can not be nested";

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
            b"SELECT" => {
                self.database = text(1).parse().map_err(|_| "the server got SELECT of what is no number")?;
                self.answer(Value::Ok);
            }
            b"CLIENT" => self.answer(Value::Ok),
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

    fn answer(&mut self, value: Value) {
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

    fn is_replica(&self, server: &Server) -> bool {
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

    /// A command with a tag.
    fn of_a_request(
        &mut self,
        server: &mut Server,
        name: &[u8],
        command: &Command,
        request: u64,
    ) -> Result<(), String> {
        let controls: &[&[u8]] = &[b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH"];
        if controls.contains(&name) {
            return self.control(server, name, request);
        }
        if server.modes.loading {
            return self.refuse(server, Some(request), "LOADING the dataset is loading");
        }
        if (server.modes.readonly || self.is_replica(server))
            && matches!(name, b"SET" | b"INCR" | b"BLPOP" | b"EVAL" | b"EVALSHA")
        {
            return self.refuse(server, Some(request), "READONLY You can't write against a read only replica.");
        }
        if self.transaction.is_some() {
            return self.queue(server, name, command, request);
        }
        if name.starts_with(b"EVALSHA") && !server.scripts.contains(&command[1]) {
            return self.refuse(server, Some(request), NOSCRIPT);
        }
        if name == b"BLPOP" {
            self.block(server, command, request);
            return Ok(());
        }
        server.log.note_executed(request);
        let value = match name {
            b"SELECT" => {
                self.database = 7;
                Value::Ok
            }
            b"CLIENT" => {
                self.changed = true;
                Value::Ok
            }
            b"FROB" => {
                self.tainted = true;
                run(server, name, command, request)
            }
            _ => run(server, name, command, request),
        };
        self.reply(server, request, value);
        Ok(())
    }

    fn queue(&mut self, server: &mut Server, name: &[u8], command: &Command, request: u64) -> Result<(), String> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        if name.starts_with(b"EVALSHA") && !transaction.stepwise {
            return Err(format!("request {request} has a script without its source in a transaction"));
        }
        if !transaction.stepwise && transaction.request.is_some_and(|first| first != request) {
            return Err(format!("request {request} is in a transaction of another"));
        }
        if !transaction.stepwise || transaction.nested {
            transaction.request = Some(request);
        }
        let value = if name == b"STRLEN" {
            transaction.spoiled = true;
            Value::error(format!("ERR unknown command, of #{request}"))
        } else {
            transaction.commands.push(command.to_vec());
            Value::Status(b"QUEUED".to_vec())
        };
        if transaction.stepwise && !transaction.nested {
            self.reply(server, request, value);
        } else {
            self.answer(value);
        }
        Ok(())
    }

    /// What a session does step by step.
    fn control(&mut self, server: &mut Server, name: &[u8], request: u64) -> Result<(), String> {
        server.log.note_executed(request);
        let value = match name {
            b"MULTI" => {
                self.transaction = Some(Transaction { stepwise: true, ..Transaction::default() });
                Value::Ok
            }
            b"EXEC" if self.transaction.is_some() => return self.exec(server, Some(request)),
            b"DISCARD" if self.transaction.take().is_some() => {
                self.watching = false;
                Value::Ok
            }
            b"WATCH" => {
                self.watching = true;
                Value::Ok
            }
            b"UNWATCH" if self.transaction.is_none() => {
                self.watching = false;
                Value::Ok
            }
            b"UNWATCH" => Value::Status(b"QUEUED".to_vec()),
            _ => Value::error(format!("ERR without MULTI, of #{request}")),
        };
        self.reply(server, request, value);
        Ok(())
    }

    /// The end of a transaction, by the core or by a session's own request.
    fn exec(&mut self, server: &mut Server, by: Option<u64>) -> Result<(), String> {
        let transaction = self.transaction.take().ok_or("the server got EXEC without MULTI")?;
        self.watching = false;
        let Some(request) = by.or(transaction.request) else {
            self.answer(Value::Array(Vec::new()));
            return Ok(());
        };
        if transaction.spoiled {
            return self.refuse(server, Some(request), "EXECABORT Transaction discarded because of previous errors.");
        }
        if by.is_none() {
            server.log.note_executed(request);
        }
        let mut values = Vec::new();
        for command in &transaction.commands {
            let of = tag(command).unwrap_or(request);
            if transaction.stepwise && of != request {
                server.log.note_executed(of);
            }
            values.push(run(server, &command[0], command, of));
        }
        self.reply(server, request, Value::Array(values));
        Ok(())
    }

    pub fn reply(&mut self, server: &mut Server, request: u64, value: Value) {
        let value = if self.resp3 { value } else { value.lowered() };
        value.encode(self.resp3, &mut self.output);
        server.log.note_reply(request, value);
    }

    /// An error instead of an execution.
    fn refuse(&mut self, server: &mut Server, request: Option<u64>, text: &str) -> Result<(), String> {
        let value = Value::error(text);
        self.answer(value.clone());
        let within = |transaction: &&mut Transaction| !transaction.stepwise || transaction.nested;
        if let Some(transaction) = self.transaction.as_mut().filter(within) {
            transaction.spoiled = true;
            transaction.request = transaction.request.or(request);
            return Ok(());
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.spoiled = true;
        }
        if let Some(request) = request {
            server.log.note_reply(request, value);
        }
        Ok(())
    }
}

/// Whose command it is.
pub fn tag(command: &Command) -> Option<u64> {
    // With BLPOP, the last word is a time.
    let word = command.iter().rev().take(2).find_map(|word| word.strip_prefix(b"#"))?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn run(server: &mut Server, name: &[u8], command: &Command, request: u64) -> Value {
    let argument = command.get(1).cloned().unwrap_or_default();
    match name {
        b"ECHO" => Value::Bulk(argument),
        b"SET" => {
            server.data.insert(argument, command.get(2).cloned().unwrap_or_default());
            Value::Ok
        }
        b"GET" => server.data.get(&argument).map_or(Value::Nil, Value::bulk),
        b"INCR" => {
            server.count += 1;
            Value::Int(server.count)
        }
        b"XRANGE" => {
            let inner = Value::Array(vec![Value::Nil, Value::Bulk(argument), Value::Bool(true)]);
            Value::Array(vec![Value::Int(request as i64), inner, Value::Array(Vec::new())])
        }
        b"HGETALL" => {
            Value::Map(vec![(Value::bulk("request"), Value::Int(request as i64)), (Value::Nil, Value::Bulk(argument))])
        }
        b"HGET" => Value::Nil,
        b"BLPOP" => server.lists.pop(&argument).map_or(Value::Nil, |element| popped(&argument, element)),
        b"EVAL" | b"EVAL_RO" => {
            let name = argument.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            server.scripts.insert(name.to_vec());
            answer_of(name, request)
        }
        b"EVALSHA" | b"EVALSHA_RO" if server.scripts.contains(&argument) => answer_of(&argument, request),
        b"EVALSHA" | b"EVALSHA_RO" => Value::error(NOSCRIPT),
        b"FROB" | b"MOD.X" => Value::Bulk(argument),
        _ => Value::error(format!("ERR not done, of #{request}")),
    }
}

fn answer_of(script: &[u8], request: u64) -> Value {
    Value::Array(vec![Value::bulk(script), Value::Int(request as i64)])
}
