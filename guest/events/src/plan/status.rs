//! What a script's reply begins with: a number that says what became of it. The scripts have the same numbers.

use crate::fault::Fault;
use crate::layout::Layout;
use crate::reply::Reply;

pub(crate) const DONE: u64 = 0;
pub(crate) const REPEATED: u64 = 1;
pub(crate) const REUSED: u64 = 2;
pub(crate) const CONFLICT: u64 = 3;
pub(crate) const AHEAD: u64 = 4;
pub(crate) const REWRITTEN: u64 = 5;
pub(crate) const BROAD: u64 = 6;
pub(crate) const TYPES: u64 = 7;
pub(crate) const LOST: u64 = 8;
pub(crate) const STALE: u64 = 9;
pub(crate) const REBUILDING: u64 = 10;
const CORRUPT: u64 = 11;

/// The status that the reply begins with, and how many nodes follow it.
pub(crate) fn status(reply: &mut Reply<'_>) -> Result<(u64, u64), Fault> {
    let follow = reply.array()?.checked_sub(1).ok_or(Fault::Unexpected)?;
    let status = reply.number()?;
    if status == CORRUPT {
        return Err(corrupt(reply.text()?.bytes, reply.text()?.bytes));
    }
    Ok((status, follow))
}

/// A body that is none.
pub(crate) fn no_body(layout: &Layout, position: u64) -> Fault {
    let key = layout.key("e:*");
    Fault::Corrupt(key, ["field ", &position.to_string(), " is not what an append writes"].concat())
}

fn corrupt(key: &[u8], what: &[u8]) -> Fault {
    Fault::Corrupt(String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(what).into_owned())
}
