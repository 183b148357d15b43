//! How a store is.

use crate::fault::Fault;
use crate::layout::{Layout, Meta};
use crate::pieces::Commands;
use crate::reply::Reply;

/// What to send.
#[must_use]
pub fn plan(layout: &Layout) -> Commands {
    let _ = layout;
    Commands::default()
}

/// What it is. An empty store is one, too.
///
/// # Errors
/// The server refused, or the layout is another version's, or none at all.
pub fn read(layout: &Layout, reply: &mut Reply<'_>) -> Result<Meta, Fault> {
    let _ = (layout, reply);
    Err(Fault::Unfinished)
}
