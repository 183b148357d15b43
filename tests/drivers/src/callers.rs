//! Callers: what they ask, what they got, and whether that is right.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use coracle::{Cause, Client, Error, Failure, Outcome};
use redis::Value;
use tokio::sync::Notify;

use crate::payload::payload;
use crate::script::{Call, Command, End, Script, Shape, Verb};
use crate::server::Server;
use crate::world::World;

/// All calls of a run.
#[derive(Debug, Default)]
pub struct Calls {
    started: BTreeMap<u64, Call>,
    /// Of each command; a transaction's are all the same.
    ended: BTreeMap<u64, Vec<End>>,
    leaving: BTreeMap<u64, Arc<Notify>>,
    /// Who was made to leave by a step.
    cancelled: Vec<u64>,
}

impl Calls {
    /// A caller begins; gives what tells it to leave.
    pub fn start(&mut self, call: &Call) -> Arc<Notify> {
        let leave = Arc::new(Notify::new());
        self.started.insert(call.id, call.clone());
        self.leaving.insert(call.id, Arc::clone(&leave));
        leave
    }

    pub fn cancel(&mut self, id: u64) {
        self.cancelled.push(id);
        if let Some(leave) = self.leaving.get(&id) {
            leave.notify_one();
        }
    }

    pub fn cancel_all(&self) {
        self.leaving.values().for_each(|leave| leave.notify_one());
    }

    pub fn have_ended(&self) -> bool {
        self.ended.len() == self.started.len()
    }

    pub fn have_left(&self) -> bool {
        self.cancelled.iter().all(|id| self.ended.contains_key(id) || !self.started.contains_key(id))
    }

    pub fn ends(&self, id: u64) -> &[End] {
        self.ended.get(&id).map_or(&[], Vec::as_slice)
    }

    /// What is wrong with how calls ended, now that nothing more comes.
    pub fn check(&self, script: &Script, server: &Server) -> Vec<String> {
        let mut wrong = Vec::new();
        for (id, call) in &self.started {
            let ends = self.ends(*id);
            if ends.len() != call.commands.len() {
                wrong.push(format!("call {id} of {} commands has {} ends", call.commands.len(), ends.len()));
            }
            let mut counts = Vec::new();
            for (place, (command, end)) in call.commands.iter().zip(ends).enumerate() {
                let count = server.executed(&token(*id, place));
                let repeatable = script.repeat && !matches!(command.verb, Verb::Push | Verb::Pop | Verb::Fail);
                let fine = match end {
                    End::Reply => count > 0,
                    End::NotSent => count == 0,
                    End::Maybe | End::Cancelled => true,
                };
                if !fine || count > 1 && !repeatable {
                    wrong
                        .push(format!("command {place} of call {id} ended as {end:?}, and was executed {count} times"));
                }
                counts.push(count > 0);
            }
            if call.shape == Shape::Transaction && counts.windows(2).any(|two| two[0] != two[1]) {
                wrong.push(format!("a part of the transaction of call {id} was executed"));
            }
            if let Some(expected) = script.expect.get(id)
                && ends.iter().any(|end| !expected.contains(end))
            {
                wrong.push(format!("call {id} ended as {ends:?}, and {expected:?} was expected"));
            }
        }
        wrong
    }
}

/// Calls, and notes how that ended.
pub async fn call(world: Arc<World>, client: Client, call: Call, leave: Arc<Notify>) {
    let results = tokio::select! {
        results = perform(&client, &call) => Some(results),
        () = leave.notified() => None,
    };
    drop(client);
    world.change(|state| {
        let ends = match results {
            None => vec![End::Cancelled; call.commands.len()],
            Some(results) => {
                let judged = results.into_iter().zip(&call.commands).enumerate();
                judged
                    .map(|(place, (result, command))| {
                        let token = token(call.id, place);
                        judge(command, &token, result, &state.server).unwrap_or_else(|wrong| {
                            state.server.violations.push(wrong);
                            End::Reply
                        })
                    })
                    .collect()
            }
        };
        let again = state.calls.ended.insert(call.id, ends);
        assert!(again.is_none(), "call {} ended twice", call.id);
    });
}

/// What makes a command's bytes its own.
fn token(id: u64, place: usize) -> String {
    format!("c{id}.{place}")
}

async fn perform(client: &Client, call: &Call) -> Vec<Result<Value, Error>> {
    let count = call.commands.len();
    let mut commands: Vec<coracle::Command> =
        call.commands.iter().enumerate().map(|(place, command)| of(command, &token(call.id, place))).collect();
    match call.shape {
        Shape::Single => match commands.pop() {
            Some(command) => vec![client.call(command).await],
            None => Vec::new(),
        },
        Shape::Pipeline => client.pipeline(commands).await.unwrap_or_else(|error| vec![Err(error); count]),
        Shape::Transaction => match client.transaction(commands).await {
            Ok(Value::Array(values)) => values.into_iter().map(Ok).collect(),
            Ok(other) => vec![Ok(other); count],
            Err(error) => vec![Err(error); count],
        },
    }
}

fn of(command: &Command, token: &str) -> coracle::Command {
    let value = || Bytes::from(payload(token, command.size));
    let key = format!("{token}/{}/{}", command.size, command.count);
    match command.verb {
        Verb::Push => coracle::Command::new("RPUSH").arg("list").arg(value()),
        Verb::Echo => coracle::Command::new("ECHO").arg(value()),
        Verb::Get => coracle::Command::new("GET").arg(key),
        Verb::Range => coracle::Command::new("LRANGE").arg(key).arg("0").arg("-1"),
        Verb::Fail => coracle::Command::new("INCR").arg(key),
        Verb::Pop => coracle::Command::new("BLPOP").arg(key).arg("0"),
    }
}

/// How a command ended; or what is wrong with its reply, or with its error.
fn judge(command: &Command, token: &str, result: Result<Value, Error>, server: &Server) -> Result<End, String> {
    let key = || format!("{token}/{}/{}", command.size, command.count).into_bytes();
    let value = || Value::BulkString(payload(token, command.size));
    let right = match (command.verb, &result) {
        (Verb::Push, Ok(Value::Int(place))) => server.is_at(token, *place),
        (Verb::Echo | Verb::Get, Ok(got)) => *got == value(),
        (Verb::Range, Ok(got)) => *got == Value::Array(vec![value(); command.count]),
        (Verb::Pop, Ok(got)) => *got == Value::Array(vec![Value::BulkString(key()), value()]),
        (Verb::Fail, Ok(Value::ServerError(error))) => error.details() == Some(&format!("no number at {token}")),
        (Verb::Fail, Err(Error::Server(error))) => error.text == format!("ERR no number at {token}"),
        (_, Err(Error::Failed(failed))) => match (failed.failure, failed.cause) {
            (Failure::Misuse | Failure::Limit, _) | (_, Cause::Protocol | Cause::TooLarge | Cause::Silent) => false,
            (Failure::MaybeExecuted, _) => return Ok(End::Maybe),
            _ => return Ok(End::NotSent),
        },
        _ => false,
    };
    if right {
        return Ok(End::Reply);
    }
    let executed = server.executed(token);
    let outcome = result.as_ref().err().map(Error::outcome) == Some(Outcome::Executed);
    let mut shown = format!("{result:?}");
    shown.truncate(shown.char_indices().nth(200).map_or(shown.len(), |(at, _)| at));
    Err(format!("{token}, {:?}, executed {executed} times (said: {outcome}), got {shown}", command.verb))
}
