//! Reading events, a page at a time.

use std::ops::Range;

use crate::event::{Cursor, Id, Recorded};
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::query::Query;
use crate::reply::{Node, Reply, decimal};
use crate::scripts;

use super::status;
use super::terms::{Keys, Spec, TYPE_NUMBER, Terms};

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
pub enum Outcome<'a> {
    /// A page.
    Page(Page<'a>),
    /// The place to be compared is beyond the head, which is this.
    Ahead(u64),
    /// Another event is at this place.
    Rewritten(u64),
    /// The segments are not as the caller knew them: ask `plan::meta`, and send again.
    Stale,
    /// A rebuild is under way.
    Rebuilding,
}

/// Some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// In the order that was asked for.
    pub events: Vec<Recorded<&'a str>>,
    /// Positions of events that follow those in `events` and match too: their bodies are to be had by `plan::bodies`.
    pub rest: Vec<u64>,
    /// All that matches up to here is in `events` and `rest`: where the next page goes on from. It may be the page's
    /// own beginning when nothing was there to look at.
    pub looked: u64,
    /// `looked` is the end: `until` or the head, or backwards the beginning.
    pub end: bool,
    /// The head. Of its id only the `tail` is there.
    pub head: Cursor,
}

/// Segments whose keys a page is given.
const WINDOW: u64 = 8;

/// What to send.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, read: &Read<'_>) -> Commands {
    let items = read.query.items.as_slice();
    let types = Terms::new(items.iter().flat_map(|item| &item.types).map(String::as_str).collect());
    let tags = Terms::new(items.iter().flat_map(|item| &item.tags).map(String::as_str).collect());
    let window = window(segments, read);
    let mut keys = Keys::new(layout);
    keys.one("h");
    if let Some(cursor) = read.check {
        keys.whole(layout.log(segments.of_position(cursor.position).0));
    }
    for number in window.clone() {
        keys.whole(layout.log(number));
        keys.whole(layout.events(number));
    }
    tags.iter().for_each(|tag| keys.whole(layout.tag(tag)));
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::PAGE);
    let count = window.end.saturating_sub(window.start) as usize;
    commands.text(spec(read, count, &types, &tags).bytes());
    types.iter().for_each(|kind| commands.prefixed(TYPE_NUMBER, kind.as_bytes()));
    let (number, begin) = segments.current();
    commands.number(number);
    commands.number(begin.position);
    if let Some(cursor) = read.check {
        commands.number(cursor.position);
        commands.number(cursor.id.tail());
        commands.number(segments.of_position(cursor.position).1);
    }
    commands.number(read.from);
    match read.until {
        Some(until) => commands.number(until),
        None => commands.text(b""),
    }
    commands.number(read.limit.into());
    commands.number(read.bytes.into());
    commands.number(read.budget.into());
    for number in window {
        let (begin, behind) = segments.bounds(number);
        commands.number(begin.position);
        commands.number(behind.position);
    }
    commands
}

/// What was read.
///
/// # Errors
/// The server refused, or the reply is none of the script's, or an event is none that the query asks for.
pub fn read<'a>(layout: &Layout, query: &Query, reply: &mut Reply<'a>) -> Result<Outcome<'a>, Fault> {
    match status::status(reply)?.0 {
        status::DONE => page(layout, query, reply),
        status::AHEAD => Ok(Outcome::Ahead(reply.number()?)),
        status::REWRITTEN => Ok(Outcome::Rewritten(reply.number()?)),
        status::STALE => Ok(Outcome::Stale),
        status::REBUILDING => Ok(Outcome::Rebuilding),
        _ => Err(Fault::Unexpected),
    }
}

fn page<'a>(layout: &Layout, query: &Query, reply: &mut Reply<'a>) -> Result<Outcome<'a>, Fault> {
    let head = Cursor { position: reply.number()?, id: Id(reply.number()?.into()) };
    let (looked, end) = (reply.number()?, reply.number()? == 1);
    let mut positions = Vec::new();
    for _ in 0..reply.array()? {
        for digits in reply.text()?.bytes.split(|byte| *byte == b',') {
            positions.push(decimal(digits).ok_or(Fault::Unexpected)?);
        }
    }
    let whole = usize::try_from(reply.array()?).map_err(|_| Fault::Unexpected)?;
    if whole > positions.len() {
        return Err(Fault::Unexpected);
    }
    let rest = positions.split_off(whole);
    let mut events = Vec::with_capacity(positions.len());
    for position in positions {
        let Node::Text(text) = reply.node()? else { return Err(status::no_body(layout, position)) };
        let event = Recorded::read(position, &text).filter(|event| query.matches(event.kind, &event.tags));
        events.push(event.ok_or_else(|| status::no_body(layout, position))?);
    }
    Ok(Outcome::Page(Page { events, rest, looked, end, head }))
}

/// Numbers of the segments from the first event on that may be read.
fn window(segments: &Segments, read: &Read<'_>) -> Range<u64> {
    let (current, _) = segments.current();
    if !read.backwards {
        let (first, _) = segments.of_position(read.from.saturating_add(1));
        return first..current.saturating_add(1).min(first.saturating_add(WINDOW));
    }
    let before = if read.from == 0 { u64::MAX } else { read.from.saturating_sub(1) };
    let (last, _) = segments.of_position(before.min(read.until.unwrap_or(u64::MAX)));
    let behind = last.saturating_add(1);
    behind.saturating_sub(WINDOW)..behind
}

/// As `page.lua` reads it.
fn spec(read: &Read<'_>, window: usize, types: &Terms<'_>, tags: &Terms<'_>) -> Spec {
    let mut spec = Spec::new(types.iter().len());
    spec.flag(read.check.is_some());
    spec.flag(!read.backwards);
    spec.word(window);
    spec.word(tags.iter().len());
    spec.items(read.query, types, tags);
    spec
}
