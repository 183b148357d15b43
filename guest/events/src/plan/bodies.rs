//! Reading events whose positions are known.

use crate::event::{Cursor, Recorded};
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::reply::{Node, Reply, refusal};
use crate::scripts;

use super::status;
use super::terms::Keys;

/// What to send for the events at these positions, of which there are at most 1000, in any one order. Bytes, and what
/// is compared, as in `page::Read`.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, check: Option<Cursor>, positions: &[u64], bytes: u32) -> Commands {
    let segment = |position: &u64| segments.of_position(*position).0;
    let mut keys = Keys::new(layout);
    let check = check.map(|cursor| (segments.of_position(cursor.position), cursor.id.tail()));
    if let Some(((number, _), _)) = check {
        keys.whole(layout.log(number));
    }
    let groups = || positions.chunk_by(|one, next| segment(one) == segment(next));
    for group in groups() {
        keys.whole(layout.events(group.first().map(segment).unwrap_or_default()));
    }
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::BODIES);
    commands.number(bytes.into());
    match check {
        None => commands.text(b""),
        Some(((_, place), tail)) => {
            commands.number(place);
            commands.number(tail);
        }
    }
    for group in groups() {
        commands.number(group.len() as u64);
        group.iter().for_each(|position| commands.number(*position));
    }
    commands
}

/// The first events of `positions`, at least one: as many as `bytes` had room for. None if one is not there, or another
/// event is where `check` says: the log lost its end, the segments are stale, or a key is corrupt. A page tells which.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read<'a>(
    layout: &Layout,
    positions: &[u64],
    reply: &mut Reply<'a>,
) -> Result<Option<Vec<Recorded<&'a str>>>, Fault> {
    let count = match reply.node()? {
        Node::Integer(0) => return Ok(None),
        Node::Array(count) => usize::try_from(count).map_err(|_| Fault::Unexpected)?,
        other => return Err(refusal(&other)),
    };
    let positions = positions.get(..count).ok_or(Fault::Unexpected)?;
    let mut events = Vec::with_capacity(count);
    for position in positions {
        match reply.node()? {
            Node::Text(text) => {
                events.push(Recorded::read(*position, &text).ok_or_else(|| status::no_body(layout, *position))?);
            }
            Node::Nil => return Ok(None),
            _ => return Err(Fault::Unexpected),
        }
    }
    Ok(Some(events))
}
