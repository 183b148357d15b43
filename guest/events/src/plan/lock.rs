//! Locks: leases with a secret token, and a fence that grows with each.

use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::Commands;
use crate::reply::Reply;

/// A lease's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(
    /// 128 random bits.
    pub u128,
);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is held: the fence, which is greater than that of any lease of this store before. If the token held it
    /// already (an attempt whose reply was lost), a new fence and a whole lease too.
    Taken(u64),
    /// Somebody else holds it: for so long at most, milliseconds.
    Held(u64),
}

/// Take it for `lease` milliseconds.
#[must_use]
pub fn take(layout: &Layout, name: &str, token: Token, lease: u32) -> Commands {
    let _ = (layout, name, token, lease);
    Commands::default()
}

/// What `take` did.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn taken(reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    let _ = reply;
    Err(Fault::Unfinished)
}

/// Hold all of these for `lease` milliseconds from now on.
#[must_use]
pub fn renew(layout: &Layout, locks: &[(String, Token)], lease: u32) -> Commands {
    let _ = (layout, locks, lease);
    Commands::default()
}

/// Give all of these back, as far as they are held.
#[must_use]
pub fn release(layout: &Layout, locks: &[(String, Token)]) -> Commands {
    let _ = (layout, locks);
    Commands::default()
}

/// What `renew` or `release` did: none, or the index of the first that was not held by its token any more. Others are
/// renewed, or given back, nevertheless.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn held(reply: &mut Reply<'_>) -> Result<Option<usize>, Fault> {
    let _ = reply;
    Err(Fault::Unfinished)
}
