//! From what the core asks to be sent to commands: its own bytes, blobs and scripts, put together.

use std::time::Duration;

use bytes::Bytes;

use crate::command::Command;
use crate::engine::store as wire;

/// Says that a piece is a blob, whose number the low half is.
const BLOB: u64 = 1 << 63;
/// Says that a piece is a script, whose number the low half is.
const SCRIPT: u64 = 1 << 62;

/// The batch is not as the contract says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The commands of a batch, which may take so long.
pub(super) fn assemble(
    batch: &wire::Batch,
    blobs: &[Bytes],
    scripts: &[Bytes],
    within: Option<Duration>,
) -> Result<Vec<Command>, Malformed> {
    let mut rest = Rest { arguments: &batch.arguments, pieces: &batch.pieces, bytes: &batch.bytes, blobs, scripts };
    let commands = batch.lengths.iter().map(|arguments| rest.command(*arguments, batch, within)).collect();
    if rest.arguments.is_empty() && rest.pieces.is_empty() && rest.bytes.is_empty() { commands } else { Err(Malformed) }
}

/// What no command has taken yet.
struct Rest<'a> {
    arguments: &'a [u32],
    pieces: &'a [u64],
    bytes: &'a [u8],
    blobs: &'a [Bytes],
    scripts: &'a [Bytes],
}

impl Rest<'_> {
    fn command(&mut self, arguments: u32, batch: &wire::Batch, within: Option<Duration>) -> Result<Command, Malformed> {
        let mut command = Command::with_room(self.arguments.len().min(arguments as usize), self.bytes.len());
        for pieces in split(&mut self.arguments, arguments as usize)? {
            command = self.argument(command, *pieces as usize)?;
        }
        if batch.script {
            command = command.with_script();
        }
        if batch.may_repeat {
            command = command.may_repeat();
        }
        Ok(within.into_iter().fold(command, Command::deadline))
    }

    /// One piece is taken as it is; more are put together.
    fn argument(&mut self, command: Command, pieces: usize) -> Result<Command, Malformed> {
        match split(&mut self.pieces, pieces)? {
            [piece] if is_lent(*piece) => Ok(command.arg(self.lent(*piece)?.clone())),
            [piece] => Ok(command.arg(self.own(*piece)?)),
            pieces => {
                let mut whole = Vec::with_capacity(self.size(pieces)?);
                for piece in pieces {
                    let bytes = if is_lent(*piece) { self.lent(*piece)? } else { self.own(*piece)? };
                    whole.extend_from_slice(bytes);
                }
                Ok(command.arg(whole))
            }
        }
    }

    fn size(&self, pieces: &[u64]) -> Result<usize, Malformed> {
        pieces.iter().try_fold(0_usize, |size, piece| {
            let more = if is_lent(*piece) { self.lent(*piece)?.len() } else { low(*piece).min(self.bytes.len()) };
            Ok(size.saturating_add(more))
        })
    }

    /// A blob or a script.
    fn lent(&self, piece: u64) -> Result<&'_ Bytes, Malformed> {
        let list = if piece & BLOB == 0 { self.scripts } else { self.blobs };
        list.get(low(piece)).ok_or(Malformed)
    }

    fn own(&mut self, piece: u64) -> Result<&[u8], Malformed> {
        split(&mut self.bytes, low(piece))
    }
}

fn split<'a, T>(rest: &mut &'a [T], count: usize) -> Result<&'a [T], Malformed> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

fn is_lent(piece: u64) -> bool {
    piece & (BLOB | SCRIPT) != 0
}

fn low(piece: u64) -> usize {
    (piece & u64::from(u32::MAX)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lengths: &[u32], arguments: &[u32], pieces: &[u64], bytes: &[u8]) -> wire::Batch {
        wire::Batch {
            session: false,
            lengths: lengths.to_vec(),
            arguments: arguments.to_vec(),
            pieces: pieces.to_vec(),
            bytes: bytes.to_vec(),
            script: false,
            may_repeat: false,
            deadline: 0,
        }
    }

    fn arguments(commands: &[Command]) -> Vec<Vec<&[u8]>> {
        commands.iter().map(|command| command.arguments().collect()).collect()
    }

    #[test]
    fn pieces_and_blobs_become_arguments() {
        let long = Bytes::from(vec![b'x'; 5000]);
        let blobs = [Bytes::from_static(b"data"), Bytes::new(), long.clone()];
        let scripts = [Bytes::new(), Bytes::from_static(b"return 1")];
        let pieces = [3, 4, BLOB, 1, 4, BLOB | 2, BLOB | 1, 2, SCRIPT | 1];
        let batch = batch(&[2, 5], &[1, 3, 1, 1, 2, 0, 1], &pieces, b"SETbody\nHSETzz");
        let commands = assemble(&batch, &blobs, &scripts, None).unwrap();
        let expected: Vec<Vec<&[u8]>> =
            vec![vec![b"SET", b"bodydata\n"], vec![b"HSET", &long, b"zz", b"", b"return 1"]];
        assert_eq!(arguments(&commands), expected);
        let place = commands[1].arguments().nth(1).unwrap().as_ptr();
        assert_eq!(place, long.as_ptr(), "a blob that goes alone is not copied");
    }

    #[test]
    fn options_and_deadline_are_those_of_the_batch() {
        let mut batch = batch(&[1], &[1], &[4], b"PING");
        let plain = assemble(&batch, &[], &[], None).unwrap();
        assert!(!plain[0].is_script() && plain[0].own_deadline().is_none());
        batch.script = true;
        let within = Duration::from_secs(2);
        let script = assemble(&batch, &[], &[], Some(within)).unwrap();
        assert!(script[0].is_script());
        assert_eq!(script[0].own_deadline(), Some(within));
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let (blobs, scripts) = ([Bytes::new()], [Bytes::new()]);
        for (lengths, arguments, pieces, bytes) in [
            (&[2][..], &[1][..], &[4][..], &b"PING"[..]),
            (&[1], &[1, 1], &[2, 2], b"PING"),
            (&[1], &[2], &[4], b"PING"),
            (&[1], &[1], &[4, 0], b"PING"),
            (&[1], &[1], &[5], b"PING"),
            (&[1], &[1], &[3], b"PING"),
            (&[1], &[2], &[4, u64::from(u32::MAX)], b"PING"),
            (&[1], &[1], &[BLOB | 1], b""),
            (&[1], &[1], &[SCRIPT | 1], b""),
        ] {
            let batch = batch(lengths, arguments, pieces, bytes);
            assert_eq!(assemble(&batch, &blobs, &scripts, None).map(|_| ()), Err(Malformed), "{pieces:?}");
        }
    }
}
