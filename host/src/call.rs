//! How a call gets from its caller to the manager, and its answer back.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument;

use crate::client::Client;
use crate::command::{Columns, Command, usage};
use crate::config::Repeat;
use crate::error::{Cause, Error, Outcome};
use crate::manager::{Aside, Job, MAX_COMMANDS, Replies, Shape, Signal};
use crate::rows::NEVER;
use crate::session::Handle;

/// Commands from this size on count against `Limits::waiting_bytes`; smaller ones are bounded by their number.
const LARGE: u64 = 4096;

/// Until when a call may take.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// As its caller said.
    Own(Duration),
    /// As the client's calls do unless their callers say otherwise.
    Usual(Option<Duration>),
}

impl Until {
    pub(crate) fn of(command: &Command, usual: Option<Duration>) -> Self {
        command.own_deadline().map_or(Self::Usual(usual), Self::Own)
    }

    fn instant(self) -> Option<Instant> {
        let (Self::Own(within) | Self::Usual(Some(within))) = self else { return None };
        Some(Instant::now() + within)
    }
}

impl Client {
    pub(crate) fn columns(&self, commands: Vec<Command>) -> Result<Columns, Error> {
        if commands.len() > MAX_COMMANDS {
            return Err(usage("a pipeline takes at most 16,777,216 commands"));
        }
        // A session's link is its caller's state: nothing on it can be repeated elsewhere.
        let repeat = self.shared.repeat == Repeat::Allowed && self.session.is_none();
        let mut columns = Columns::default();
        for command in commands {
            let command = if repeat { command.may_repeat() } else { command };
            columns.add(command, self.shared.hold_above)?;
        }
        Ok(columns)
    }

    /// Sends a command, and waits for its reply.
    pub(crate) async fn call_one(
        &self,
        command: Command,
        until: Until,
        aside: Option<Box<Aside>>,
    ) -> Result<Value, Error> {
        let span = tracing::debug_span!("coracle.call", command = command.name());
        let columns = self.columns(vec![command])?;
        match self.submit(columns, Shape::Single, until, aside).instrument(span).await? {
            Replies::One(reply) => reply,
            Replies::Many(_) => Err(Error::core(Outcome::MaybeExecuted, "one reply expected, not many")),
        }
    }

    pub(crate) async fn submit(
        &self,
        columns: Columns,
        shape: Shape,
        until: Until,
        aside: Option<Box<Aside>>,
    ) -> Result<Replies, Error> {
        let session = self.session.as_deref().map_or(Ok(0), Handle::number)?;
        let deadline = until.instant();
        let permit = self.permit(columns.size, deadline).await?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            columns,
            shape,
            deadline: deadline.map_or(NEVER, |deadline| self.shared.clock.at(deadline)),
            patient: matches!(until, Until::Usual(Some(_))),
            session,
            aside,
            reply,
            _permit: permit,
        };
        self.send(job, deadline).await?;
        let mut gone = GiveUp { signal: &self.shared.signal, armed: true };
        let replies = answer.await;
        gone.armed = false;
        // The manager answers every job that it takes, so this is one that ended with it.
        replies.map_err(|_| Error::core(Outcome::MaybeExecuted, "the client's task is gone"))
    }

    /// Room for a large command's bytes.
    async fn permit(&self, size: u64, deadline: Option<Instant>) -> Result<Option<OwnedSemaphorePermit>, Error> {
        if size < LARGE {
            return Ok(None);
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX).min(self.shared.large_limit);
        let permit = Arc::clone(&self.shared.large).acquire_many_owned(size);
        // The semaphore is never closed.
        in_time(deadline, permit).await.map(Result::ok)
    }

    /// A full queue waits until the deadline.
    async fn send(&self, job: Job, deadline: Option<Instant>) -> Result<(), Error> {
        let job = match self.jobs.try_send(job) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.end()),
            Err(mpsc::error::TrySendError::Full(job)) => job,
        };
        in_time(deadline, self.jobs.send(job)).await?.map_err(|_| self.end())
    }
}

/// Tells the manager that a caller went away; it looks for itself who it was.
struct GiveUp<'a> {
    signal: &'a Signal,
    armed: bool,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.signal.raise();
        }
    }
}

pub(crate) async fn in_time<F: Future>(deadline: Option<Instant>, future: F) -> Result<F::Output, Error> {
    match deadline {
        None => Ok(future.await),
        Some(deadline) => tokio::time::timeout_at(deadline, future)
            .await
            .map_err(|_| Error::not_sent(Cause::Deadline, "the client's queue is full")),
    }
}
