//! The rows of `submit` and the columns beside them, unpacked; and arguments as RESP.

use crate::effects::{Effect, Effects};
use crate::resp::encode;
use crate::wire::HELD;

/// A row of `submit`, unpacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) deadline: u64,
    pub(crate) arguments: u32,
    pub(crate) session: u32,
    pub(crate) options: u32,
    pub(crate) total: u32,
}

impl Row {
    pub(crate) fn unpack(words: &[u64; 4]) -> Self {
        let [id, deadline, counts, options] = *words;
        Self {
            id,
            deadline,
            arguments: counts as u32,
            session: (counts >> 32) as u32,
            options: options as u32,
            total: (options >> 32) as u32,
        }
    }

    pub(crate) fn has(self, option: u32) -> bool {
        self.options & option != 0
    }
}

/// What is left of the columns.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) lengths: &'a [u32],
    pub(crate) bytes: &'a [u8],
}

/// A row's arguments: as `Columns`, and no more than that.
pub(crate) type Arguments<'a> = Columns<'a>;

impl<'a> Columns<'a> {
    /// Takes a row's arguments off the columns.
    pub(crate) fn take(&mut self, arguments: u32) -> Option<Arguments<'a>> {
        let (lengths, other_lengths) = self.lengths.split_at_checked(arguments as usize)?;
        let inline = lengths.iter().filter(|length| **length & HELD == 0).map(|length| *length as usize).sum();
        let (bytes, other_bytes) = self.bytes.split_at_checked(inline)?;
        *self = Self { lengths: other_lengths, bytes: other_bytes };
        Some(Arguments { lengths, bytes })
    }

    /// The first argument, if it is not held.
    pub(crate) fn first(&self) -> Option<&'a [u8]> {
        let length = *self.lengths.first()?;
        if length & HELD == 0 { self.bytes.get(..length as usize) } else { None }
    }

    /// The second argument, if neither it nor the first is held.
    pub(crate) fn second(&self) -> Option<&'a [u8]> {
        let (first, second) = (*self.lengths.first()?, *self.lengths.get(1)?);
        if (first | second) & HELD != 0 {
            return None;
        }
        self.bytes.get(first as usize..)?.get(..second as usize)
    }

    /// Any argument, if it is not held. Takes longer than `first` and `second`.
    pub(crate) fn at(&self, index: usize) -> Option<&'a [u8]> {
        let length = self.lengths.get(index).filter(|length| **length & HELD == 0)?;
        let before = self.lengths.get(..index)?.iter().filter(|length| **length & HELD == 0);
        let from: usize = before.map(|length| *length as usize).sum();
        self.bytes.get(from..)?.get(..*length as usize)
    }

    /// All arguments, and `None` for those that are held.
    pub(crate) fn iter(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let mut rest = self.bytes;
        self.lengths.iter().map(move |length| {
            // With `HELD` it is more than all bytes.
            let (argument, behind) = rest.split_at_checked(*length as usize)?;
            rest = behind;
            Some(argument)
        })
    }

    /// An argument's length, as the row says it.
    pub(crate) fn length(&self, index: usize) -> Option<u32> {
        self.lengths.get(index).copied()
    }

    /// The columns without their first arguments, `count` of them.
    pub(crate) fn behind(mut self, count: u32) -> Option<Self> {
        self.take(count)?;
        Some(self)
    }
}

/// Gives the number of bytes that the link will have sent with them.
pub(crate) fn write_arguments(
    link: u32,
    effects: &mut Effects,
    row: Row,
    arguments: &Arguments<'_>,
    begins: bool,
    first: u32,
) -> usize {
    let mut bytes = 0;
    if begins {
        bytes += effects.send(link, |out| encode::command(out, row.total));
    }
    let mut rest = arguments.bytes;
    let mut index = first;
    let mut lengths = arguments.lengths;
    while !lengths.is_empty() {
        let inline = lengths.iter().take_while(|length| **length & HELD == 0).count();
        let (run, other) = lengths.split_at_checked(inline).unwrap_or((lengths, &[]));
        bytes += effects.send(link, |out| {
            for length in run {
                let (argument, after) = rest.split_at_checked(*length as usize).unwrap_or((rest, &[]));
                encode::argument(out, argument);
                rest = after;
            }
        });
        index = index.saturating_add(run.len() as u32);
        lengths = other;
        if let Some((held, other)) = lengths.split_first() {
            bytes += write_held(link, effects, row.id, index, held & !HELD);
            index = index.saturating_add(1);
            lengths = other;
        }
    }
    bytes
}

/// Gives the number of bytes that the link will have sent with it.
pub(crate) fn write_held(link: u32, effects: &mut Effects, request: u64, argument: u32, length: u32) -> usize {
    let before = effects.send(link, |out| encode::begin_argument(out, length));
    effects.push(Effect::SendHeld { link, request, argument });
    before + length as usize + effects.send(link, encode::end_argument)
}
