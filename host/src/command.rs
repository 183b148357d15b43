//! Commands as callers make them.

mod argument;
mod columns;
mod packed;

use std::time::Duration;

use bytes::Bytes;
use redis::Arg;
use smallvec::SmallVec;

use crate::error::{Cause, Error, Failure};
use crate::rows::{HELD, MAY_REPEAT, RAW, SCRIPT, TRACK};
pub use argument::IntoArgument;
pub(crate) use columns::{Columns, Ends};
use packed::split_packed;

/// Arguments from this size on keep a buffer of their own, so that they can be written without another copy.
const SHARED_FROM: usize = 1024;
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

pub(crate) fn usage(detail: &str) -> Error {
    Error::failed(Failure::Misuse, Cause::Usage, detail)
}
