//! What a flow is given, what it asks of the host, and what it ends with: the Rust side of the types in
//! `wit/event-store.wit`, which says what each means.

use crate::event::{Cursor, Id, Ordered};
use crate::fault;
use crate::pieces::Commands;
use crate::plan::lock::Token;

/// What the host is to do next for a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send these, then call `replied` or `unanswered`.
    Send(Batch),
    /// Call `elapsed` at this time.
    Wait(u64),
    /// Call `elapsed` once the flow of `listen` of this number is over.
    Park(u64),
    /// Give these to the caller.
    Events(Page),
    /// Give these to the caller.
    Commands(Vec<Ordered>),
    /// Tell the caller how far it is.
    Progress(Progress),
    /// Run the handler.
    Decide(Decision),
    /// The flow is over.
    Done(Outcome),
    /// The flow is over, and this is why.
    Failed(Fault),
}

/// Commands to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What they are.
    pub commands: Commands,
    /// On a session of the flow's own.
    pub session: bool,
    /// When they have to be answered.
    pub deadline: u64,
}

/// A run of the handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Counted from 1.
    pub attempt: u32,
    /// What is held meanwhile.
    pub leases: Vec<Lease>,
}

/// Events that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// 8 words each.
    pub rows: Vec<u64>,
    /// Of types and tags.
    pub lengths: Vec<u32>,
    /// Types and tags.
    pub texts: String,
    /// Where to go on.
    pub cursor: Cursor,
}

/// How far a long flow is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Of as many.
    pub total: u64,
}

/// What a flow ended with.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing to say.
    Nothing,
    /// Of `append` and `execute`.
    Appended(Appended),
    /// Of `read`: the head that all pages were read up to.
    Read(Cursor),
    /// Of `lock`.
    Locked(Lease),
    /// Of `checkpoint`.
    Checkpoint(Option<Cursor>),
    /// Of `inspect`.
    Inspected(Vec<Warning>),
    /// Of `stats`.
    Stats(Totals),
    /// Of `verify` and `rebuild`.
    Verified(Verified),
}

/// Where events went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// Of the first, 0 for none.
    pub first: u64,
    /// Of the last.
    pub last: u64,
    /// The last event, or the head.
    pub cursor: Cursor,
    /// The command's number, 0 for none.
    pub command: u64,
    /// An attempt before did it.
    pub repeated: bool,
    /// How often the handler ran, or it was sent.
    pub attempts: u32,
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// The lock's name.
    pub name: String,
    /// Grows with each.
    pub fence: u64,
    /// Its secret.
    pub token: Token,
    /// Until when it holds.
    pub until: u64,
}

/// What could go wrong with this server.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// The setting.
    pub about: String,
    /// In words.
    pub text: String,
}

/// Numbers of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// Events.
    pub head: u64,
    /// Commands.
    pub commands: u64,
    /// Types.
    pub types: u32,
    /// Segments.
    pub segments: u32,
    /// Bytes in the current one.
    pub segment_bytes: u64,
}

/// What was found, or done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Events looked at.
    pub events: u64,
    /// Faults found, or mended.
    pub faults: u64,
    /// The first hundred.
    pub texts: Vec<String>,
}

/// Why a flow failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Which field, and why.
    Invalid(String, String),
    /// The head, and the last event known to conflict.
    Conflict(u64, u64),
    /// The head.
    Ahead(u64),
    /// The position.
    Rewritten(u64),
    /// First and last position.
    Duplicate(u64, u64),
    /// The id.
    IdReused(Id),
    /// Over the budget.
    TooBroad,
    /// There are 4096.
    TooManyTypes,
    /// The lock's name.
    LockTimeout(String),
    /// The lock's name.
    LockLost(String),
    /// Files, replicas, and what was written.
    TooFewAcknowledgements(u32, u32, Appended),
    /// What is stored.
    CheckpointMoved(Option<Cursor>),
    /// Which key, and what.
    Corrupt(String, String),
    /// Appends are refused meanwhile.
    Rebuilding,
    /// The error.
    Server(String),
    /// As the client said it.
    Transport(Lost),
    /// Whether it may have been executed.
    Cancelled(bool),
    /// Whether it may have been executed.
    Deadline(bool),
    /// Over `max_flows`.
    TooManyFlows,
    /// In words.
    Misuse(String),
}

/// How the client failed to do a step's commands.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// Whether they may have been executed.
    pub failure: Failure,
    /// The WIT's number of the cause.
    pub cause: u8,
    /// For people.
    pub text: String,
}

/// Whether the server may have executed it, by the WIT's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum Failure {
    NotSent,
    MaybeExecuted,
    Refused,
    Limit,
    Misuse,
}

impl Lost {
    /// The numbers of causes that flows act on.
    pub(crate) const DEADLINE: u8 = 1;
    pub(crate) const CANCELLED: u8 = 2;
    pub(crate) const CLOSING: u8 = 8;

    /// What a flow fails with that does not go on. `unsure`: an attempt before may have been executed.
    pub(crate) fn fault(mut self, unsure: bool) -> Fault {
        if unsure {
            self.failure = Failure::MaybeExecuted;
        }
        if self.cause == Self::DEADLINE {
            return Fault::Deadline(self.failure == Failure::MaybeExecuted);
        }
        Fault::Transport(self)
    }
}

impl From<fault::Fault> for Fault {
    fn from(fault: fault::Fault) -> Self {
        match fault {
            fault::Fault::Corrupt(key, what) => Self::Corrupt(key, what),
            fault::Fault::Server(text) => Self::Server(text),
            _ => Self::Server("the reply is none that was expected".to_owned()),
        }
    }
}

impl From<fault::Invalid> for Fault {
    fn from(invalid: fault::Invalid) -> Self {
        Self::Invalid(invalid.field, invalid.why)
    }
}
