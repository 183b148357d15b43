//! What `redis::Cmd` packs, taken apart.

use super::usage;
use crate::error::Error;

/// Takes apart what `redis::Cmd` packed: `*n`, then `$length` and the bytes of each argument.
pub(super) fn split_packed(packed: &[u8]) -> Result<Vec<&[u8]>, Error> {
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
