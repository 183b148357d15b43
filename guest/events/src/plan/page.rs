//! Reading events, a page at a time.

use crate::event::{Cursor, Recorded};
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::query::Query;
use crate::reply::Reply;

/// What is read.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// Of several queries, their `Query::union`; `Query::mask` says which one an event matches.
    pub query: &'a Query,
    /// Only events behind this position; backwards, before it, where 0 is the end.
    pub from: u64,
    /// Nothing behind this position, where the first page's head is given to all that follow.
    pub until: Option<u64>,
    /// From high to low positions.
    pub backwards: bool,
    /// A place whose event is compared: a caller's cursor, on the first page.
    pub check: Option<Cursor>,
    /// Events at most, 1 to 1000.
    pub limit: u32,
    /// Bytes of bodies that are enough: the page has no more once it has as many.
    pub bytes: u32,
    /// How many entries of the index may be looked at.
    pub budget: u32,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A page.
    Page(Page),
    /// The place to be compared is beyond the head, which is this.
    Ahead(u64),
    /// Another event is at this place.
    Rewritten(u64),
    /// The segments are not as the caller knew them: ask `plan::meta`, and send again.
    Stale,
}

/// Some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub events: Vec<Recorded>,
    /// Positions of events that follow those in `events` and match too: their bodies are to be had by `plan::bodies`.
    pub rest: Vec<u64>,
    /// All that matches up to here is in `events` and `rest`: where the next page goes on from. It may be the page's own
    /// beginning when nothing was there to look at.
    pub looked: u64,
    /// `looked` is the end: `until` or the head, or backwards the beginning.
    pub end: bool,
    /// The head. Of its id only the `tail` is there.
    pub head: Cursor,
}

/// What to send.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, read: &Read<'_>) -> Commands {
    let _ = (layout, segments, read);
    Commands::default()
}

/// What was read.
///
/// # Errors
/// The server refused, or the reply is none of the script's, or an event is none that the query asks for.
pub fn read(layout: &Layout, query: &Query, reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let _ = (layout, query, reply);
    Err(Fault::Unfinished)
}
