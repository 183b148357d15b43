//! One connection at the model server: its commands.

use std::collections::BTreeSet;

use coracle_core::pubsub::Kind;

use crate::server::{Name, PASSWORD, Server};
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
    authenticated: bool,
    transaction: Option<Transaction>,
}

#[derive(Debug, Default)]
struct Transaction {
    commands: Vec<Vec<Vec<u8>>>,
    request: Option<u64>,
    spoiled: bool,
}

type Command = [Vec<u8>];

impl Session {
    /// A new connection.
    pub fn new() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Executes one command, and answers it.
    pub fn execute(&mut self, server: &mut Server, command: &Command) -> Result<(), String> {
        self.greeted = true;
        let name = command.first().ok_or("the server got an empty command")?.to_ascii_uppercase();
        let text =
            |at: usize| command.get(at).map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        if server.password && !self.authenticated && !matches!(&name[..], b"HELLO" | b"AUTH") {
            let request = tag(command);
            return self.refuse(server, request, "NOAUTH Authentication required.");
        }
        match &name[..] {
            b"HELLO" => self.hello(server, command),
            b"AUTH" => {
                let said = self.authenticate(server, &text(command.len() - 1));
                self.answer(said);
            }
            b"SELECT" | b"CLIENT" => self.answer(Value::Ok),
            b"PING" if self.resp3 || self.subscribed.is_empty() => self.answer(Value::Status(b"PONG".to_vec())),
            b"PING" => self.answer(Value::Push(vec![Value::bulk("pong"), Value::bulk("")])),
            b"MULTI" => {
                self.transaction = Some(Transaction::default());
                self.answer(Value::Ok);
            }
            b"EXEC" => return self.exec(server),
            b"SUBSCRIBE" => self.subscribe(Kind::Channel, "subscribe", &command[1..]),
            b"PSUBSCRIBE" => self.subscribe(Kind::Pattern, "psubscribe", &command[1..]),
            b"SSUBSCRIBE" => self.subscribe(Kind::Shard, "ssubscribe", &command[1..]),
            b"UNSUBSCRIBE" => self.unsubscribe(Kind::Channel, "unsubscribe", &command[1..]),
            b"PUNSUBSCRIBE" => self.unsubscribe(Kind::Pattern, "punsubscribe", &command[1..]),
            b"SUNSUBSCRIBE" => self.unsubscribe(Kind::Shard, "sunsubscribe", &command[1..]),
            _ => return self.of_a_request(server, &name, command),
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
        ]));
    }

    fn authenticate(&mut self, server: &Server, password: &str) -> Value {
        if server.modes.denying || password != PASSWORD {
            return Value::error("WRONGPASS invalid username-password pair or user is disabled.");
        }
        self.authenticated = true;
        Value::Ok
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
    fn of_a_request(&mut self, server: &mut Server, name: &[u8], command: &Command) -> Result<(), String> {
        let Some(request) = tag(command) else {
            self.answer(Value::error("ERR unknown command"));
            return Ok(());
        };
        if server.modes.loading {
            return self.refuse(server, Some(request), "LOADING the dataset is loading");
        }
        if server.modes.readonly && matches!(name, b"SET" | b"INCR") {
            return self.refuse(server, Some(request), "READONLY You can't write against a read only replica.");
        }
        if let Some(transaction) = &mut self.transaction {
            if transaction.request.is_some_and(|first| first != request) {
                return Err(format!("request {request} is in a transaction of another"));
            }
            transaction.request = Some(request);
            if name == b"STRLEN" {
                transaction.spoiled = true;
                self.answer(Value::error(format!("ERR unknown command, of #{request}")));
            } else {
                transaction.commands.push(command.to_vec());
                self.answer(Value::Status(b"QUEUED".to_vec()));
            }
            return Ok(());
        }
        server.log.note_executed(request);
        let value = run(server, name, command, request);
        self.reply(server, request, value);
        Ok(())
    }

    fn exec(&mut self, server: &mut Server) -> Result<(), String> {
        let transaction = self.transaction.take().ok_or("the server got EXEC without MULTI")?;
        let Some(request) = transaction.request else {
            self.answer(Value::Array(Vec::new()));
            return Ok(());
        };
        if transaction.spoiled {
            return self.refuse(server, Some(request), "EXECABORT Transaction discarded because of previous errors.");
        }
        server.log.note_executed(request);
        let mut values = Vec::new();
        for command in &transaction.commands {
            values.push(run(server, &command[0], command, request));
        }
        self.reply(server, request, Value::Array(values));
        Ok(())
    }

    fn reply(&mut self, server: &mut Server, request: u64, value: Value) {
        let value = if self.resp3 { value } else { value.lowered() };
        value.encode(self.resp3, &mut self.output);
        server.log.note_reply(request, value);
    }

    /// An error instead of an execution.
    fn refuse(&mut self, server: &mut Server, request: Option<u64>, text: &str) -> Result<(), String> {
        let value = Value::error(text);
        self.answer(value.clone());
        if let Some(transaction) = &mut self.transaction {
            transaction.spoiled = true;
            transaction.request = transaction.request.or(request);
        } else if let Some(request) = request {
            server.log.note_reply(request, value);
        }
        Ok(())
    }
}

/// Whose command it is.
fn tag(command: &Command) -> Option<u64> {
    let word = command.last()?.strip_prefix(b"#")?;
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
        _ => Value::error(format!("ERR not done, of #{request}")),
    }
}
