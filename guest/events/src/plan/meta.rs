//! How a store is.

use crate::event::{Cursor, Id};
use crate::fault::Fault;
use crate::layout::{Begin, Layout, Meta, Segments};
use crate::pieces::Commands;
use crate::reply::{Reply, decimal};

/// What to send.
#[must_use]
pub fn plan(layout: &Layout) -> Commands {
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    commands.command("HGETALL");
    commands.text(layout.key("h").as_bytes());
    commands
}

/// What it is. An empty store is one, too.
///
/// # Errors
/// The server refused, or the layout is another version's, or none at all.
pub fn read(layout: &Layout, reply: &mut Reply<'_>) -> Result<Meta, Fault> {
    let corrupt = |what: &str| Fault::Corrupt(layout.key("h"), what.to_owned());
    let mut meta = Meta {
        head: Cursor::default(),
        commands: 0,
        types: 0,
        bytes: 0,
        time: 0,
        rebuilding: None,
        segments: Segments::default(),
    };
    let mut begins = Vec::new();
    for _ in 0..reply.array()? / 2 {
        let (name, value) = (reply.text()?.bytes, reply.text()?.bytes);
        if let Some(segment) = name.strip_prefix(b"o").and_then(decimal) {
            begins.push((segment, begin(value).ok_or_else(|| corrupt("has a segment that is none"))?));
        } else if name == b"s" {
            state(&mut meta, value).ok_or_else(|| corrupt("has another layout: what wrote it can export it"))?;
        }
    }
    begins.sort_unstable_by_key(|(segment, _)| *segment);
    if begins.iter().zip(0_u64..).any(|((segment, _), expected)| *segment != expected) {
        return Err(corrupt("lacks a segment"));
    }
    if !begins.is_empty() {
        meta.segments = Segments { begins: begins.into_iter().map(|(_, begin)| begin).collect() };
    }
    Ok(meta)
}

const VERSION: u64 = 3;

/// As `begin.lua` reads it.
fn state(meta: &mut Meta, text: &[u8]) -> Option<()> {
    let mut numbers = text.split(|byte| *byte == b' ').map(decimal);
    let mut next = || numbers.next().flatten();
    if next()? != VERSION {
        return None;
    }
    meta.head = Cursor { position: next()?, id: Id(next()?.into()) };
    (meta.commands, meta.time, meta.types) = (next()?, next()?, u32::try_from(next()?).ok()?);
    let _segment = next()?;
    meta.bytes = next()?;
    let _first = next()?;
    meta.rebuilding = next()?.checked_sub(1);
    Some(())
}

fn begin(text: &[u8]) -> Option<Begin> {
    let mut numbers = text.split(|byte| *byte == b' ').map(decimal);
    Some(Begin { position: numbers.next()??, command: numbers.next()??, time: numbers.next()?? })
}
