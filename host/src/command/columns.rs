//! Commands as they travel to the manager: columns, ready to be packed.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Bodies, Command, Lengths, usage};
use crate::error::Error;
use crate::rows::HELD;

/// Bit 31 of a length is taken.
const MAX_ARGUMENT: usize = HELD as usize - 1;
/// The core has to see a command's name, and a subcommand's behind it. A longer one is none.
const MAX_NAMES: [usize; 2] = [65_536, 64];

/// Commands as columns: what `submit` takes, plus the arguments that the host holds.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// One for each argument, with [`HELD`] set where the host holds it.
    pub(crate) lengths: Lengths,
    /// Of all arguments that have no buffer of their own.
    pub(crate) bytes: Bodies,
    /// Those that have one, by number, in order.
    own: SmallVec<[(u32, Bytes); 1]>,
    /// Some of these are not held: they are copied from there.
    loose: bool,
    /// One for each command.
    commands: SmallVec<[Packed; 1]>,
    /// Bytes of everything.
    pub(crate) size: u64,
}

/// A command in the columns.
#[derive(Debug, Clone, Copy)]
struct Packed {
    end: Ends,
    options: u32,
}

/// Where a command ends, or begins, in the columns: `bytes` counts those of arguments without buffers of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) arguments: usize,
    pub(crate) bytes: usize,
}

impl Columns {
    /// Of one command, with these options beside its own. Arguments longer than `hold_above` stay with the host.
    #[inline]
    pub(crate) fn of(mut command: Command, options: u32, hold_above: usize) -> Result<Self, Error> {
        let mut columns = Self::default();
        if !command.is_small(hold_above) {
            columns.add(&mut command, options, hold_above)?;
            return Ok(columns);
        }
        let end = Ends { arguments: command.lengths.len(), bytes: command.small.len() };
        columns.commands.push(Packed { end, options: command.options | options });
        columns.size = command.small.len() as u64;
        columns.lengths = command.lengths;
        columns.bytes = command.small;
        Ok(columns)
    }

    /// Adds a command, and takes away the arguments that have buffers of their own.
    pub(crate) fn add(&mut self, command: &mut Command, options: u32, hold_above: usize) -> Result<(), Error> {
        if command.is_small(hold_above) {
            self.lengths.extend_from_slice(&command.lengths);
            self.bytes.extend_from_slice(&command.small);
            self.size += command.small.len() as u64;
        } else {
            self.add_each(command, hold_above)?;
        }
        let end = Ends { arguments: self.lengths.len(), bytes: self.bytes.len() };
        self.commands.push(Packed { end, options: command.options | options });
        Ok(())
    }

    fn add_each(&mut self, command: &mut Command, hold_above: usize) -> Result<(), Error> {
        if command.lengths.is_empty() {
            return Err(usage("a command needs a name"));
        }
        let mut small = command.small.as_slice();
        let mut shared = std::mem::take(&mut command.shared).into_iter();
        for (place, length) in command.lengths.iter().enumerate() {
            let hold_above = MAX_NAMES.get(place).map_or(hold_above, |most| hold_above.max(*most));
            if length & HELD != 0 {
                self.keep(shared.next().unwrap_or_default(), hold_above)?;
                continue;
            }
            let (bytes, rest) = small.split_at_checked(*length as usize).unwrap_or_default();
            small = rest;
            if bytes.len() > hold_above {
                self.keep(Bytes::copy_from_slice(bytes), hold_above)?;
            } else {
                self.copy(bytes)?;
            }
        }
        Ok(())
    }

    /// Makes room for so many commands like this one.
    pub(crate) fn reserve(&mut self, commands: usize, like: &Command) {
        // A bound, as it is a guess.
        const MOST: usize = 1024;
        let commands = commands.min(MOST);
        self.commands.reserve(commands);
        self.lengths.reserve(commands * like.lengths.len());
        self.bytes.reserve(commands * (like.small.len() + 8));
    }

    pub(crate) fn commands(&self) -> usize {
        self.commands.len()
    }

    /// Where command `index` begins and ends.
    pub(crate) fn command(&self, index: usize) -> (Ends, Ends) {
        let begin = index.checked_sub(1).and_then(|before| self.commands.get(before)).map(|packed| packed.end);
        let begin = begin.unwrap_or_default();
        let end = self.commands.get(index).map_or(begin, |packed| packed.end);
        (begin, end)
    }

    /// Of these commands, how many arguments there are up to its end, and the options that it came with.
    pub(crate) fn ends(&self, commands: Range<usize>) -> impl Iterator<Item = (usize, u32)> {
        let commands = self.commands.get(commands).unwrap_or_default();
        commands.iter().map(|packed| (packed.end.arguments, packed.options))
    }

    /// The options that command `index` came with.
    pub(crate) fn options(&self, index: usize) -> u32 {
        self.commands.get(index).map_or(0, |packed| packed.options)
    }

    /// The held argument of this number, counted over all commands.
    pub(crate) fn held(&self, argument: usize) -> Option<&Bytes> {
        self.lengths.get(argument).filter(|length| **length & HELD != 0)?;
        self.own(argument)
    }

    /// The argument of this number, counted over all commands, if it has a buffer of its own.
    fn own(&self, argument: usize) -> Option<&Bytes> {
        let place = self.own.binary_search_by_key(&argument, |(number, _)| *number as usize).ok()?;
        self.own.get(place).map(|(_, bytes)| bytes)
    }

    /// Bytes of the arguments from here to there that are not held.
    pub(crate) fn between(&self, from: Ends, to: Ends) -> usize {
        if !self.loose {
            return to.bytes - from.bytes;
        }
        let lengths = self.lengths.get(from.arguments..to.arguments).unwrap_or_default();
        lengths.iter().filter(|length| **length & HELD == 0).map(|length| *length as usize).sum()
    }

    /// Appends what is not held of the next `count` arguments, so many bytes. Gives the place behind them.
    pub(crate) fn copy_to(&self, into: &mut Vec<u8>, from: Ends, count: usize, size: usize) -> Ends {
        let arguments = from.arguments + count;
        if !self.loose {
            into.extend_from_slice(self.bytes.get(from.bytes..from.bytes + size).unwrap_or_default());
            return Ends { arguments, bytes: from.bytes + size };
        }
        let mut bytes = from.bytes;
        for number in from.arguments..arguments {
            let length = self.lengths.get(number).copied().unwrap_or_default();
            if length & HELD != 0 {
                continue;
            }
            if let Some(own) = self.own(number) {
                into.extend_from_slice(own);
            } else {
                let end = bytes + length as usize;
                into.extend_from_slice(self.bytes.get(bytes..end).unwrap_or_default());
                bytes = end;
            }
        }
        Ends { arguments, bytes }
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length(bytes.len(), 0)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Keeps an argument in its own buffer.
    fn keep(&mut self, bytes: Bytes, hold_above: usize) -> Result<(), Error> {
        let number = u32::try_from(self.lengths.len()).map_err(|_| usage("too many arguments"))?;
        let loose = bytes.len() <= hold_above;
        self.loose |= loose;
        self.length(bytes.len(), if loose { 0 } else { HELD })?;
        self.own.push((number, bytes));
        Ok(())
    }

    fn length(&mut self, length: usize, flag: u32) -> Result<(), Error> {
        let number = u32::try_from(length).ok().filter(|_| length <= MAX_ARGUMENT);
        self.lengths.push(number.ok_or_else(|| usage("an argument is longer than 2 GiB"))? | flag);
        self.size += length as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However little may enter the sandbox of arguments.
    #[test]
    fn a_name_is_never_held() {
        let [longest, subcommand] = MAX_NAMES;
        for (length, next, next_held) in [(2, subcommand, false), (1500, 2, false), (longest, subcommand + 1, true)] {
            let command = Command::from_args(["n".repeat(length), "s".repeat(next), "ab".to_owned()]);
            let columns = Columns::of(command, 0, 1).unwrap();
            let held: Vec<bool> = (0..3).map(|argument| columns.held(argument).is_some()).collect();
            assert_eq!(held, [false, next_held, true], "{length}");
            let mut bytes = Vec::new();
            let (begin, end) = columns.command(0);
            let end = columns.copy_to(&mut bytes, begin, 3, columns.between(begin, end));
            assert_eq!((bytes.len(), end.arguments), (length + if next_held { 0 } else { next }, 3));
        }
        let columns = Columns::of(Command::from_args(["n".repeat(longest + 1)]), 0, 1).unwrap();
        assert!(columns.held(0).is_some());
    }
}
