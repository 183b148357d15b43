//! Whether an append was done before.

use crate::event::{Cursor, Id};
use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::Commands;
use crate::reply::{Node, Reply, decimal, refusal};

use super::append::{Appended, Marker, Outcome};

/// Ask for the marker of this id.
#[must_use]
pub fn plan(layout: &Layout, id: Id) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.command("GET");
    commands.text(layout.marker(id).as_bytes());
    commands
}

/// `Repeated` or `IdReused`, as an append with the marker would end; none where it would go on.
///
/// # Errors
/// The server refused, or what is there is no marker.
pub fn read(layout: &Layout, marker: &Marker, reply: &mut Reply<'_>) -> Result<Option<Outcome>, Fault> {
    let text = match reply.node()? {
        Node::Nil => return Ok(None),
        Node::Text(text) => text.bytes,
        other => return Err(refusal(&other)),
    };
    let (fingerprint, appended) =
        parsed(text).ok_or_else(|| Fault::Corrupt(layout.marker(marker.id), "is no marker".to_owned()))?;
    let same = fingerprint == marker.fingerprint;
    Ok(Some(if same { Outcome::Repeated(appended) } else { Outcome::IdReused }))
}

/// `<fingerprint> <first position> <last position> <command's number> <tail of the last event's id>`.
fn parsed(text: &[u8]) -> Option<(u128, Appended)> {
    let mut words = text.split(|byte| *byte == b' ');
    let fingerprint = u128::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 16).ok()?;
    let mut number = || decimal(words.next()?);
    let (first, last, command, tail) = (number()?, number()?, number()?, number()?);
    let cursor = Cursor { position: last, id: Id(tail.into()) };
    let last = if first == 0 { 0 } else { last };
    Some((fingerprint, Appended { first, last, command, cursor }))
}
