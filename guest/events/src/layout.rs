//! Keys, and the table of segments. All keys of a store begin with its name in braces, so that they share a slot, and
//! every key that a script touches is in its KEYS.
//!
//! | key | type | what |
//! |---|---|---|
//! | `{ns}:h` | hash | `s` state; `n<type>` its number, 0 to 4095; `p<type>` last position of that type; `o<k>` where segment k begins: `<position> <command> <time>`; `f` fence of locks; `w` until when somebody listens to the bell, milliseconds since 1970 |
//! | `{ns}:e:<k>` | hash | segment k: position → event, `c<number>` → command's record |
//! | `{ns}:t:<k>` | list | segment k, an entry an event: `tail * 4096 + type` |
//! | `{ns}:g:<tag>` | list | `position * 10000 + type` of each event with the tag: the position's digits, and four more |
//! | `{ns}:l:<0..15>` | hash | `<type's number>:<tag>` → last position with both; the shard by a hash of the tag |
//! | `{ns}:b` | stream | the bell: an entry an append while somebody listens, id `<last position>-0`; about 256 are kept |
//! | `{ns}:d:<id>` | string | marker, see below; expires or not |
//! | `{ns}:k:<lock>` | string | lock: the token; expires |
//! | `{ns}:p:<consumer>` | string | checkpoint: position and id |
//!
//! The *tail* of an id is its lowest 40 bits: an entry of a list then is below 2^52, and a script's numbers are exact.
//!
//! The *state* is one string of numbers, as reading and writing a field each was a fifth of an append: version of this
//! layout, head, tail of its id, last command's number, last time, number of types, number of the current segment,
//! bytes in it, its first position, and how far a rebuild is, plus 1 (0 if none is).
//!
//! A *marker* has, as numbers too: fingerprint, first position (0 for none), last position (or the head), command's
//! number, tail of the id there.
//!
//! An event is kept as `<time>,<command's number>,` and then: version (1), id (16 bytes), type (its length as a byte
//! first), number of tags, tags (as the type), length of the metadata (7 bits a byte), metadata, data. A command as
//! `<time>,<first position>,<last position>,` and then the same without tags. What is in front of the metadata has
//! less than 4096 bytes.
//!
//! Positions and commands are counted from 1, segments from 0. An append that fills a segment begins the next, so that
//! an append is in one segment, and the keys of the current one are enough to append.
//!
//! Measured with `tests/events/examples/measure.rs`, redis-server 7.0 on a small shared machine, a million events of
//! two tags: 218 bytes an event; server CPU an operation in pipelines: 26, 31 and 35 µs to append with one, two and
//! three tags, 29 to 37 on a condition, 29 to read 10 events of a tag.

use crate::event::{Cursor, Id};
use crate::pieces::{Decimal, hexadecimal};

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

    /// The key of the bell, see `plan::bell`.
    #[must_use]
    pub fn bell(&self) -> String {
        self.key("b")
    }

    /// The key of a lock.
    #[must_use]
    pub fn lock(&self, name: &str) -> String {
        [&self.prefix, "k:", name].concat()
    }

    /// The key of a consumer's checkpoint.
    #[must_use]
    pub fn checkpoint(&self, consumer: &str) -> String {
        [&self.prefix, "p:", consumer].concat()
    }

    pub(crate) fn key(&self, suffix: &str) -> String {
        [&self.prefix, suffix].concat()
    }

    pub(crate) fn events(&self, segment: u64) -> String {
        self.numbered("e:", segment)
    }

    pub(crate) fn log(&self, segment: u64) -> String {
        self.numbered("t:", segment)
    }

    pub(crate) fn tag(&self, tag: &str) -> String {
        [&self.prefix, "g:", tag].concat()
    }

    /// FNV-1a spreads well enough over a few shards.
    pub(crate) fn pairs(&self, tag: &str) -> String {
        let start = 0xcbf2_9ce4_8422_2325_u64;
        let hash = tag.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        self.shard((hash ^ (hash >> 32)) & (SHARDS - 1))
    }

    pub(crate) fn shard(&self, shard: u64) -> String {
        self.numbered("l:", shard)
    }

    pub(crate) fn marker(&self, id: Id) -> String {
        let id = hexadecimal(id.0);
        [&self.prefix, "d:", std::str::from_utf8(&id).unwrap_or_default()].concat()
    }

    fn numbered(&self, kind: &str, number: u64) -> String {
        let digits = Decimal::new(number);
        [&self.prefix, kind, digits.as_str()].concat()
    }
}

/// Of the last positions by type and tag.
pub(crate) const SHARDS: u64 = 16;
/// What a position is multiplied by in the list of a tag.
pub(crate) const TAG_PLACES: u64 = 10_000;
/// Behind all positions and numbers: a double still counts up to here.
pub(crate) const NEVER: u64 = 1 << 53;

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
        Self { begins: vec![FIRST] }
    }
}

impl Segments {
    /// Their number, at least 1. The last one is written to.
    #[must_use]
    pub fn count(&self) -> usize {
        self.begins.len()
    }

    /// Number and beginning of the one that is written to.
    pub(crate) fn current(&self) -> (u64, Begin) {
        let last = self.begins.last().copied().unwrap_or(FIRST);
        (self.begins.len().saturating_sub(1) as u64, last)
    }

    /// Number of the one that this position is in, and its index there; position 0 is in the first.
    pub(crate) fn of_position(&self, position: u64) -> (u64, u64) {
        let number = self.begins.partition_point(|begin| begin.position <= position).saturating_sub(1);
        let first = self.begins.get(number).map_or(1, |begin| begin.position);
        (number as u64, position.saturating_sub(first))
    }

    /// The one that this command is in.
    pub(crate) fn of_command(&self, command: u64) -> u64 {
        self.begins.partition_point(|begin| begin.command <= command).saturating_sub(1) as u64
    }

    /// The last one that was begun before this time, or the first.
    pub(crate) fn of_time(&self, time: u64) -> u64 {
        self.begins.partition_point(|begin| begin.time < time).saturating_sub(1) as u64
    }

    /// Its beginning, and that of the one behind it.
    pub(crate) fn bounds(&self, number: u64) -> (Begin, Begin) {
        let begin = |number: u64| self.begins.get(usize::try_from(number).unwrap_or(usize::MAX)).copied();
        let never = Begin { position: NEVER, command: NEVER, time: u64::MAX };
        (begin(number).unwrap_or(never), begin(number.saturating_add(1)).unwrap_or(never))
    }
}

const FIRST: Begin = Begin { position: 1, command: 1, time: 0 };

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
