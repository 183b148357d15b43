//! Reading events whose positions are known.

use crate::event::Recorded;
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::reply::{Node, Reply};
use crate::scripts;

use super::status;
use super::terms::Keys;

/// What to send for the events at these positions, of which there are at most 1000, in any one order. Bytes as in
/// `page::Read`.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, positions: &[u64], bytes: u32) -> Commands {
    let segment = |position: &u64| segments.of_position(*position).0;
    let mut keys = Keys::new(layout);
    let groups = || positions.chunk_by(|one, next| segment(one) == segment(next));
    for group in groups() {
        keys.whole(layout.events(group.first().map(segment).unwrap_or_default()));
    }
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::BODIES);
    commands.number(bytes.into());
    for group in groups() {
        commands.number(group.len() as u64);
        group.iter().for_each(|position| commands.number(*position));
    }
    commands
}

/// The first events of `positions`, at least one: as many as `bytes` had room for. None if one is not there: the
/// segments are stale, or if they are not, its key is corrupt.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read<'a>(
    layout: &Layout,
    positions: &[u64],
    reply: &mut Reply<'a>,
) -> Result<Option<Vec<Recorded<&'a str>>>, Fault> {
    let count = usize::try_from(reply.array()?).map_err(|_| Fault::Unexpected)?;
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
