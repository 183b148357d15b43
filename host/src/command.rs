//! Commands as callers make them, and as they travel to the manager: columns, ready to be packed.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use redis::Arg;
use smallvec::SmallVec;

use crate::error::{Cause, Error, Failure};
use crate::rows::{HELD, MAY_REPEAT, RAW, SCRIPT, TRACK};

/// Arguments from this size on keep a buffer of their own, so that they can be written without another copy.
const SHARED_FROM: usize = 1024;
/// Bit 31 of a length is taken.
const MAX_ARGUMENT: usize = HELD as usize - 1;
/// A command of no more than these needs no memory beside its call's own.
const USUAL_BYTES: usize = 96;
const USUAL_ARGUMENTS: usize = 6;

type Lengths = SmallVec<[u32; USUAL_ARGUMENTS]>;
type Bodies = SmallVec<[u8; USUAL_BYTES]>;

/// A command with its arguments, the name included. The arguments are bytes; nothing is added or taken away.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// One for each argument, with [`HELD`] set where it has a buffer of its own.
    lengths: Lengths,
    /// Of all arguments that have none.
    small: Bodies,
    /// The others, in order.
    shared: SmallVec<[Bytes; 1]>,
    deadline: Option<Duration>,
    /// Bits of the contract's `options` that are the command's own.
    options: u32,
}

/// Something that can be an argument of a [`Command`]. `Bytes` and `Vec<u8>` are taken over without a copy.
pub trait IntoArgument {
    /// Gives the bytes away, or shows them.
    fn add_to(self, command: &mut Command);
}

impl Command {
    /// A command of this name, without arguments yet.
    #[must_use]
    #[inline(always)]
    pub fn new(name: &str) -> Self {
        Self::default().arg(name)
    }

    /// A command without a name yet, with room for so many arguments and bytes: at most as many as are there already.
    pub(crate) fn with_room(arguments: usize, bytes: usize) -> Self {
        Self { lengths: Lengths::with_capacity(arguments), small: Bodies::with_capacity(bytes), ..Self::default() }
    }

    /// A command of these arguments, the first of which is its name.
    #[must_use]
    pub fn from_args<A: IntoArgument>(arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(Self::default(), Self::arg)
    }

    /// Adds an argument.
    #[must_use]
    #[inline(always)]
    pub fn arg(mut self, argument: impl IntoArgument) -> Self {
        argument.add_to(&mut self);
        self
    }

    /// How long the call may take, in place of the client's default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Allows the command to be sent again even if it may have been executed. Done only for commands that the core
    /// calls repeatable: reads, and writes that only overwrite.
    #[must_use]
    pub fn may_repeat(mut self) -> Self {
        self.options |= MAY_REPEAT;
        self
    }

    /// The command's name, for spans; empty if it is not text.
    pub(crate) fn name(&self) -> &str {
        let name = self.lengths.first().filter(|length| **length & HELD == 0);
        let name = name.and_then(|length| self.small.get(..*length as usize));
        name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }

    pub(crate) fn own_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Its second argument is a script's source, which stands in for the hash where the server does not know that.
    pub(crate) fn with_script(mut self) -> Self {
        self.options |= SCRIPT;
        self
    }

    pub(crate) fn is_script(&self) -> bool {
        self.options & SCRIPT != 0
    }

    /// Its reply would be kept: the server is to tell when its key changes.
    pub(crate) fn tracked(mut self) -> Self {
        self.options |= TRACK;
        self
    }

    /// Its reply's bytes are wanted too.
    pub(crate) fn with_bytes(mut self) -> Self {
        self.options |= RAW;
        self
    }

    /// The arguments, the name first.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        let mut small = self.small.as_slice();
        let mut shared = self.shared.iter();
        self.lengths.iter().map(move |length| {
            if length & HELD != 0 {
                return shared.next().map_or(&[][..], |bytes| bytes);
            }
            let (bytes, rest) = small.split_at_checked(*length as usize).unwrap_or_default();
            small = rest;
            bytes
        })
    }

    /// Whether all that it has is in one piece, no argument of which the host would hold.
    fn is_small(&self, hold_above: usize) -> bool {
        self.shared.is_empty() && self.small.len() <= hold_above && !self.lengths.is_empty()
    }

    #[inline]
    fn push_slice(&mut self, bytes: &[u8]) {
        if bytes.len() >= SHARED_FROM {
            self.push_shared(Bytes::copy_from_slice(bytes));
        } else {
            self.small.extend_from_slice(bytes);
            // It is below 1024.
            self.lengths.push(bytes.len() as u32);
        }
    }

    #[inline]
    fn push_bytes(&mut self, bytes: Bytes) {
        if bytes.len() >= SHARED_FROM {
            self.push_shared(bytes);
        } else {
            self.push_slice(&bytes);
        }
    }

    fn push_shared(&mut self, bytes: Bytes) {
        // Its true length is told by the bytes: one that is too long is refused when the command is sent.
        self.lengths.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX) | HELD);
        self.shared.push(bytes);
    }
}

impl IntoArgument for &[u8] {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl<const N: usize> IntoArgument for &[u8; N] {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl IntoArgument for &str {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self.as_bytes());
    }
}

impl IntoArgument for &String {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self.as_bytes());
    }
}

impl IntoArgument for String {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self.into_bytes().into());
    }
}

impl IntoArgument for &Vec<u8> {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_slice(self);
    }
}

impl IntoArgument for Vec<u8> {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self.into());
    }
}

impl IntoArgument for Bytes {
    #[inline(always)]
    fn add_to(self, command: &mut Command) {
        command.push_bytes(self);
    }
}

impl TryFrom<&redis::Cmd> for Command {
    type Error = Error;

    /// Copies the arguments. A cursor, which `redis` hides, is found in the command's packed form.
    fn try_from(cmd: &redis::Cmd) -> Result<Self, Error> {
        let mut command = Self::default();
        if cmd.in_scan_mode() && cmd.args_iter().any(|argument| argument == Arg::Cursor) {
            for argument in split_packed(&cmd.get_packed_command())? {
                command.push_slice(argument);
            }
            return Ok(command);
        }
        for argument in cmd.args_iter() {
            match argument {
                Arg::Simple(bytes) => command.push_slice(bytes),
                _ => return Err(usage("an argument of the command is of a kind that this client does not know")),
            }
        }
        Ok(command)
    }
}

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
        for length in &command.lengths {
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

pub(crate) fn usage(detail: &str) -> Error {
    Error::failed(Failure::Misuse, Cause::Usage, detail)
}

/// Takes apart what `redis::Cmd` packed: `*n`, then `$length` and the bytes of each argument.
fn split_packed(packed: &[u8]) -> Result<Vec<&[u8]>, Error> {
    fn number<'a>(rest: &mut &'a [u8], mark: u8) -> Option<usize> {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, tail): (&'a [u8], &'a [u8]) = rest.split_at_checked(end)?;
        *rest = tail.get(2..)?;
        std::str::from_utf8(line.strip_prefix(&[mark])?).ok()?.parse().ok()
    }
    fn all(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
        let count = number(&mut rest, b'*')?;
        let mut arguments = Vec::new();
        for _ in 0..count {
            let length = number(&mut rest, b'$')?;
            let (argument, tail) = rest.split_at_checked(length)?;
            rest = tail.strip_prefix(b"\r\n")?;
            arguments.push(argument);
        }
        Some(arguments)
    }
    all(packed).ok_or_else(|| usage("the command can't be taken apart"))
}
