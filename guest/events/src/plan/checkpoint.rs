//! Where consumers are.

use crate::event::{Cursor, Id};
use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::{Commands, Decimal, hexadecimal};
use crate::reply::{Node, Reply, decimal, refusal};
use crate::scripts;

use super::terms::Keys;

/// Ask where a consumer is.
#[must_use]
pub fn load(layout: &Layout, consumer: &str) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.command("GET");
    commands.text(layout.checkpoint(consumer).as_bytes());
    commands
}

/// What `load` gave. One that was set back to the beginning is as good as none.
///
/// # Errors
/// The server refused, or what is there is no checkpoint.
pub fn loaded(layout: &Layout, reply: &mut Reply<'_>) -> Result<Option<Cursor>, Fault> {
    match reply.node()? {
        Node::Nil => Ok(None),
        Node::Text(text) if text.size == 0 => Ok(None),
        Node::Text(text) => match parsed(text.bytes) {
            Some(cursor) => Ok((cursor.position > 0).then_some(cursor)),
            None => Err(Fault::Corrupt(layout.checkpoint("*"), "is no checkpoint".to_owned())),
        },
        other => Err(refusal(&other)),
    }
}

/// Store `to` if what is stored is `expected`. The mark is this attempt's: sent again, it succeeds again, and another
/// consumer of the same name that wants the same does not.
#[must_use]
pub fn advance(layout: &Layout, consumer: &str, expected: Option<Cursor>, to: Cursor, mark: u64) -> Commands {
    let mut keys = Keys::new(layout);
    keys.whole(layout.checkpoint(consumer));
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::CHECKPOINT);
    commands.text(&expected.filter(|cursor| cursor.position > 0).map(written).unwrap_or_default());
    commands.text(&written(to));
    commands.text(&hexadecimal(mark.into()));
    commands
}

/// What `advance` did: whether it stored `to`, and what is stored now.
///
/// # Errors
/// As for `loaded`.
pub fn advanced(layout: &Layout, reply: &mut Reply<'_>) -> Result<(bool, Option<Cursor>), Fault> {
    if reply.array()? != 2 {
        return Err(Fault::Unexpected);
    }
    Ok((reply.number()? == 1, loaded(layout, reply)?))
}

/// As `<position> <id>`.
fn written(cursor: Cursor) -> Vec<u8> {
    [Decimal::new(cursor.position).as_bytes(), b" ", &hexadecimal(cursor.id.0)].concat()
}

/// What was written, and the mark behind it.
fn parsed(text: &[u8]) -> Option<Cursor> {
    let mut parts = std::str::from_utf8(text).ok()?.split(' ');
    let (position, id) = (parts.next()?, parts.next()?);
    Some(Cursor { position: decimal(position.as_bytes())?, id: Id(u128::from_str_radix(id, 16).ok()?) })
}
