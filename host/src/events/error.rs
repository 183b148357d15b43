//! What can go wrong with a store, as types.

use std::{fmt, io};

use super::append::Appended;
use super::cursor::Cursor;
use super::id::Id;
use super::transport;
use crate::engine::store as wire;
use crate::error::{Error, Outcome};

/// Why an operation of a store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// An event that the condition forbids is there.
    #[error("the append conflicts with {} (the head is {head})", Place(*position))]
    Conflict {
        /// The head of the log now.
        head: u64,
        /// The last event that conflicts; 0 where it is not known.
        position: u64,
    },
    /// The cursor is beyond the head: it is of another store, or this one lost its end in a fail-over.
    #[error("the cursor is beyond the head, which is {head}")]
    Ahead {
        /// The head of the log now.
        head: u64,
    },
    /// Another event is there than the cursor says: the log lost its end in a fail-over, and was written again.
    #[error("the event at {position} is another one than the cursor says")]
    Rewritten {
        /// Where.
        position: u64,
    },
    /// This id was appended before, with the same content.
    #[error("this was appended before, from {first} to {last}")]
    Duplicate {
        /// Where its events begin.
        first: u64,
        /// Where they end.
        last: u64,
    },
    /// This id was used before, for something else.
    #[error("the id {id} was used before, for something else")]
    IdReused {
        /// The id.
        id: Id,
    },
    /// To check the condition more of the index had to be looked at than the scan budget allows: say more types, or
    /// fewer tags an item.
    #[error("the condition is too broad for the scan budget")]
    TooBroad,
    /// The store has 4096 types of events, and takes no more.
    #[error("the store has 4096 types of events, and takes no more")]
    TooManyTypes,
    /// Something that was given can't be. Nothing was sent.
    #[error("{field}: {why}")]
    Invalid {
        /// What it is, such as `events[3].tags[0]`.
        field: String,
        /// Why it can't be.
        why: String,
    },
    /// The lock was not had in time.
    #[error("the lock {name} was not had in time")]
    LockTimeout {
        /// Its name.
        name: String,
    },
    /// The lock is not held, or not held any more. Nothing was written.
    #[error("the lock {name} is not held any more")]
    LockLost {
        /// Its name.
        name: String,
    },
    /// It is written, but too few acknowledged it in time.
    #[error(
        "written from {} to {}, but acknowledged by {local} files and {replicas} replicas only",
        appended.first, appended.last
    )]
    TooFewAcknowledgements {
        /// How many append-only files of the server itself have it: 0 or 1.
        local: u32,
        /// How many replicas.
        replicas: u32,
        /// Where the events are.
        appended: Appended,
    },
    /// The consumer's checkpoint is not the expected one.
    #[error("the checkpoint is another one than was expected")]
    CheckpointMoved {
        /// Where it is.
        actual: Option<Cursor>,
    },
    /// Keys of the store hold what no version of this store writes, or of a later one.
    #[error("{key} is not of this store, or of a later version of it: {what}")]
    Corrupt {
        /// Which key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The store is being rebuilt, or that was left: nothing can be read or appended until a rebuild is through.
    #[error("the store is being rebuilt: nothing can be read or appended meanwhile")]
    Rebuilding,
    /// The server refused: its error.
    #[error("the server refused: {0}")]
    Server(String),
    /// The client could not do it. The error says whether it may have been executed.
    #[error(transparent)]
    Transport(Error),
    /// It was cancelled.
    #[error("cancelled; {}", Perhaps(*maybe_executed))]
    Cancelled {
        /// Whether it may have been executed.
        maybe_executed: bool,
    },
    /// Its deadline passed.
    #[error("the deadline passed; {}", Perhaps(*maybe_executed))]
    Deadline {
        /// Whether it may have been executed.
        maybe_executed: bool,
    },
    /// More operations are under way than the store's options allow.
    #[error("too many operations of the store are under way")]
    TooManyFlows,
    /// What an export writes to, or an import reads from, failed: the store is as well as before.
    #[error("{text}")]
    File {
        /// Of what kind the error is.
        kind: io::ErrorKind,
        /// The error.
        text: String,
    },
    /// It was not called as it should be: such as a read of a decision that is over.
    #[error("{0}")]
    Misuse(String),
}

/// Why a command was not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecuteError<E> {
    /// The handler said no, and this is what it said. Nothing was written.
    Handler(E),
    /// The store did.
    Store(EventError),
}

impl EventError {
    /// Whether what was asked may be written, although this is an error.
    #[must_use]
    pub fn maybe_executed(&self) -> bool {
        match self {
            Self::TooFewAcknowledgements { .. } | Self::Duplicate { .. } => true,
            Self::Cancelled { maybe_executed } | Self::Deadline { maybe_executed } => *maybe_executed,
            Self::Transport(error) => error.outcome() == Outcome::MaybeExecuted,
            _ => false,
        }
    }

    /// The instance of the core did not do as the contract says, or is no more.
    pub(super) fn core(sent: bool, detail: impl Into<Box<str>>) -> Self {
        Self::Transport(Error::core(if sent { Outcome::MaybeExecuted } else { Outcome::NotSent }, detail))
    }

    /// The client's runtime is shut down.
    pub(super) fn closed(sent: bool) -> Self {
        let closed = Error::closed();
        Self::Transport(if sent { closed.after_an_attempt() } else { closed })
    }

    pub(super) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }
}

impl From<wire::Fault> for EventError {
    fn from(fault: wire::Fault) -> Self {
        match fault {
            wire::Fault::Invalid((field, why)) => Self::Invalid { field, why },
            wire::Fault::Conflict((head, position)) => Self::Conflict { head, position },
            wire::Fault::Ahead(head) => Self::Ahead { head },
            wire::Fault::Rewritten(position) => Self::Rewritten { position },
            wire::Fault::Duplicate((first, last)) => Self::Duplicate { first, last },
            wire::Fault::IdReused(id) => Self::IdReused { id: Id::from_wire(id) },
            wire::Fault::TooBroad => Self::TooBroad,
            wire::Fault::TooManyTypes => Self::TooManyTypes,
            wire::Fault::LockTimeout(name) => Self::LockTimeout { name },
            wire::Fault::LockLost(name) => Self::LockLost { name },
            wire::Fault::TooFewAcknowledgements((local, replicas, appended)) => {
                Self::TooFewAcknowledgements { local, replicas, appended: Appended::from_wire(&appended) }
            }
            wire::Fault::CheckpointMoved(actual) => Self::CheckpointMoved { actual: actual.map(Cursor::from_wire) },
            wire::Fault::Corrupt((key, what)) => Self::Corrupt { key, what },
            wire::Fault::Rebuilding => Self::Rebuilding,
            wire::Fault::Server(text) => Self::Server(text),
            wire::Fault::Transport(error) => Self::Transport(transport::from_wire(error)),
            wire::Fault::Cancelled(maybe_executed) => Self::Cancelled { maybe_executed },
            wire::Fault::Deadline(maybe_executed) => Self::Deadline { maybe_executed },
            wire::Fault::TooManyFlows => Self::TooManyFlows,
            wire::Fault::Misuse(text) => Self::Misuse(text),
        }
    }
}

impl From<Error> for EventError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl<E> From<EventError> for ExecuteError<E> {
    fn from(error: EventError) -> Self {
        Self::Store(error)
    }
}

impl<E: fmt::Display> fmt::Display for ExecuteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ExecuteError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Handler(error) => error.source(),
            Self::Store(error) => error.source(),
        }
    }
}

/// Where the event is that a condition forbids.
struct Place(u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("an event"),
            position => write!(f, "the event at {position}"),
        }
    }
}

struct Perhaps(bool);

impl fmt::Display for Perhaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "it may have been executed" } else { "it was not executed" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_executed_is_said() {
        assert!(EventError::core(true, "").maybe_executed() && !EventError::core(false, "").maybe_executed());
        assert_eq!(
            EventError::Deadline { maybe_executed: true }.to_string(),
            "the deadline passed; it may have been executed"
        );
    }
}
