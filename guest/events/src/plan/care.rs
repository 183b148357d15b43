//! Checking the indexes against the log, and making them anew.

use crate::event::{Cursor, Ordered, Recorded};
use crate::fault::Fault;
use crate::layout::{Layout, SHARDS, Segments, TAG_PLACES};
use crate::pieces::{Commands, Decimal};
use crate::reply::{Node, Reply, Text, decimal, refusal};
use crate::scripts;

use super::status;
use super::terms::{self, Keys, Spec, Terms};

/// Before a command's number, in a segment: the field of its record.
const RECORD: u8 = b'c';

/// What is done to a page of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Way {
    /// Their indexes are compared.
    Check,
    /// Their indexes are made, and it is noted how far that is.
    Make,
    /// No page: appends and reads are refused from now on, if they are not yet.
    Begin,
    /// No page: they are accepted again.
    Finish,
    /// No page: what is there is thrown away, where nothing was made yet.
    Clear,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done: how many faults there are, or of the other ways how far a rebuild is, plus 1; and the first faults.
    Done(u64, Vec<Found>),
    /// The segments are not as the caller knew them: ask `plan::meta`, and send again.
    Stale,
    /// More than 4096.
    TooManyTypes,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Of the event.
    pub position: u64,
    /// Which index.
    pub index: Index,
}

/// Where the fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The list of all events.
    Log,
    /// The last position of its type.
    Type,
    /// The list of a tag.
    Tag,
    /// The last position of its type and a tag.
    Pair,
    /// It is the head, and there is something behind it.
    Behind,
}

/// What is at a place where an event or a command's record is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<T> {
    /// That.
    There(T),
    /// Nothing.
    Missing,
    /// What no append writes.
    Broken,
}

/// What `bodies::plan` gave: of as many positions as there are.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn bodies(positions: &[u64], reply: &mut Reply<'_>) -> Result<Vec<Body<Recorded>>, Fault> {
    those(positions, reply, |position, text| Some(Recorded::read(position, text)?.to_owned()))
}

/// What `records` gave: of as many numbers as there are.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn recorded(numbers: &[u64], reply: &mut Reply<'_>) -> Result<Vec<Body<Ordered>>, Fault> {
    those(numbers, reply, Ordered::read)
}

fn those<T>(
    places: &[u64],
    reply: &mut Reply<'_>,
    read: impl Fn(u64, &Text<'_>) -> Option<T>,
) -> Result<Vec<Body<T>>, Fault> {
    let count = usize::try_from(reply.array()?).map_err(|_| Fault::Unexpected)?;
    let mut bodies = Vec::new();
    for place in places.get(..count).ok_or(Fault::Unexpected)? {
        bodies.push(match reply.node()? {
            Node::Text(text) => read(*place, &text).map_or(Body::Broken, Body::There),
            Node::Nil => Body::Missing,
            other => return Err(refusal(&other)),
        });
    }
    Ok(bodies)
}

/// What to send for the records of these commands, which are in one segment: see `end_of_commands`. Bytes as in
/// `page::Read`.
#[must_use]
pub fn records(layout: &Layout, segments: &Segments, numbers: &[u64], bytes: u32) -> Commands {
    let first = numbers.first().copied().unwrap_or_default();
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.call(&scripts::BODIES, 1);
    commands.text(layout.events(segments.of_command(first)).as_bytes());
    commands.number(bytes.into());
    // Nothing is compared.
    commands.text(b"");
    commands.number(numbers.len() as u64);
    numbers.iter().for_each(|number| commands.prefixed(RECORD, Decimal::new(*number).as_bytes()));
    commands
}

/// The last command of the segment that this one's record is in.
#[must_use]
pub fn end_of_commands(segments: &Segments, number: u64) -> u64 {
    segments.bounds(segments.of_command(number)).1.command.saturating_sub(1)
}

/// The last position of the segment that this one is in.
#[must_use]
pub fn end_of_segment(segments: &Segments, position: u64) -> u64 {
    segments.bounds(segments.of_position(position).0).1.position.saturating_sub(1)
}

/// What to send for events that follow each other in one segment.
#[must_use]
pub fn page(layout: &Layout, segments: &Segments, way: Way, events: &[Recorded]) -> Commands {
    let types = Terms::new(events.iter().map(|event| event.kind.as_str()).collect());
    let tags = Terms::new(events.iter().flat_map(|event| &event.tags).map(String::as_str).collect());
    let from = events.first().map_or(0, |event| event.position);
    let (segment, index) = segments.of_position(from);
    let mut keys = Keys::new(layout);
    keys.one("h");
    keys.whole(layout.events(segment));
    keys.whole(layout.log(segment));
    let mut spec = Spec::new(types.iter().len().saturating_mul(2));
    spec.word(way as usize);
    spec.word(events.len());
    spec.word(types.iter().len());
    spec.word(tags.iter().len());
    for tag in tags.iter() {
        keys.whole(layout.tag(tag));
        keys.whole(layout.pairs(tag));
    }
    for event in events {
        spec.place(&event.kind, &types);
        spec.places(&event.tags, &tags);
    }
    let mut commands = begin(segments, &keys, &spec, Some(&types), way == Way::Check);
    commands.number(from);
    commands.number(from.saturating_sub(index));
    events.iter().for_each(|event| commands.number(event.id.tail()));
    commands
}

/// What to send to begin a rebuild, or to find out how far the one under way is.
#[must_use]
pub fn start(layout: &Layout, segments: &Segments) -> Commands {
    let mut keys = Keys::new(layout);
    keys.one("h");
    let mut spec = Spec::new(0);
    spec.word(Way::Begin as usize);
    begin(segments, &keys, &spec, None, true)
}

/// What to send to end a rebuild; `head` is the last event that there is, and so many commands are said to be there.
#[must_use]
pub fn finish(layout: &Layout, segments: &Segments, head: Cursor, commands_said: u64) -> Commands {
    let mut keys = Keys::new(layout);
    keys.one("h");
    keys.whole(layout.events(segments.of_command(commands_said)));
    keys.one("b");
    let mut spec = Spec::new(0);
    spec.word(Way::Finish as usize);
    let mut commands = begin(segments, &keys, &spec, None, true);
    commands.number(head.position);
    commands.number(head.id.tail());
    commands.number(segments.current().1.command);
    commands
}

/// What `page`, `start`, `clear` or `finish` did.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let (status, follow) = status::status(reply)?;
    match status {
        status::DONE => {}
        status::STALE => return Ok(Outcome::Stale),
        status::TYPES => return Ok(Outcome::TooManyTypes),
        _ => return Err(Fault::Unexpected),
    }
    let number = reply.number()?;
    let mut found = Vec::new();
    for _ in 0..follow.saturating_sub(1) / 3 {
        let (position, index, _) = (reply.number()?, reply.number()?, reply.number()?);
        let index = match index {
            1 => Index::Log,
            2 => Index::Type,
            3 => Index::Tag,
            4 => Index::Pair,
            _ => Index::Behind,
        };
        found.push(Found { position, index });
    }
    Ok(Outcome::Done(number, found))
}

/// Looks for the lists of tags, some at a time, from a cursor that is first `0`.
#[must_use]
pub fn scan(layout: &Layout, cursor: &str) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.command("SCAN");
    commands.text(cursor.as_bytes());
    commands.text(b"MATCH");
    commands.text(layout.tag("*").as_bytes());
    commands.text(b"COUNT");
    commands.number(1000);
    commands
}

/// What was found: the next cursor, and keys.
///
/// # Errors
/// The server refused, or the reply is none of SCAN's.
pub fn scanned(reply: &mut Reply<'_>) -> Result<(String, Vec<String>), Fault> {
    if reply.array()? != 2 {
        return Err(Fault::Unexpected);
    }
    let cursor = text(reply)?;
    if decimal(cursor.as_bytes()).is_none() {
        return Err(Fault::Unexpected);
    }
    let mut keys = Vec::new();
    for _ in 0..reply.array()? {
        keys.push(text(reply)?);
    }
    Ok((cursor, keys))
}

/// How many entries up to this position the lists have.
#[must_use]
pub fn count(keys: &[String], head: u64) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.call(&scripts::COUNT, keys.len());
    keys.iter().for_each(|key| commands.text(key.as_bytes()));
    commands.number(head.saturating_add(1).saturating_mul(TAG_PLACES));
    commands
}

/// What `count` gave.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn counted(reply: &mut Reply<'_>) -> Result<u64, Fault> {
    match reply.node()? {
        Node::Integer(number) => u64::try_from(number).map_err(|_| Fault::Unexpected),
        other => Err(refusal(&other)),
    }
}

/// Asks for all types: their numbers, and their last positions.
#[must_use]
pub fn types(layout: &Layout) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.command("HGETALL");
    commands.text(layout.key("h").as_bytes());
    commands
}

/// A field of the state's hash that says something of a type, or is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The type's number.
    Number(u64),
    /// The last position of this type.
    Last(String, u64),
    /// None that an append writes.
    Strange(String),
}

/// Those that there are.
///
/// # Errors
/// The server refused, or the reply is none of HGETALL's.
pub fn fields(reply: &mut Reply<'_>) -> Result<Vec<Field>, Fault> {
    let mut fields = Vec::new();
    for _ in 0..reply.array()? / 2 {
        let (name, value) = (text(reply)?, text(reply)?);
        let field = match (name.split_at_checked(1), decimal(value.as_bytes())) {
            (Some(("s" | "f" | "w", "")), _) => continue,
            (Some(("o", segment)), _) if decimal(segment.as_bytes()).is_some() => continue,
            (Some(("n", _)), Some(number)) if number < 4096 => Field::Number(number),
            (Some(("p", kind)), Some(last)) => Field::Last(kind.to_owned(), last),
            _ => Field::Strange(name),
        };
        fields.push(field);
    }
    Ok(fields)
}

/// Throws these away, unless something was made already.
#[must_use]
pub fn clear(layout: &Layout, segments: &Segments, keys_of: &[String]) -> Commands {
    let mut keys = Keys::new(layout);
    keys.one("h");
    keys_of.iter().for_each(|key| keys.whole(key.clone()));
    let mut spec = Spec::new(0);
    spec.word(Way::Clear as usize);
    begin(segments, &keys, &spec, None, true)
}

/// The keys of all indexes but the lists of tags.
#[must_use]
pub fn indexes(layout: &Layout, segments: &Segments) -> Vec<String> {
    let mut keys: Vec<String> = (0..segments.count() as u64).map(|segment| layout.log(segment)).collect();
    keys.extend((0..SHARDS).map(|shard| layout.shard(shard)));
    keys
}

fn begin(segments: &Segments, keys: &Keys<'_>, spec: &Spec, types: Option<&Terms<'_>>, may_repeat: bool) -> Commands {
    let mut commands = Commands { may_repeat, ..Commands::default() };
    keys.begin(&mut commands, &scripts::CARE);
    commands.text(spec.bytes());
    if let Some(types) = types {
        terms::fields(&mut commands, types);
    }
    let (number, begin) = segments.current();
    commands.number(number);
    commands.number(begin.position);
    commands
}

fn text(reply: &mut Reply<'_>) -> Result<String, Fault> {
    let text = reply.text()?;
    String::from_utf8(text.bytes.to_vec()).map_err(|_| Fault::Unexpected)
}
