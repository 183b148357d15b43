//! What the model server does for requests.

use crate::blocking::popped;
use crate::server::Server;
use crate::session::{Command, Session, tag};
use crate::value::Value;

/// What a server says to EVALSHA of a script that it does not know.
const NOSCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";

/// What a server says to MULTI within a transaction.
pub const NESTED: &str = "ERR MULTI calls can not be nested";

/// What a connection gathers between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    pub commands: Vec<Vec<Vec<u8>>>,
    /// Whose it is; none where a session began it by itself.
    pub request: Option<u64>,
    pub stepwise: bool,
    /// The core began another one within.
    pub nested: bool,
    pub spoiled: bool,
}

impl Session {
    /// A command with a tag.
    pub fn of_a_request(
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
            return self.refuse(server, Some(request), "LOADING Redis is loading the dataset in memory");
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
    pub fn exec(&mut self, server: &mut Server, by: Option<u64>) -> Result<(), String> {
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

    /// Answers a request.
    pub fn reply(&mut self, server: &mut Server, request: u64, value: Value) {
        let value = if self.resp3 { value } else { value.lowered() };
        value.encode(self.resp3, &mut self.output);
        server.log.note_reply(request, value);
    }

    /// An error instead of an execution.
    pub fn refuse(&mut self, server: &mut Server, request: Option<u64>, text: &str) -> Result<(), String> {
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
