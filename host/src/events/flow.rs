//! A flow: an operation of a store, done step by step as the core says.

mod ending;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Inner;
use super::assemble::assemble;
use super::command::Executed;
use super::error::EventError;
use super::event::Recorded;
use super::flatten::{Answer, Flat, answers};
use super::listening::Parked;
use super::page;
use super::table::{Lost, Name, Scripts};
use super::transport::to_wire;
use crate::alarm::{Ended, ring_at};
use crate::engine::store::{Batch, Call, Cursor, Decision, Lease, Outcome, Step};
use crate::error::Error;
use crate::session::Session;

/// An operation under way. Nothing happens before it is polled. Dropped before its end, it is cancelled, and a task
/// does what is left to do.
pub(super) struct Flow {
    store: Arc<Inner>,
    name: Option<Name>,
    /// Of the instance that it is a flow of.
    scripts: Scripts,
    doing: Doing,
    /// What the pieces of commands name.
    blobs: Vec<Bytes>,
    /// Bulk strings of the last replies.
    bodies: Vec<Bytes>,
    /// Kept between its steps, where they are to go on one connection.
    session: Option<Session>,
    /// Whether anything was sent.
    sent: bool,
    /// Those of its decision, which it has taken.
    leases: Vec<Lease>,
    /// Its instance was lost.
    trapped: bool,
    /// It was cancelled, and a task does what is left to do.
    clearing: bool,
}

enum Doing {
    /// This is to be told to the core.
    Telling(Call),
    Sending(Sending),
    Waiting(Waiting),
    Parked(Parked),
    /// The caller has something, and `resume` follows when he wants more.
    Given,
    /// The caller decides: [`Flow::decided`] follows.
    Deciding,
    Over,
}

type Sending = Pin<Box<dyn Future<Output = (Result<Vec<Answer>, Error>, Option<Session>)> + Send>>;

type Waiting = Pin<Box<dyn Future<Output = Result<(), Ended>> + Send>>;

/// What a flow has for its caller.
#[derive(Debug)]
pub(super) enum Turn {
    Events(Vec<Recorded>, Cursor),
    Commands(Vec<Executed>),
    Progress(u64, u64),
    Decide(Decision),
    Done(Outcome),
}

impl Flow {
    pub(super) fn new(store: &Arc<Inner>, call: Call, blobs: Vec<Bytes>) -> Self {
        Self {
            store: Arc::clone(store),
            name: None,
            scripts: Scripts::default(),
            doing: Doing::Telling(call),
            blobs,
            bodies: Vec::new(),
            session: None,
            sent: false,
            leases: Vec::new(),
            trapped: false,
            clearing: false,
        }
    }

    pub(super) fn store(&self) -> &Arc<Inner> {
        &self.store
    }

    /// Its number, once it has begun.
    pub(super) fn number(&self) -> u64 {
        self.name.map_or(0, |name| name.flow)
    }

    /// Tells the core that it begins, without waiting for a poll.
    pub(super) fn begin(&mut self) -> Result<(), EventError> {
        let Doing::Telling(call) = std::mem::replace(&mut self.doing, Doing::Given) else { return Ok(()) };
        let step = self.tell(&call)?;
        self.take(step).map(|_| ())
    }

    /// What it has next for its caller. Nothing is lost where this future is dropped.
    pub(super) async fn turn(&mut self) -> Result<Turn, EventError> {
        std::future::poll_fn(|cx| self.poll_turn(cx)).await
    }

    /// What it ends with, where it has nothing else to give.
    pub(super) async fn outcome(mut self) -> Result<Outcome, EventError> {
        loop {
            if let Turn::Done(outcome) = self.turn().await? {
                return Ok(outcome);
            }
        }
    }

    /// The decision was made for these events, whose blobs come behind those that are there.
    pub(super) fn decided(&mut self, events: &[super::Event], earlier: usize) {
        self.blobs.truncate(earlier);
        self.blobs.extend(super::event::blobs(events));
        self.doing = Doing::Telling(Call::Decided(events.iter().map(super::Event::wire).collect()));
    }

    /// The handler gave an error: the core looks whether the command was executed before.
    pub(super) fn declined(&mut self) {
        self.doing = Doing::Telling(Call::Declined);
    }

    /// Whether it ended since its instance was lost: another one can begin where it was.
    pub(super) fn is_trapped(&self) -> bool {
        self.trapped
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.doing, Doing::Over)
    }

    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, EventError>> {
        let turn = ready!(self.poll_steps(cx));
        if matches!(turn, Err(_) | Ok(Turn::Done(_))) {
            self.doing = Doing::Over;
            self.session = None;
        }
        Poll::Ready(turn)
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, EventError>> {
        loop {
            let call = match &mut self.doing {
                Doing::Telling(_) => match std::mem::replace(&mut self.doing, Doing::Given) {
                    Doing::Telling(call) => call,
                    _ => continue,
                },
                Doing::Sending(sending) => {
                    let (answers, session) = ready!(sending.as_mut().poll(cx));
                    self.session = session;
                    self.answered(answers)
                }
                Doing::Waiting(waiting) => match ready!(waiting.as_mut().poll(cx)) {
                    Ok(()) => Call::Elapsed,
                    Err(Ended) => return Poll::Ready(Err(EventError::closed(self.sent))),
                },
                Doing::Parked(parked) => {
                    ready!(parked.as_mut().poll(cx));
                    Call::Elapsed
                }
                Doing::Given => Call::Resume,
                Doing::Deciding | Doing::Over => {
                    return Poll::Ready(Err(EventError::Misuse("the operation is over, or a decision is due".into())));
                }
            };
            let step = self.tell(&call)?;
            if let Some(turn) = self.take(step)? {
                return Poll::Ready(Ok(turn));
            }
        }
    }

    /// Begins to do what a step says, or gives what is for the caller.
    fn take(&mut self, step: Step) -> Result<Option<Turn>, EventError> {
        self.doing = Doing::Given;
        Ok(Some(match step {
            Step::Send(batch) => {
                self.send(&batch)?;
                return Ok(None);
            }
            Step::Wait(until) => {
                let until = self.store.clock().instant(until);
                self.doing = Doing::Waiting(Box::pin(ring_at(self.store.runtime.clone(), until)));
                return Ok(None);
            }
            Step::Park(number) => {
                let parked = self.name.and_then(|name| self.store.listening.park(&self.store, name, number));
                self.doing = Doing::Parked(parked.unwrap_or_else(|| Box::pin(std::future::ready(()))));
                return Ok(None);
            }
            Step::Events(found) => {
                let events = page::events(&found, &self.bodies).map_err(|_| self.wrong("events"))?;
                Turn::Events(events, found.cursor)
            }
            Step::Commands(records) => {
                Turn::Commands(page::commands(records, &self.bodies).map_err(|_| self.wrong("commands"))?)
            }
            Step::Progress(progress) => Turn::Progress(progress.done, progress.total),
            Step::Decide(decision) => {
                self.doing = Doing::Deciding;
                self.leases.clone_from(&decision.leases);
                Turn::Decide(decision)
            }
            Step::Done(outcome) => {
                self.name = None;
                Turn::Done(outcome)
            }
            Step::Failed(fault) => {
                self.name = None;
                return Err(fault.into());
            }
        }))
    }

    fn tell(&mut self, call: &Call) -> Result<Step, EventError> {
        let told = match self.name {
            Some(name) => self.store.table.call(name, call),
            None => self.store.table.begin(call)?.map(|(name, scripts, step)| {
                self.scripts = scripts;
                self.name = Some(name);
                step
            }),
        };
        told.map_err(|Lost(text)| {
            self.trap();
            EventError::core(self.sent, text)
        })
    }

    fn answered(&mut self, answers: Result<Vec<Answer>, Error>) -> Call {
        match answers {
            Ok(answers) => {
                let Flat { nodes, texts, bodies } = Flat::of(answers);
                self.bodies = bodies;
                Call::Replied { nodes, texts }
            }
            Err(error) => {
                let (failure, cause, text) = to_wire(error);
                Call::Unanswered { failure, cause, text }
            }
        }
    }

    fn send(&mut self, batch: &Batch) -> Result<(), EventError> {
        let within = self.within(batch.deadline);
        let commands = assemble(batch, &self.blobs, &self.scripts, within).map_err(|_| self.wrong("commands"))?;
        let client = self.store.client.with_deadline(within);
        let wanted = batch.session;
        // One whose link broke is of no use any more.
        let session = self.session.take().filter(|session| wanted && session.over().is_none());
        self.sent = true;
        self.doing = Doing::Sending(Box::pin(async move {
            if !wanted {
                return (answers(&client, commands).await, None);
            }
            let session = match session {
                Some(session) => Ok(session),
                None => client.session().await,
            };
            match session {
                Ok(session) => (answers(&session.client, commands).await, Some(session)),
                Err(error) => (Err(error), None),
            }
        }));
        Ok(())
    }

    /// How long it is until then.
    fn within(&self, deadline: u64) -> Option<Duration> {
        let until = |deadline| self.store.clock().instant(deadline).saturating_duration_since(Instant::now());
        (deadline != crate::rows::NEVER).then(|| until(deadline))
    }

    fn wrong(&self, what: &str) -> EventError {
        EventError::core(self.sent, format!("the core gave {what} that are not as the contract says"))
    }
}
