//! Events and a command's record, appended in one step if a condition holds.

use crate::event::{Cursor, Event, Id, head_of_command, head_of_event};
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::{Commands, hexadecimal};
use crate::query::Query;
use crate::reply::Reply;
use crate::scripts;

use super::lock::Token;
use super::status;
use super::terms::{Keys, Spec, Terms, fields};

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

/// The field that says until when somebody listens to the bell.
const LISTENING: &[u8] = b"w";

/// What to send.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, append: &Append<'_>) -> Commands {
    let (types, tags) = terms(append);
    let keys = keys(layout, segments, append, &tags);
    let mut commands = Commands::default();
    keys.begin(&mut commands, &scripts::APPEND);
    commands.text(spec(append, &types, &tags).bytes());
    commands.text(LISTENING);
    fields(&mut commands, &types);
    let (number, begin) = segments.current();
    commands.number(number);
    commands.number(begin.position);
    if let Some(marker) = append.marker {
        commands.text(&hexadecimal(marker.fingerprint));
        commands.number(marker.ttl);
    }
    for (_, token) in append.locks {
        commands.text(&hexadecimal(token.0));
    }
    commands.number(append.segment_bytes);
    if let Some(condition) = append.condition {
        commands.number(append.budget.into());
        commands.number(condition.after.position);
        commands.number(condition.after.id.tail());
        commands.number(segments.of_position(condition.after.position).1);
    }
    bodies(&mut commands, append);
    // Without a marker, it would be done twice.
    commands.may_repeat = append.marker.is_some();
    commands
}

/// What it did.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let (status, _) = status::status(reply)?;
    Ok(match status {
        status::DONE => Outcome::Appended(appended(reply)?),
        status::REPEATED => Outcome::Repeated(appended(reply)?),
        status::REUSED => Outcome::IdReused,
        status::CONFLICT => Outcome::Conflict { head: reply.number()?, position: reply.number()? },
        status::AHEAD => Outcome::Ahead(reply.number()?),
        status::REWRITTEN => Outcome::Rewritten(reply.number()?),
        status::BROAD => Outcome::TooBroad,
        status::TYPES => Outcome::TooManyTypes,
        status::LOST => Outcome::LockLost(reply.number()? as usize),
        status::STALE => Outcome::Stale,
        status::REBUILDING => Outcome::Rebuilding,
        _ => return Err(Fault::Unexpected),
    })
}

fn appended(reply: &mut Reply<'_>) -> Result<Appended, Fault> {
    let (first, position, command) = (reply.number()?, reply.number()?, reply.number()?);
    let cursor = Cursor { position, id: Id(reply.number()?.into()) };
    Ok(Appended { first, last: if first == 0 { 0 } else { position }, command, cursor })
}

fn terms<'a>(append: &Append<'a>) -> (Terms<'a>, Terms<'a>) {
    let items = append.condition.map(|condition| condition.query.items.as_slice()).unwrap_or_default();
    let mut types: Vec<&str> = append.events.iter().map(|event| event.kind.as_str()).collect();
    let mut tags: Vec<&str> = append.events.iter().flat_map(|event| &event.tags).map(String::as_str).collect();
    types.extend(items.iter().flat_map(|item| &item.types).map(String::as_str));
    tags.extend(items.iter().flat_map(|item| &item.tags).map(String::as_str));
    (Terms::new(types), Terms::new(tags))
}

/// In the order in which the script takes them.
fn keys<'a>(layout: &'a Layout, segments: &Segments, append: &Append<'_>, tags: &Terms<'_>) -> Keys<'a> {
    let mut keys = Keys::new(layout);
    let (number, _) = segments.current();
    keys.one("h");
    keys.whole(layout.events(number));
    keys.whole(layout.log(number));
    keys.one("b");
    if let Some(marker) = append.marker {
        keys.whole(layout.marker(marker.id));
    }
    for (name, _) in append.locks {
        keys.whole(layout.lock(name));
    }
    if let Some(condition) = append.condition {
        keys.whole(layout.log(segments.of_position(condition.after.position).0));
    }
    for tag in tags.iter() {
        keys.whole(layout.tag(tag));
        keys.whole(layout.pairs(tag));
    }
    keys
}

/// As `append.lua` reads it.
fn spec(append: &Append<'_>, types: &Terms<'_>, tags: &Terms<'_>) -> Spec {
    let mut spec = Spec::new(types.iter().len().saturating_mul(2).saturating_add(1));
    spec.flag(append.marker.is_some());
    spec.word(append.locks.len());
    spec.flag(append.condition.is_some());
    spec.word(tags.iter().len());
    if let Some(condition) = append.condition {
        spec.items(&condition.query, types, tags);
    }
    spec.flag(append.command.is_some());
    spec.word(append.events.len());
    for event in append.events {
        spec.place(&event.kind, types);
        spec.places(&event.tags, tags);
    }
    spec
}

/// Bytes in front of the metadata of most events.
const USUAL_HEAD: usize = 128;

fn bodies(commands: &mut Commands, append: &Append<'_>) {
    let mut head = Vec::with_capacity(USUAL_HEAD);
    let body = |commands: &mut Commands, head: &mut Vec<u8>, data: u32| {
        commands.argument();
        commands.more(head);
        commands.blob(data.wrapping_add(1));
        commands.blob(data);
        head.clear();
    };
    if let Some(command) = append.command {
        head_of_command(&mut head, command.id, command.kind, command.metadata);
        body(commands, &mut head, command.blob);
    }
    for (event, blob) in append.events.iter().zip((append.blob..).step_by(2)) {
        head_of_event(&mut head, event);
        body(commands, &mut head, blob);
        commands.number(event.id.tail());
    }
}
