//! Events and a command's record, appended in one step if a condition holds.

use crate::event::{Cursor, Event, Id};
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::query::Query;
use crate::reply::Reply;

use super::lock::Token;

/// No event after `after` may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What was read.
    pub query: Query,
    /// The head at that time. The event there is compared, too.
    pub after: Cursor,
}

/// What makes an append happen once: a marker is written with it, and found when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Of the command, or of the first event of an append without one.
    pub id: Id,
    /// What it stands for: the same id with another one is refused.
    pub fingerprint: u128,
    /// How long it is kept, milliseconds; 0 for ever.
    pub ttl: u64,
}

/// A command's record.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Its own.
    pub id: Id,
    /// Its type.
    pub kind: &'a str,
    /// Length of its metadata. That of its data is not needed.
    pub metadata: u32,
    /// The number of the blob with its data; its metadata is in the next one.
    pub blob: u32,
}

/// All of one append.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// At most 1000. None only with a command.
    pub events: &'a [Event],
    /// The number of the blob with the first event's data; its metadata is in the next one, and so on.
    pub blob: u32,
    /// None appends whatever is there.
    pub condition: Option<&'a Condition>,
    /// None appends again when it is sent again.
    pub marker: Option<Marker>,
    /// Its record, or none.
    pub command: Option<Order<'a>>,
    /// Locks that must be held, by name.
    pub locks: &'a [(String, Token)],
    /// How many entries of the index may be looked at.
    pub budget: u32,
    /// A segment that has so many bytes gets no more.
    pub segment_bytes: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Appended(Appended),
    /// It was there already: this is what the first attempt did.
    Repeated(Appended),
    /// The marker's id stands for something else.
    IdReused,
    /// An event that the condition forbids is there: the head, and the last one known.
    Conflict {
        /// The head.
        head: u64,
        /// Of the last event that is known to conflict.
        position: u64,
    },
    /// The condition's place is beyond the head, which is this.
    Ahead(u64),
    /// Another event is at this place.
    Rewritten(u64),
    /// The budget did not suffice.
    TooBroad,
    /// There would be more than 4096.
    TooManyTypes,
    /// The lock of this index is not held by its token.
    LockLost(usize),
    /// The segments are not as the caller knew them: ask `plan::meta`, and send again.
    Stale,
    /// A rebuild is under way.
    Rebuilding,
}

/// Where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first event, 0 for none.
    pub first: u64,
    /// Of the last.
    pub last: u64,
    /// The command's number, 0 for none.
    pub command: u64,
    /// The last event; of a command without events, the head at that time. Its id may be the `tail` alone.
    pub cursor: Cursor,
}

/// What to send.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, append: &Append<'_>) -> Commands {
    let _ = (layout, segments, append);
    Commands::default()
}

/// What it did.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let _ = reply;
    Err(Fault::Unfinished)
}
