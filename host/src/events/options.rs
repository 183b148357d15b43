//! How a store is to be.

use std::time::Duration;

use uuid::Uuid;

use super::error::EventError;
use crate::config::{MAX_MEMORY, MIN_MEMORY};
use crate::engine::store as wire;

/// Milliseconds. A server takes no time that ends beyond 2^63; what is longer was meant as for ever.
const LONGEST_TTL: u64 = 1 << 62;

/// How a store is to be. Everything has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    max_batch_events: u32,
    max_batch_bytes: u32,
    scan_budget: u32,
    page_events: u32,
    segment_bytes: u64,
    marker_ttl: Duration,
    durability: Durability,
    max_flows: u32,
    pub(super) json_data: bool,
    pub(super) inspect: bool,
    pub(super) memory: usize,
}

/// What must have happened before an append is acknowledged. Too few acknowledgements are an error of their own,
/// [`super::EventError::TooFewAcknowledgements`]: the events are written then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The server has executed it.
    #[default]
    None,
    /// So many replicas have it, by WAIT.
    Replicas {
        /// At least so many.
        count: u32,
        /// How long to wait for them.
        within: Duration,
    },
    /// It is in the append-only files, by WAITAOF, which servers know from 7.2 on. Where they don't, or the server has
    /// no such file, nothing is written: [`super::EventError::Invalid`].
    Fsynced {
        /// In that of the server.
        local: bool,
        /// In those of so many replicas.
        replicas: u32,
        /// How long to wait for them.
        within: Duration,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_batch_events: 1000,
            max_batch_bytes: 16 << 20,
            scan_budget: 10_000,
            page_events: 256,
            segment_bytes: 128 << 20,
            marker_ttl: Duration::from_secs(24 * 60 * 60),
            durability: Durability::None,
            max_flows: 4096,
            json_data: false,
            inspect: true,
            memory: 64 << 20,
        }
    }
}

impl Options {
    /// As it is unless something else is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of one append: 1 to 1000, 1000 unless set.
    #[must_use]
    pub fn max_batch_events(mut self, events: u32) -> Self {
        self.max_batch_events = events;
        self
    }

    /// Their data and metadata together: 16 MiB unless set, at most 64 MiB.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: u32) -> Self {
        self.max_batch_bytes = bytes;
        self
    }

    /// How many index entries a script may look at, before an append is refused as
    /// [`super::EventError::TooBroad`], or a page ends early: at least 1000, 10,000 unless set. The server does nothing
    /// else meanwhile.
    #[must_use]
    pub fn scan_budget(mut self, entries: u32) -> Self {
        self.scan_budget = entries;
        self
    }

    /// Events of one page of a read: 1 to 1000, 256 unless set.
    #[must_use]
    pub fn page_events(mut self, events: u32) -> Self {
        self.page_events = events;
        self
    }

    /// A key of the log that has so many bytes is followed by another: 1 to 256 MiB, 128 MiB unless set.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// How long the id of a command is remembered: a day unless set. An append that may have been executed is resolved
    /// by itself within half of that.
    #[must_use]
    pub fn marker_ttl(mut self, ttl: Duration) -> Self {
        self.marker_ttl = ttl;
        self
    }

    /// What must have happened before an append is acknowledged, where it does not say itself. [`Durability::None`]
    /// unless set.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Operations under way at once, subscriptions among them: 4096 unless set.
    #[must_use]
    pub fn max_flows(mut self, flows: u32) -> Self {
        self.max_flows = flows;
        self
    }

    /// Refuses events whose data is no JSON.
    #[must_use]
    pub fn json_data(mut self, json: bool) -> Self {
        self.json_data = json;
        self
    }

    /// Whether the server's settings are looked at when the store is opened, as [`super::EventStore::inspect`] does;
    /// its warnings go to the log. It does so unless this says false.
    #[must_use]
    pub fn inspect(mut self, inspect: bool) -> Self {
        self.inspect = inspect;
        self
    }

    /// Bytes of memory of the instance that runs the core: 2 MiB to 256 MiB, 64 MiB unless set. Data and metadata
    /// do not count, they stay outside.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// What the core does not see.
    pub(super) fn check(&self) -> Result<(), EventError> {
        if (MIN_MEMORY..=MAX_MEMORY).contains(&self.memory) {
            return Ok(());
        }
        Err(EventError::invalid("memory limit", format!("{} bytes are not 2 MiB to 256 MiB", self.memory)))
    }

    pub(super) fn most_batch(&self) -> (u32, u32) {
        (self.max_batch_events, self.max_batch_bytes)
    }

    /// For a new instance, with seeds of its own.
    pub(super) fn wire(&self, namespace: &str) -> wire::Settings {
        wire::Settings {
            namespace: namespace.to_owned(),
            seed: Uuid::new_v4().as_u64_pair().1,
            token_seed: Uuid::new_v4().as_u64_pair(),
            max_batch_events: self.max_batch_events,
            max_batch_bytes: self.max_batch_bytes,
            scan_budget: self.scan_budget,
            page_events: self.page_events,
            segment_bytes: self.segment_bytes,
            marker_ttl: u64::try_from(self.marker_ttl.as_millis()).map_or(LONGEST_TTL, |ttl| ttl.min(LONGEST_TTL)),
            durability: self.durability.wire(),
            max_flows: self.max_flows,
        }
    }
}

impl Durability {
    pub(super) fn wire(self) -> wire::Durability {
        let acknowledgements = |count, within: Duration| wire::Acknowledgements { count, timeout: millis(within) };
        match self {
            Self::None => wire::Durability::None,
            Self::Replicas { count, within } => wire::Durability::Replicas(acknowledgements(count, within)),
            Self::Fsynced { local, replicas, within } => {
                wire::Durability::Fsynced((local, acknowledgements(replicas, within)))
            }
        }
    }
}

/// Rounded up, so that something stays something.
pub(super) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Config};

    #[test]
    fn a_marker_that_is_to_last_for_ever_is_one_that_a_server_takes() {
        let of = |ttl: Duration| Options::new().marker_ttl(ttl).wire("n").marker_ttl;
        assert_eq!(of(Duration::MAX), LONGEST_TTL);
        assert_eq!(of(Duration::from_millis(u64::MAX)), LONGEST_TTL);
        assert_eq!(of(Duration::from_millis(LONGEST_TTL)), LONGEST_TTL);
        assert_eq!(of(Duration::from_millis(1500)), 1500);
    }

    /// Opens a store with so much memory, on a client that needs no server for that.
    async fn open(client: &Client, memory: usize) -> Result<(), EventError> {
        let options = Options::new().inspect(false).memory(memory);
        super::super::EventStore::open(client, "memory", options).await.map(drop)
    }

    #[tokio::test]
    async fn memory_has_the_bounds_that_it_has_in_go() {
        let client = Config::new("redis://127.0.0.1:1").unwrap().start().await.unwrap();
        for memory in [0, MIN_MEMORY - 1, MAX_MEMORY + 1, usize::MAX] {
            let why = format!("{memory} bytes are not 2 MiB to 256 MiB");
            assert_eq!(open(&client, memory).await, Err(EventError::invalid("memory limit", why)));
        }
        assert_eq!(open(&client, MIN_MEMORY).await, Ok(()));
    }
}
