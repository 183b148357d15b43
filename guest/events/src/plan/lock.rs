//! Locks: leases with a secret token, and a fence that grows with each.

use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::{Commands, hexadecimal};
use crate::reply::{Node, Reply, refusal};
use crate::scripts;

use super::terms::Keys;

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
    let mut keys = Keys::new(layout);
    keys.one("h");
    keys.whole(layout.lock(name));
    // Again is as good: the token says whose it is.
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::LOCK);
    commands.text(&hexadecimal(token.0));
    commands.number(lease.into());
    commands
}

/// What `take` did.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn taken(reply: &mut Reply<'_>) -> Result<Outcome, Fault> {
    if reply.array()? != 2 {
        return Err(Fault::Unexpected);
    }
    match (reply.number()?, reply.node()?) {
        (0, Node::Integer(fence)) => Ok(Outcome::Taken(fence as u64)),
        // Below 0, somebody made it that no lease is.
        (1, Node::Integer(left)) => Ok(Outcome::Held(u64::try_from(left).unwrap_or(u64::MAX))),
        _ => Err(Fault::Unexpected),
    }
}

/// Hold all of these for `lease` milliseconds from now on.
#[must_use]
pub fn renew(layout: &Layout, locks: &[(String, Token)], lease: u32) -> Commands {
    let mut keys = Keys::new(layout);
    locks.iter().for_each(|(name, _)| keys.whole(layout.lock(name)));
    let mut commands = Commands { may_repeat: true, ..Commands::default() };
    keys.begin(&mut commands, &scripts::LEASE);
    commands.number(lease.into());
    locks.iter().for_each(|(_, token)| commands.text(&hexadecimal(token.0)));
    commands
}

/// Give all of these back, as far as they are held.
#[must_use]
pub fn release(layout: &Layout, locks: &[(String, Token)]) -> Commands {
    renew(layout, locks, 0)
}

/// What `renew` or `release` did: none, or the index of the first that was not held by its token any more. Others are
/// renewed, or given back, nevertheless.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn held(reply: &mut Reply<'_>) -> Result<Option<usize>, Fault> {
    match reply.node()? {
        Node::Integer(place) => Ok(usize::try_from(place).map_err(|_| Fault::Unexpected)?.checked_sub(1)),
        other => Err(refusal(&other)),
    }
}
