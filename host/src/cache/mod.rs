//! Client-side caching: replies that are kept here, for as long as the server has not said that their keys changed.
//!
//! The core says which replies may be kept, and which keys changed; the client's task does both in the order in which
//! the core says them. What is kept is asked for by callers without going through the task.

mod entries;
mod flights;
mod question;
mod shelf;
mod size;

pub(crate) use flights::{Lead, Told};
pub(crate) use question::Question;
pub(crate) use shelf::{Look, Shelf};

/// How a client caches: see [`crate::Config::cache`] and [`crate::Client::cached`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    pub(crate) bytes: usize,
    /// `None` for OPTIN.
    pub(crate) prefixes: Option<Vec<String>>,
}

/// Counters of a client's cache: see [`crate::Stats::cache`]. All zero where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Reads that were answered by what was kept.
    pub hits: u64,
    /// Reads that found nothing, or only what was too old.
    pub misses: u64,
    /// Those of the misses that waited for the same command of another caller, and got its reply.
    pub shared: u64,
    /// Keys that the server said had changed, kept or not.
    pub invalidations: u64,
    /// Times that all was forgotten: the connection broke, the core failed or was exchanged, or the server said so.
    pub flushes: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Bytes kept now: keys, commands, values, and what keeping them costs.
    pub bytes: u64,
    /// Replies kept now.
    pub entries: u64,
}

impl CacheStats {
    /// Of two caches together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            shared: self.shared + other.shared,
            invalidations: self.invalidations + other.invalidations,
            flushes: self.flushes + other.flushes,
            evictions: self.evictions + other.evictions,
            bytes: self.bytes + other.bytes,
            entries: self.entries + other.entries,
        }
    }
}

impl Cache {
    /// Keeps up to so many bytes. The server remembers which keys were read, and tells once of each that changes.
    #[must_use]
    pub fn opt_in(bytes: usize) -> Self {
        Self { bytes, prefixes: None }
    }

    /// Keeps up to so many bytes, read from keys that begin with one of these prefixes; from any, if there are none.
    /// The server remembers nothing, and tells of each such key that anybody changes. At most 64 prefixes of 256 bytes.
    pub fn broadcast<P: Into<String>>(bytes: usize, prefixes: impl IntoIterator<Item = P>) -> Self {
        Self { bytes, prefixes: Some(prefixes.into_iter().map(Into::into).collect()) }
    }

    /// Whether the server would tell of this key.
    fn covers(&self, key: &[u8]) -> bool {
        let prefixes = self.prefixes.as_deref().unwrap_or_default();
        prefixes.is_empty() || prefixes.iter().any(|prefix| key.starts_with(prefix.as_bytes()))
    }
}
