//! Appending events.

use std::time::Duration;

use super::EventStore;
use super::command::Command;
use super::cursor::{Condition, Cursor};
use super::error::EventError;
use super::event::{Event, blobs};
use super::flow::Flow;
use super::id::Id;
use super::json;
use super::lock::{Held, Lock};
use super::options::Durability;
use crate::engine::store::{self as wire, Call, Outcome};

/// What an append depends on, and how it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendOptions {
    condition: Option<Condition>,
    command: Option<Command>,
    durability: Option<Durability>,
    deadline: Option<Duration>,
    held: Vec<Held>,
}

/// Where events went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The position of the first; of a command without events 0.
    pub first: u64,
    /// Of the last.
    pub last: u64,
    /// The last event, as a place to read on from; of a command without events, the head.
    pub cursor: Cursor,
    /// The command's number; 0 for none.
    pub command: u64,
    /// It was there already: an attempt before did it, and this is its result.
    pub repeated: bool,
    /// How often the handler ran; of an append, how often it was sent.
    pub attempts: u32,
}

impl AppendOptions {
    /// Without a condition.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if this holds.
    #[must_use]
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Why: its record is written in the same step.
    #[must_use]
    pub fn command(mut self, command: Command) -> Self {
        self.command = Some(command);
        self
    }

    /// Once, although it may be sent again under this id, in another call or another process. Without a record: see
    /// [`Command::id`] for the same with one.
    #[must_use]
    pub fn once(self, id: Id) -> Self {
        self.command(Command::new("").id(id))
    }

    /// What must have happened before it is acknowledged, in place of what the store's options say.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Only while this lock is held, which the server checks: [`EventError::LockLost`] where it is not any more, and
    /// nothing is written. Events or the command may name it; it is not taken again then, which would wait for itself.
    #[must_use]
    pub fn holding(mut self, lock: &Lock) -> Self {
        self.held.push(lock.held());
        self
    }

    /// How long it may take, in place of the client's deadline.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within);
        self
    }
}

impl From<Condition> for AppendOptions {
    fn from(condition: Condition) -> Self {
        Self::new().condition(condition)
    }
}

impl Appended {
    pub(super) fn from_wire(appended: &wire::Appended) -> Self {
        Self {
            first: appended.first,
            last: appended.last,
            cursor: Cursor::from_wire(appended.cursor),
            command: appended.command,
            repeated: appended.repeated,
            attempts: appended.attempts,
        }
    }
}

impl EventStore {
    /// Appends events, all or none of them, one behind the other.
    ///
    /// Without a command, an append that may have been executed is told as such. With one, its id tells: it is sent
    /// again, and happens once.
    ///
    /// ```no_run
    /// # use coracle::events::*;
    /// # async fn example(store: EventStore) -> Result<(), EventError> {
    /// let username = Query::tags(["username:ada"]);
    /// let event = Event::new("AccountRegistered").tag("username:ada");
    /// match store.append([event], Condition::none(username)).await {
    ///     Err(EventError::Conflict { .. }) => println!("the name is taken"),
    ///     result => println!("registered at {}", result?.first),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn append(
        &self,
        events: impl IntoIterator<Item = Event>,
        options: impl Into<AppendOptions>,
    ) -> Result<Appended, EventError> {
        let (events, options): (Vec<Event>, AppendOptions) = (events.into_iter().collect(), options.into());
        self.check(&events)?;
        let call = Call::Append {
            deadline: self.deadline(options.deadline),
            events: events.iter().map(Event::wire).collect(),
            condition: options.condition.as_ref().map(Condition::wire),
            command: options.command.as_ref().map(|command| command.wire(&events)),
            durability: options.durability.map(Durability::wire),
            held: options.held.iter().map(Held::wire).collect(),
        };
        let all = blobs(&events).chain(options.command.iter().flat_map(Command::blobs)).collect();
        appended(Flow::new(&self.inner, call, all).outcome().await?)
    }

    /// What the core can't check, as it never sees it.
    pub(super) fn check(&self, events: &[Event]) -> Result<(), EventError> {
        if !self.inner.options.json_data {
            return Ok(());
        }
        match events.iter().position(|event| !json::is_valid(&event.data)) {
            Some(number) => Err(EventError::invalid(format!("events[{number}].data"), "it is no JSON")),
            None => Ok(()),
        }
    }
}

pub(super) fn appended(outcome: Outcome) -> Result<Appended, EventError> {
    match outcome {
        Outcome::Appended(appended) => Ok(Appended::from_wire(&appended)),
        other => Err(unexpected(&other)),
    }
}

/// Nothing else can be said of an outcome that is none of the operation's.
pub(super) fn unexpected(outcome: &Outcome) -> EventError {
    EventError::core(true, format!("the core ended an operation with what is none of its outcomes: {outcome:?}"))
}
