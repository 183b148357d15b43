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
            continue;
        }
        let number = decimal(value).ok_or_else(|| corrupt("has a field that is no number"))?;
        match name {
            b"v" if number != VERSION => return Err(corrupt("has another layout")),
            b"head" => meta.head.position = number,
            b"ht" => meta.head.id = Id(number.into()),
            b"c" => meta.commands = number,
            b"ms" => meta.time = number,
            b"n" => meta.types = number as u32,
            b"sb" => meta.bytes = number,
            b"r" => meta.rebuilding = Some(number),
            _ => {}
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

const VERSION: u64 = 1;

fn begin(text: &[u8]) -> Option<Begin> {
    let mut numbers = text.split(|byte| *byte == b' ').map(decimal);
    Some(Begin { position: numbers.next()??, command: numbers.next()??, time: numbers.next()?? })
}
