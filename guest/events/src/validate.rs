//! What may be given. Nothing of `plan` checks it again.

use std::fmt::Display;

use crate::event::Event;
use crate::fault::Invalid;
use crate::query::{Item, Query};

/// Bytes of a type.
const KIND: usize = 64;
/// Bytes of a tag.
const TAG: usize = 255;
/// Tags of an event.
const TAGS: usize = 32;
/// Bytes of an event's tags together: what is kept in front of its metadata then has less than 4096.
const TAG_BYTES: usize = 3000;
/// Events of one append.
const EVENTS: usize = 1000;
/// Items of a query.
const ITEMS: usize = 128;
/// Types and tags of a query together.
const TERMS: usize = 512;
/// Bytes of the name of a lock or a consumer.
const NAME: usize = 200;
/// Locks of one append.
const LOCKS: usize = 16;
/// A tag that begins so names a lock.
const LOCK: &str = "lock:";

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
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(invalid("namespace", "is to be 1 to 64 letters, digits, dots, underscores and hyphens"))
}

/// Sorts the tags of each event, and checks them all. `none` says whether none at all will do, as it does with a
/// command.
///
/// # Errors
/// The first that can't be.
pub fn events(events: &mut [Event], none: bool, limits: Limits) -> Result<(), Invalid> {
    let most = EVENTS.min(limits.batch_events as usize);
    if events.is_empty() && !none {
        return Err(invalid("events", "none are given"));
    }
    if events.len() > most {
        return Err(invalid("events", &format!("are more than {most}")));
    }
    let mut bytes = 0_u64;
    for (index, event) in events.iter_mut().enumerate() {
        check_event(event)
            .map_err(|Invalid { field, why }| Invalid { field: format!("events[{index}].{field}"), why })?;
        bytes = bytes.saturating_add(u64::from(event.data)).saturating_add(u64::from(event.metadata));
    }
    if bytes > u64::from(limits.batch_bytes) {
        return Err(invalid("events", &format!("have more than {} bytes of data and metadata", limits.batch_bytes)));
    }
    Ok(())
}

/// A query of these items, as `plan` wants it. `field` is what it is called in the error.
///
/// # Errors
/// No items, more than 128 items or 512 types and tags together, or one that no event could have.
pub fn query(field: &str, mut items: Vec<Item>) -> Result<Query, Invalid> {
    if items.is_empty() {
        return Err(invalid(field, "has no items; all events are one item without types and tags"));
    }
    if items.len() > ITEMS {
        return Err(invalid(field, &format!("has more than {ITEMS} items")));
    }
    let mut terms = 0_usize;
    for (index, item) in items.iter_mut().enumerate() {
        let within = |Invalid { field: inner, why }| Invalid { field: format!("{field}[{index}].{inner}"), why };
        for (place, kind) in item.types.iter().enumerate() {
            self::kind(format_args!("types[{place}]"), kind).map_err(within)?;
        }
        check_tags(&item.tags).map_err(within)?;
        for list in [&mut item.types, &mut item.tags] {
            list.sort_unstable();
            list.dedup();
            terms = terms.saturating_add(list.len());
        }
        if item.tags.len() > TAGS {
            return Err(within(invalid("tags", &format!("are more than an event's, {TAGS}"))));
        }
    }
    if terms > TERMS {
        return Err(invalid(field, &format!("has more than {TERMS} types and tags")));
    }
    items.sort_unstable();
    items.dedup();
    Ok(Query { items }.simplified())
}

/// A type, of an event or a command: 1 to 64 bytes.
///
/// # Errors
/// It is none.
pub fn kind(field: impl Display, kind: &str) -> Result<(), Invalid> {
    if (1..=KIND).contains(&kind.len()) {
        return Ok(());
    }
    Err(invalid(field, &format!("is to have 1 to {KIND} bytes")))
}

/// The name of a lock or a consumer: 1 to 200 bytes.
///
/// # Errors
/// It is none.
pub fn name(field: impl Display, name: &str) -> Result<(), Invalid> {
    if (1..=NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(invalid(field, &format!("is to have 1 to {NAME} bytes")))
}

/// Names of an append's locks: sorts them, takes out what is there twice, at most 16.
///
/// # Errors
/// One that is none, or too many.
pub fn locks(field: &str, names: &mut Vec<String>) -> Result<(), Invalid> {
    for (index, each) in names.iter().enumerate() {
        name(format_args!("{field}[{index}]"), each)?;
    }
    names.sort_unstable();
    names.dedup();
    if names.len() > LOCKS {
        return Err(invalid(field, &format!("are more than {LOCKS}")));
    }
    Ok(())
}

/// Takes the tags `lock:NAME` from events, as they are not stored: the names, of 1 to 200 bytes each.
///
/// # Errors
/// One that is none.
pub fn lock_tags(events: &mut [Event]) -> Result<Vec<String>, Invalid> {
    let mut names = Vec::new();
    for (index, event) in events.iter_mut().enumerate() {
        let of_event = names.len();
        event.tags.retain(|tag| match tag.strip_prefix(LOCK) {
            Some(name) => {
                names.push(name.to_owned());
                false
            }
            None => true,
        });
        if names.iter().skip(of_event).any(|each| name("", each).is_err()) {
            let why = format!("names a lock, which is to have 1 to {NAME} bytes behind `{LOCK}`");
            return Err(invalid(format_args!("events[{index}].tags"), &why));
        }
    }
    Ok(names)
}

fn check_event(event: &mut Event) -> Result<(), Invalid> {
    kind("type", &event.kind)?;
    if event.tags.len() > TAGS {
        return Err(invalid("tags", &format!("are more than {TAGS}")));
    }
    check_tags(&event.tags)?;
    if event.tags.iter().map(String::len).sum::<usize>() > TAG_BYTES {
        return Err(invalid("tags", &format!("have more than {TAG_BYTES} bytes together")));
    }
    event.tags.sort_unstable();
    let twice = event.tags.iter().zip(event.tags.iter().skip(1)).find(|(one, next)| one == next);
    match twice {
        Some((tag, _)) => Err(invalid("tags", &format!("has {tag:?} twice"))),
        None => Ok(()),
    }
}

fn check_tags(tags: &[String]) -> Result<(), Invalid> {
    for (index, tag) in tags.iter().enumerate() {
        let whole = tag.split_once(':').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty());
        if !whole || tag.len() > TAG {
            return Err(invalid(
                format_args!("tags[{index}]"),
                &format!("is to be `key:value` of at most {TAG} bytes"),
            ));
        }
        if tag.starts_with(LOCK) {
            return Err(invalid(format_args!("tags[{index}]"), "names a lock, which no event is stored with"));
        }
    }
    Ok(())
}

fn invalid(field: impl Display, why: &str) -> Invalid {
    Invalid { field: field.to_string(), why: why.to_owned() }
}
