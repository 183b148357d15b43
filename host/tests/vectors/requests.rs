//! Calls, sessions and renewals of a vector.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use coracle::{Client, Command, Credentials, Error, Script, Session, redis};
use tokio::task::JoinHandle;
use vectors::{End, Step};

use crate::values::{check_failure, check_reply};

/// What callers of a client are about.
pub struct Requests {
    client: Client,
    calls: HashMap<u64, Option<JoinHandle<Result<Answer, Error>>>>,
    sessions: HashMap<u32, Seat>,
    renewals: HashMap<u64, JoinHandle<Result<(), Error>>>,
}

/// A reply, and its bytes where they were asked for.
type Answer = (redis::Value, Option<Bytes>);

/// A session, or who waits for one.
enum Seat {
    Waiting(JoinHandle<Result<Session, Error>>),
    Held(Session),
    /// One that had a link is kept for calls that come too late.
    Over(Option<Session>),
}

impl Requests {
    pub fn new(client: Client) -> Self {
        Self { client, calls: HashMap::new(), sessions: HashMap::new(), renewals: HashMap::new() }
    }

    pub async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Call { id, command, .. } if command.track => {
                let (cached, command) = (self.client.cached(Duration::MAX), to_command(command)?);
                self.begin(*id, async move { cached.call(command).await });
            }
            Step::Call { id, command, .. } if command.raw => {
                let (client, command) = (self.client.clone(), to_command(command)?);
                let call = async move { client.raw(command).await.map(|reply| (reply.value, Some(reply.bytes))) };
                self.calls.insert(*id, Some(tokio::spawn(call)));
            }
            Step::Call { id, session, command } => self.call(*id, *session, to_command(command)?)?,
            Step::Transaction { id, session, commands } => {
                let commands = commands.iter().map(to_command).collect::<Result<_>>()?;
                self.transaction(*id, *session, commands)?;
            }
            Step::Cancel(id) => {
                let call = self.calls.get_mut(id).and_then(Option::take).context("no such call")?;
                call.abort();
            }
            Step::Reply { id, value, raw } => {
                let result = self.result(*id).await?.context("it was cancelled")?;
                let bytes = result.as_ref().ok().and_then(|(_, bytes)| bytes.as_deref());
                ensure!(bytes == raw.as_deref(), "the reply came as {bytes:?}");
                check_reply(&result.map(|(value, _)| value), value)?;
            }
            Step::Failed { id, failure, cause } => match self.result(*id).await? {
                Some(Err(error)) => check_failure(&error, Some(failure), Some(cause))?,
                Some(Ok(value)) => bail!("it has a reply: {value:?}"),
                // Its caller gave up, and so sees nothing.
                None => {}
            },
            Step::Lease(session) => {
                let client = self.client.clone();
                let waiting = tokio::spawn(async move { client.session().await });
                self.sessions.insert(*session, Seat::Waiting(waiting));
            }
            Step::Leased { session, end } => self.leased(*session, end.as_ref()).await?,
            Step::Release(session) => match self.sessions.remove(session).context("no such session")? {
                Seat::Waiting(waiting) => waiting.abort(),
                Seat::Held(_) | Seat::Over(_) => {}
            },
            Step::Renew { id, username, password } => {
                let (client, credentials) = (self.client.clone(), Credentials::new(username, password));
                self.renewals.insert(*id, tokio::spawn(async move { client.renew(credentials).await }));
            }
            Step::Renewed { id, end } => {
                let told = self.renewals.remove(id).context("no such renewal")?.await?;
                check_end(told.err().as_ref(), end.as_ref())?;
            }
            _ => bail!("a step of a kind that this runner does not know"),
        }
        Ok(())
    }

    pub fn nothing_left(&self) -> Result<()> {
        ensure!(self.calls.values().all(Option::is_none), "calls are open");
        ensure!(self.renewals.is_empty(), "renewals are open");
        for (number, seat) in &self.sessions {
            let over = if let Seat::Held(session) = seat { session.over() } else { None };
            ensure!(over.is_none(), "session {number} is over: {over:?}");
        }
        Ok(())
    }

    fn call(&mut self, id: u64, session: u32, command: Command) -> Result<()> {
        let client = self.client.clone();
        match self.session(session)? {
            Some(session) => self.begin(id, async move { session.call(command).await }),
            None => self.begin(id, async move { client.call(command).await }),
        }
        Ok(())
    }

    fn transaction(&mut self, id: u64, session: u32, commands: Vec<Command>) -> Result<()> {
        let client = self.client.clone();
        match self.session(session)? {
            Some(session) => self.begin(id, async move { session.transaction(commands).await }),
            None => self.begin(id, async move { client.transaction(commands).await }),
        }
        Ok(())
    }

    /// Lets a call without bytes go on beside the steps.
    fn begin(&mut self, id: u64, call: impl Future<Output = Result<redis::Value, Error>> + Send + 'static) {
        let call = async move { call.await.map(|value| (value, None)) };
        self.calls.insert(id, Some(tokio::spawn(call)));
    }

    /// The session of this number, none for 0.
    fn session(&self, number: u32) -> Result<Option<Session>> {
        match self.sessions.get(&number) {
            _ if number == 0 => Ok(None),
            Some(Seat::Held(session) | Seat::Over(Some(session))) => Ok(Some(session.clone())),
            _ => bail!("there is no session {number}"),
        }
    }

    /// How the call ended; `None` if it was cancelled.
    async fn result(&mut self, id: u64) -> Result<Option<Result<Answer, Error>>> {
        match self.calls.remove(&id).context("no such call")? {
            Some(call) => Ok(Some(call.await?)),
            None => Ok(None),
        }
    }

    /// A session has its link, or can't have it, or has it no longer.
    async fn leased(&mut self, number: u32, end: Option<&End>) -> Result<()> {
        match self.sessions.remove(&number).context("no such session")? {
            Seat::Waiting(waiting) => {
                let had = waiting.await?;
                check_end(had.as_ref().err(), end)?;
                self.sessions.insert(number, had.map_or(Seat::Over(None), Seat::Held));
            }
            Seat::Held(session) => {
                let over = session.over().context("the session is not over")?;
                check_end(Some(&over), end)?;
                self.sessions.insert(number, Seat::Over(Some(session)));
            }
            Seat::Over(_) => bail!("the session was over before"),
        }
        Ok(())
    }
}

fn check_end(error: Option<&Error>, end: Option<&End>) -> Result<()> {
    match (error, end) {
        (None, None) => Ok(()),
        (Some(error), Some(end)) => check_failure(error, Some(&end.failure), Some(&end.cause)),
        _ => bail!("it ended with {error:?}"),
    }
}

/// The command as this crate makes it.
fn to_command(command: &vectors::Command) -> Result<Command> {
    let args = &command.args;
    let mut made = if command.script { script(args)? } else { Command::from_args(args) };
    if command.may_repeat {
        made = made.may_repeat();
    }
    if let Some(within) = command.deadline {
        made = made.deadline(Duration::from_millis(within));
    }
    Ok(made)
}

fn script(args: &[Vec<u8>]) -> Result<Command> {
    let [name, _hash, source, count, rest @ ..] = args else { bail!("a script has four arguments at least") };
    let script = Script::new(String::from_utf8(source.clone())?);
    let script = if name == b"EVALSHA_RO" { script.read_only() } else { script };
    let (keys, args) = rest.split_at(std::str::from_utf8(count)?.parse()?);
    Ok(script.command(keys, args))
}
