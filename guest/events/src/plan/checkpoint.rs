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

/// What `load` gave.
///
/// # Errors
/// The server refused, or what is there is no checkpoint.
pub fn loaded(layout: &Layout, reply: &mut Reply<'_>) -> Result<Option<Cursor>, Fault> {
    match reply.node()? {
        Node::Nil => Ok(None),
        Node::Text(text) => match parsed(text.bytes) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(Fault::Corrupt(layout.checkpoint("*"), "is no checkpoint".to_owned())),
        },
        other => Err(refusal(&other)),
    }
}

/// Store `to` if what is stored is `expected`.
#[must_use]
pub fn advance(layout: &Layout, consumer: &str, expected: Option<Cursor>, to: Cursor) -> Commands {
    let mut keys = Keys::new(layout);
    keys.whole(layout.checkpoint(consumer));
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::CHECKPOINT);
    commands.text(&expected.map(written).unwrap_or_default());
    commands.text(&written(to));
    commands
}

/// What is stored now, after `advance`: `to` if it did.
///
/// # Errors
/// As for `loaded`.
pub fn advanced(layout: &Layout, reply: &mut Reply<'_>) -> Result<Option<Cursor>, Fault> {
    loaded(layout, reply)
}

/// As `<position> <id>`.
fn written(cursor: Cursor) -> Vec<u8> {
    [Decimal::new(cursor.position).as_bytes(), b" ", &hexadecimal(cursor.id.0)].concat()
}

fn parsed(text: &[u8]) -> Option<Cursor> {
    let (position, id) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    Some(Cursor { position: decimal(position.as_bytes())?, id: Id(u128::from_str_radix(id, 16).ok()?) })
}
