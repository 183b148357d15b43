//! Reading the records of commands. The one of an event is known by `Recorded::command`.

use crate::event::Ordered;
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::reply::Reply;

/// From which command on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Its number, counted from 1.
    Number(u64),
    /// The first that is not older than this, milliseconds since 1970.
    Time(u64),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Some records.
    Page {
        /// In the order of their numbers.
        commands: Vec<Ordered>,
        /// The next page's `Since::Number`.
        next: u64,
        /// There is nothing behind these.
        end: bool,
    },
    /// The segments are not as the caller knew them: ask `plan::meta`, and send again.
    Stale,
}

/// What to send: at most `limit` records, 1 to 1000, and `bytes` as in `page::Read`.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, since: Since, limit: u32, bytes: u32) -> Commands {
    let _ = (layout, segments, since, limit, bytes);
    Commands::default()
}

/// What was read.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(layout: &Layout, reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let _ = (layout, reply);
    Err(Fault::Unfinished)
}
