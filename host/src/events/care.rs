//! The records of commands, and what keeps a store well.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_core::Stream;

use super::append::unexpected;
use super::command::Executed;
use super::error::EventError;
use super::flow::{Flow, Turn};
use super::{EventStore, LONG};
use crate::engine::store::{Call, Outcome, Since as Wire};

/// From which command on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// The one of this number, counted from 1.
    Number(u64),
    /// The first one of this time or later.
    Time(SystemTime),
    /// The one that appended the event at this position.
    Position(u64),
}

/// The records of commands, in order, up to the last that is there when it gets so far. It is a [`Stream`], too.
pub struct Commands {
    store: EventStore,
    since: Since,
    limit: u64,
    within: Option<Duration>,
    flow: Option<Flow>,
    commands: VecDeque<Executed>,
}

/// What could go wrong with the server that a store is on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The setting, such as `maxmemory-policy`.
    pub about: String,
    /// What it is, what can be lost, and what to do.
    pub text: String,
}

/// Numbers of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Events: the position of the last.
    pub head: u64,
    /// Commands with a record.
    pub commands: u64,
    /// Types of events, of at most 4096.
    pub types: u32,
    /// Keys that the log is in.
    pub segments: u32,
    /// Bytes in the last of them.
    pub segment_bytes: u64,
}

/// What was found, or mended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Events looked at.
    pub events: u64,
    /// Faults.
    pub faults: u64,
    /// The first hundred of them, in words.
    pub texts: Vec<String>,
}

impl EventStore {
    /// The records of commands, from one on.
    #[must_use]
    pub fn commands(&self, since: Since) -> Commands {
        Commands { store: self.clone(), since, limit: 0, within: None, flow: None, commands: VecDeque::new() }
    }

    /// Looks at the server's settings, and says what can be lost by them.
    pub async fn inspect(&self) -> Result<Vec<Warning>, EventError> {
        match self.run(Call::Inspect { deadline: self.deadline(None) }).await? {
            Outcome::Inspected(warnings) => {
                Ok(warnings.into_iter().map(|warning| Warning { about: warning.about, text: warning.text }).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Counts.
    pub async fn stats(&self) -> Result<StoreStats, EventError> {
        match self.run(Call::Stats { deadline: self.deadline(None) }).await? {
            Outcome::Stats(totals) => Ok(StoreStats {
                head: totals.head,
                commands: totals.commands,
                types: totals.types,
                segments: totals.segments,
                segment_bytes: totals.segment_bytes,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Checks the indexes, and the records of commands, against the log, and tells how far it is: events done, of so
    /// many.
    pub async fn verify(&self, progress: impl FnMut(u64, u64)) -> Result<Verified, EventError> {
        self.long(Call::Verify { deadline: self.deadline(Some(LONG)) }, progress).await
    }

    /// Makes the indexes anew from the log, and tells how far it is. Nothing can be read or appended
    /// meanwhile: [`EventError::Rebuilding`]. What was begun and did not end goes on where it was.
    pub async fn rebuild(&self, progress: impl FnMut(u64, u64)) -> Result<Verified, EventError> {
        self.long(Call::Rebuild { deadline: self.deadline(Some(LONG)) }, progress).await
    }

    async fn long(&self, call: Call, mut progress: impl FnMut(u64, u64)) -> Result<Verified, EventError> {
        let mut flow = Flow::new(&self.inner, call, Vec::new());
        loop {
            match flow.turn().await? {
                Turn::Progress(done, total) => progress(done, total),
                Turn::Done(Outcome::Verified(found)) => {
                    return Ok(Verified { events: found.events, faults: found.faults, texts: found.texts });
                }
                Turn::Done(other) => return Err(unexpected(&other)),
                Turn::Events(..) | Turn::Commands(_) | Turn::Decide(_) => {}
            }
        }
    }
}

impl Commands {
    /// At most so many.
    #[must_use]
    pub fn limit(mut self, commands: u64) -> Self {
        self.limit = commands;
        self
    }

    /// How long all of it may take, from the first record to the last, in place of the client's deadline.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// The next one; `None` when there is no more, and after an error.
    pub async fn next(&mut self) -> Option<Result<Executed, EventError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// All of them, or those that were not read yet.
    pub async fn all(mut self) -> Result<Vec<Executed>, EventError> {
        let mut all = Vec::new();
        while let Some(command) = self.next().await {
            all.push(command?);
        }
        Ok(all)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Executed, EventError>>> {
        loop {
            if let Some(command) = self.commands.pop_front() {
                return Poll::Ready(Some(Ok(command)));
            }
            if self.flow.is_none() {
                let deadline = self.store.deadline(self.within);
                let call = Call::ReadCommands { deadline, since: self.since.wire(), limit: self.limit };
                self.flow = Some(Flow::new(&self.store.inner, call, Vec::new()));
            }
            let Some(flow) = self.flow.as_mut().filter(|flow| !flow.is_over()) else { return Poll::Ready(None) };
            match ready!(flow.poll_turn(cx)) {
                Ok(Turn::Commands(commands)) => self.commands = commands.into(),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Since {
    fn wire(self) -> Wire {
        match self {
            Self::Number(number) => Wire::Number(number),
            Self::Time(time) => {
                let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
                Wire::Time(u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
            }
            Self::Position(position) => Wire::Position(position),
        }
    }
}

impl Stream for Commands {
    type Item = Result<Executed, EventError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").field("since", &self.since).finish_non_exhaustive()
    }
}
