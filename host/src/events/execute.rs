//! Executing commands: read, decide, append on the condition of what was read.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::append::{Appended, appended};
use super::command::Command;
use super::error::{EventError, ExecuteError};
use super::event::Event;
use super::flow::{Flow, Turn};
use super::lock::{Held, LEASE, Lock};
use super::options::{Durability, millis};
use super::query::Query;
use super::read::Reader;
use super::{EventStore, Inner};
use crate::engine::store::{Call, Lease, Retries};

/// How a command is executed. Everything has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecuteOptions {
    attempts: u32,
    backoff: Duration,
    max_backoff: Duration,
    lease: Duration,
    durability: Option<Durability>,
    deadline: Option<Duration>,
    held: Vec<Held>,
}

/// What a handler reads through: the events that it decides makes are appended on the condition that nothing has
/// changed of what was read. All reads of a decision see the same log. Clones are of the same decision, and it is over
/// when the handler returns.
#[derive(Debug, Clone)]
pub struct Decision {
    store: Arc<Inner>,
    flow: u64,
    attempt: u32,
    deadline: u64,
    leases: Arc<[Lease]>,
    /// By the caller.
    held: Arc<[Held]>,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(500),
            lease: LEASE,
            durability: None,
            deadline: None,
            held: Vec::new(),
        }
    }
}

impl ExecuteOptions {
    /// As it is unless something else is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the handler may run, where others changed what it had read: 3 times unless set. At least once.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The longest pause before the second run, which is doubled each time, and what it never passes: 5 ms and 500 ms
    /// unless set. A pause is drawn by chance from 0 to that.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        (self.backoff, self.max_backoff) = (first, most);
        self
    }

    /// How long a lease of the command's locks is: 10 seconds unless set. It is renewed while the handler runs.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// What must have happened before it is acknowledged, in place of what the store's options say.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Only while this lock is held, which the server checks: [`EventError::LockLost`] where it is not any more, and
    /// nothing is written. The command or its events may name it; it is not taken again then, which would wait for
    /// itself.
    #[must_use]
    pub fn holding(mut self, lock: &Lock) -> Self {
        self.held.push(lock.held());
        self
    }

    /// How long it may take, handler and locks included, in place of the client's deadline.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within);
        self
    }

    fn retries(&self) -> Retries {
        Retries {
            attempts: self.attempts,
            backoff: millis(self.backoff),
            max_backoff: millis(self.max_backoff),
            lease: millis(self.lease),
        }
    }
}

impl EventStore {
    /// Executes a command: takes its locks, has the handler read and decide, and appends the events that it gives,
    /// together with the command's record, on the condition that nothing has changed of what it read. Where something
    /// has, the handler runs again.
    ///
    /// The handler's own errors come back as they are, and nothing is written then. When a lock of the command is lost
    /// while the handler waits, the handler goes no further, and is dropped: [`EventError::LockLost`]. The command's id
    /// makes it happen once: an append that may have been executed is resolved by that before this returns, as far as
    /// the deadline allows; and a command that was executed before gives its first result, though its handler may say
    /// no to what it did then.
    ///
    /// ```no_run
    /// # use coracle::events::*;
    /// # async fn example(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
    /// let command = Command::new("DefineCourse").data(r#"{"course":"c1"}"#);
    /// let appended = store
    ///     .execute(command, ExecuteOptions::new(), async |decision: Decision| {
    ///         let known = decision.read(Query::tags(["course:c1"])).limit(1).all().await?;
    ///         let event = Event::new("CourseDefined").tag("course:c1");
    ///         Ok::<_, EventError>(if known.is_empty() { vec![event] } else { vec![] })
    ///     })
    ///     .await?;
    /// println!("the head is at {}", appended.last);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute<E, F, A>(
        &self,
        command: Command,
        options: ExecuteOptions,
        mut handler: F,
    ) -> Result<Appended, ExecuteError<E>>
    where
        // No `AsyncFnMut`: of its futures it can't be said that they may move between threads.
        F: FnMut(Decision) -> A,
        A: Future<Output = Result<Vec<Event>, E>>,
    {
        let (deadline, blobs) = (self.deadline(options.deadline), command.blobs());
        let of_command = blobs.len();
        let call = Call::Execute {
            deadline,
            command: command.wire(&[]),
            retries: options.retries(),
            durability: options.durability.map(Durability::wire),
            held: options.held.iter().map(Held::wire).collect(),
        };
        let mut flow = Flow::new(&self.inner, call, blobs.into());
        loop {
            match flow.turn().await? {
                Turn::Decide(decision) => {
                    let decision = Decision {
                        store: Arc::clone(&self.inner),
                        flow: flow.number(),
                        attempt: decision.attempt,
                        deadline,
                        leases: decision.leases.into(),
                        held: options.held.as_slice().into(),
                    };
                    match self.decide(decision, &options, &mut handler).await {
                        Ok(events) => flow.decided(&events, of_command),
                        Err(ExecuteError::Handler(error)) => return declined(flow, error).await,
                        Err(error) => {
                            flow.cancel().await;
                            return Err(error);
                        }
                    }
                }
                Turn::Done(outcome) => return Ok(appended(outcome)?),
                Turn::Events(..) | Turn::Commands(_) | Turn::Progress(..) => {}
            }
        }
    }

    /// Runs the handler, renews the leases meanwhile, and looks at what it gives.
    async fn decide<E, F, A>(
        &self,
        decision: Decision,
        options: &ExecuteOptions,
        handler: &mut F,
    ) -> Result<Vec<Event>, ExecuteError<E>>
    where
        F: FnMut(Decision) -> A,
        A: Future<Output = Result<Vec<Event>, E>>,
    {
        let deadline = self.inner.clock().instant(decision.deadline);
        let mut keeper = decision.keeper(options);
        let mut running = std::pin::pin!(self.inner.client.shared.timeout_at(deadline, handler(decision)));
        let decided = std::future::poll_fn(|cx| {
            let lost = keep(&mut keeper, cx);
            match (running.as_mut().poll(cx), lost) {
                (Poll::Pending, Some(lost)) => Poll::Ready(Err(lost)),
                (polled, _) => polled.map(Ok),
            }
        });
        let late = || EventError::Deadline { maybe_executed: false };
        let events = decided.await?.map_err(|_| late())?.map_err(ExecuteError::Handler)?;
        self.check(&events)?;
        Ok(events)
    }
}

impl Decision {
    /// Reads, as [`EventStore::read`] does: the append depends on what matches.
    #[must_use]
    pub fn read(&self, query: Query) -> Reader {
        self.reader(vec![query])
    }

    /// Which run of the handler this is, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The fencing token of a lock that the command holds, or its caller: see [`super::Lock::fence`].
    #[must_use]
    pub fn fence(&self, lock: &str) -> Option<u64> {
        let taken = self.leases.iter().find(|lease| lease.name == lock).map(|lease| lease.fence);
        taken.or_else(|| self.held.iter().find(|held| held.name == lock).map(|held| held.fence))
    }

    pub(super) fn reader(&self, queries: Vec<Query>) -> Reader {
        Reader::new(&self.store, queries, Some((self.flow, self.deadline)))
    }

    /// What renews the leases, if there are any.
    fn keeper(&self, options: &ExecuteOptions) -> Option<Flow> {
        let call = Call::Keep { leases: self.leases.to_vec(), duration: millis(options.lease) };
        (!self.leases.is_empty()).then(|| Flow::new(&self.store, call, Vec::new()))
    }
}

/// What the command came to when it was executed before; else the handler's error.
async fn declined<E>(mut flow: Flow, error: E) -> Result<Appended, ExecuteError<E>> {
    flow.declined();
    match flow.outcome().await {
        Ok(outcome) => Ok(appended(outcome)?),
        // The core has seen that no attempt before was executed.
        Err(EventError::Cancelled { .. }) => Err(ExecuteError::Handler(error)),
        Err(unknown) => Err(unknown.into()),
    }
}

/// Goes on renewing, until a lease is lost. Whether one is where that can't be known, the append finds out.
fn keep(keeper: &mut Option<Flow>, cx: &mut Context<'_>) -> Option<EventError> {
    while let Some(flow) = keeper {
        match flow.poll_turn(cx) {
            Poll::Pending => return None,
            Poll::Ready(Ok(turn)) if !matches!(turn, Turn::Done(_)) => {}
            Poll::Ready(ended) => {
                *keeper = None;
                return ended.err().filter(|error| matches!(error, EventError::LockLost { .. }));
            }
        }
    }
    None
}
