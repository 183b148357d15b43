//! What the servers say of their commands: who only reads, who blocks and how long, where the keys are.
//!
//! `table.rs` is made by `cargo xtask commands` from what Redis and Valkey answer to COMMAND. Its form is chosen for
//! size, since each byte of the core is one in every host, and for the look-up of one short name, which every request
//! does: names lie in buckets of their hash, each with the number of a row, and few commands differ in their row.

mod flags;
mod hash;
mod table;
#[cfg(test)]
mod tests;
mod timeout;

pub use flags::Flags;

/// What the table says of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What it is and does.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: Keys,
    /// Which argument says how long it may block.
    pub blocks: Blocks,
}

/// Which argument says how long a command may block. Arguments are counted from 0, the command's name; negative ones
/// from the end, -1 is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// None: it never does.
    Never,
    /// This one, in seconds, which may have a fraction.
    Seconds(i8),
    /// This one, in milliseconds.
    Millis(i8),
    /// The one after this word, in milliseconds. Without the word, it does not block.
    Token(&'static str),
}

/// Where a command's keys are, as COMMAND says it: each `step`-th argument from `first` to `last`. If `last` is
/// negative it counts from the end. If `first` is 0 there are none, or they are not told by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The first key.
    pub first: u8,
    /// The last one.
    pub last: i8,
    /// From one to the next.
    pub step: u8,
}

impl Command {
    /// How long the server may hold the reply back, in microseconds; `u64::MAX` is for ever. `None`: it does not block.
    ///
    /// There are `count` arguments with the command's name. `arguments` are the first of them, or all, beginning with
    /// the name, and `None` where its bytes are not at hand. A time-out that is not at hand may be any, so it counts as
    /// for ever; one that the server refuses as 0, as its error comes at once.
    pub fn blocks_for<'a>(&self, count: usize, mut arguments: impl Iterator<Item = Option<&'a [u8]>>) -> Option<u64> {
        match self.blocks {
            Blocks::Never => None,
            Blocks::Seconds(place) => Some(held_at(place, count, &mut arguments, timeout::seconds)),
            Blocks::Millis(place) => Some(held_at(place, count, &mut arguments, timeout::milliseconds)),
            Blocks::Token(word) => held_after(word, count, &mut arguments),
        }
    }
}

/// Some of a command's arguments, one after the other: to find one by its number takes as long as all before it.
type Remaining<'i, 'a> = &'i mut dyn Iterator<Item = Option<&'a [u8]>>;

fn held_at(place: i8, count: usize, arguments: Remaining<'_, '_>, read: fn(&[u8]) -> u64) -> u64 {
    let from_start = usize::from(place.unsigned_abs());
    let index = if place < 0 { count.checked_sub(from_start) } else { Some(from_start) };
    match index {
        Some(index) if index < count => arguments.nth(index).flatten().map_or(u64::MAX, read),
        // It lacks arguments, which the server says at once.
        _ => 0,
    }
}

/// Walks the options as the server does, which takes them in any order: a group or a key may have a word for its name.
fn held_after(word: &str, count: usize, arguments: Remaining<'_, '_>) -> Option<u64> {
    let mut held = None;
    let mut index = 1;
    let _name = arguments.next();
    while let Some(argument) = arguments.next() {
        // What is not at hand is too long for a word.
        let bytes = argument.unwrap_or_default();
        let option = table::WORDS.iter().find(|(name, _)| bytes.eq_ignore_ascii_case(name.as_bytes()));
        let values = match option {
            Some((name, Some(_))) if *name == word && index + 1 < count => {
                held = Some(arguments.next().flatten().map_or(u64::MAX, timeout::milliseconds));
                1
            }
            Some((_, Some(values @ 1..))) => {
                let values = usize::from(*values);
                arguments.nth(values - 1);
                values
            }
            // The rest is keys.
            Some((_, None)) => break,
            _ => 0,
        };
        index += 1 + values;
    }
    held
}

/// What the table says of a command, by its name in any case. `second` is its first argument, which matters to commands
/// with subcommands only, such as CLIENT REPLY; without it they are found as such. `None`: the table does not know it.
#[must_use]
pub fn find(name: &[u8], second: Option<&[u8]>) -> Option<Command> {
    if name.len() > table::LONGEST {
        return None;
    }
    let hash = hash::hash(0, name);
    // A subcommand has a row only behind its container.
    let found = look_up(hash, |record| record.eq_ignore_ascii_case(name))
        .filter(|found| !found.flags.has(Flags::SUBCOMMAND))?;
    match second {
        Some(second) if found.flags.has(Flags::CONTAINER) => find_subcommand(hash, name, second),
        _ => Some(found),
    }
}

fn find_subcommand(hash: u32, container: &[u8], name: &[u8]) -> Option<Command> {
    if name.len() > table::LONGEST {
        return None;
    }
    let hash = hash::hash(hash::hash(hash, &[hash::SEPARATOR]), name);
    look_up(hash, |record| match record.split_at_checked(container.len()) {
        Some((start, [hash::SEPARATOR, rest @ ..])) => {
            start.eq_ignore_ascii_case(container) && rest.eq_ignore_ascii_case(name)
        }
        _ => false,
    })
}

fn look_up(hash: u32, is_it: impl Fn(&[u8]) -> bool) -> Option<Command> {
    let bucket = hash::bucket(hash);
    let (start, end) = (*table::STARTS.get(bucket)?, *table::STARTS.get(bucket + 1)?);
    let mut records = table::RECORDS.get(usize::from(start)..usize::from(end))?;
    while let [length, row, rest @ ..] = records {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        if is_it(name) {
            return table::ROWS.get(usize::from(*row)).copied();
        }
        records = rest;
    }
    None
}

/// A row of the table, short to write there.
const fn row(flags: &[Flags], [first, last, step]: [i8; 3], blocks: Blocks) -> Command {
    let keys = Keys { first: first.unsigned_abs(), last, step: step.unsigned_abs() };
    Command { flags: Flags::all(flags), keys, blocks }
}
