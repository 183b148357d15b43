//! Reading the records of commands. The one of an event is known by `Recorded::command`.

use crate::event::Ordered;
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::reply::Reply;
use crate::scripts;

use super::status;
use super::terms::{Keys, Spec};

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

/// Segments whose keys a page is given.
const WINDOW: u64 = 8;

/// What to send: at most `limit` records, 1 to 1000, and `bytes` as in `page::Read`.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, since: Since, limit: u32, bytes: u32) -> Commands {
    let (current, begin) = segments.current();
    let (first, number, time) = match since {
        Since::Number(number) => (segments.of_command(number), number.max(1), None),
        Since::Time(time) => {
            let segment = segments.of_time(time);
            (segment, segments.bounds(segment).0.command, Some(time))
        }
    };
    let window = first..current.saturating_add(1).min(first.saturating_add(WINDOW));
    let mut keys = Keys::new(layout);
    keys.one("h");
    window.clone().for_each(|segment| keys.whole(layout.events(segment)));
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::COMMANDS);
    let mut spec = Spec::new(0);
    spec.word(window.end.saturating_sub(window.start) as usize);
    commands.text(spec.bytes());
    commands.number(current);
    commands.number(begin.position);
    commands.number(number);
    match time {
        Some(time) => commands.number(time),
        None => commands.text(b""),
    }
    commands.number(limit.into());
    commands.number(bytes.into());
    for segment in window.clone() {
        commands.number(segments.bounds(segment).0.command);
    }
    commands.number(segments.bounds(window.end.saturating_sub(1)).1.command);
    commands
}

/// What was read.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(layout: &Layout, reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let (status, follow) = status::status(reply)?;
    match status {
        status::DONE => {}
        status::STALE => return Ok(Outcome::Stale),
        _ => return Err(Fault::Unexpected),
    }
    let (mut next, end) = (reply.number()?, reply.number()? == 1);
    let count = follow.checked_sub(2).ok_or(Fault::Unexpected)?;
    let mut commands = Vec::new();
    for _ in 0..count {
        let command = Ordered::read(next, &reply.text()?);
        commands.push(command.ok_or_else(|| status::no_body(layout, next))?);
        next = next.saturating_add(1);
    }
    Ok(Outcome::Page { commands, next, end })
}
