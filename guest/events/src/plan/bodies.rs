//! Reading events whose positions are known.

use crate::event::Recorded;
use crate::fault::Fault;
use crate::layout::{Layout, Segments};
use crate::pieces::Commands;
use crate::reply::Reply;

/// What to send for the events at these positions, of which there are at most 1000, in any one order. Bytes as in
/// `page::Read`.
#[must_use]
pub fn plan(layout: &Layout, segments: &Segments, positions: &[u64], bytes: u32) -> Commands {
    let _ = (layout, segments, positions, bytes);
    Commands::default()
}

/// The first events of `positions`, at least one: as many as `bytes` had room for. None if one is not there: the
/// segments are stale, or if they are not, its key is corrupt.
///
/// # Errors
/// The server refused, or the reply is none of the script's.
pub fn read(layout: &Layout, positions: &[u64], reply: &mut Reply<'_>) -> Result<Option<Vec<Recorded>>, Fault> {
    let _ = (layout, positions, reply);
    Err(Fault::Unfinished)
}
