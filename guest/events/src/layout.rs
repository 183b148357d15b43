//! Keys, and the table of segments. See the table in this file's documentation.

use crate::event::Cursor;

/// The keys of one store.
#[derive(Clone, Debug)]
pub struct Layout {
    prefix: String,
}

impl Layout {
    /// Of the store of this name.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self { prefix: ["{", namespace, "}:"].concat() }
    }

    /// The key of the bell, which live subscribers XREAD: an entry an append, its id `<last position>-0`.
    #[must_use]
    pub fn bell(&self) -> String {
        self.key("b")
    }

    /// The key of a lock.
    #[must_use]
    pub fn lock(&self, name: &str) -> String {
        [&self.prefix, "k:", name].concat()
    }

    pub(crate) fn key(&self, suffix: &str) -> String {
        [&self.prefix, suffix].concat()
    }
}

/// Where a segment of the log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Its first position.
    pub position: u64,
    /// The number of its first command.
    pub command: u64,
    /// When it was begun, milliseconds since 1970.
    pub time: u64,
}

/// What is known of a store's segments. A new one knows an empty store. When a script says `Stale`, `plan::meta` tells
/// what it is now, and what was planned is planned again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    pub(crate) begins: Vec<Begin>,
}

impl Default for Segments {
    fn default() -> Self {
        Self { begins: vec![Begin { position: 1, command: 1, time: 0 }] }
    }
}

impl Segments {
    /// Their number, at least 1. The last one is written to.
    #[must_use]
    pub fn count(&self) -> usize {
        self.begins.len()
    }
}

/// How a store is, by `plan::meta`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The last event; position 0 in an empty store. Of its id only the `tail` is there.
    pub head: Cursor,
    /// Number of the last command.
    pub commands: u64,
    /// Types that there are.
    pub types: u32,
    /// Bytes in the last segment.
    pub bytes: u64,
    /// When the last append was, milliseconds since 1970.
    pub time: u64,
    /// A rebuild is under way, or was left: how far it is. Appends are refused meanwhile.
    pub rebuilding: Option<u64>,
    /// All segments.
    pub segments: Segments,
}
