//! Where consumers are.

use crate::event::Cursor;
use crate::fault::Fault;
use crate::layout::Layout;
use crate::pieces::Commands;
use crate::reply::Reply;

/// Ask where a consumer is.
#[must_use]
pub fn load(layout: &Layout, consumer: &str) -> Commands {
    let _ = (layout, consumer);
    Commands::default()
}

/// What `load` gave.
///
/// # Errors
/// The server refused, or what is there is no checkpoint.
pub fn loaded(layout: &Layout, reply: &mut Reply<'_>) -> Result<Option<Cursor>, Fault> {
    let _ = (layout, reply);
    Err(Fault::Unfinished)
}

/// Store `to` if what is stored is `expected`.
#[must_use]
pub fn advance(layout: &Layout, consumer: &str, expected: Option<Cursor>, to: Cursor) -> Commands {
    let _ = (layout, consumer, expected, to);
    Commands::default()
}

/// What is stored now, after `advance`: `to` if it did.
///
/// # Errors
/// As for `loaded`.
pub fn advanced(layout: &Layout, reply: &mut Reply<'_>) -> Result<Option<Cursor>, Fault> {
    loaded(layout, reply)
}
