//! Counters of a client, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::cache::CacheStats;
use crate::manager::Clock;

/// A snapshot of a client's counters. Everything counts from the client's start unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Instances of the core that run now: two while the component is being exchanged, until the old one is done.
    pub instances: u64,
    /// Bytes of memory that they have.
    pub memory: u64,
    /// The most bytes that any instance of this client had.
    pub peak_memory: u64,
    /// Calls of `submit`: batches of commands.
    pub batches: u64,
    /// Rows in those calls that the core took; a command is one row unless it is very long.
    pub rows: u64,
    /// Calls of `received`.
    pub feeds: u64,
    /// Bytes written to sockets.
    pub bytes_written: u64,
    /// Bytes read from sockets.
    pub bytes_read: u64,
    /// Bytes of replies that went by the core.
    pub bytes_passed: u64,
    /// Links opened, tries that failed included.
    pub links_opened: u64,
    /// Requests that the core asked to be submitted again.
    pub resubmitted: u64,
    /// Messages that subscribers lost to their queues' bounds.
    pub messages_dropped: u64,
    /// Instances of the core that trapped and were replaced.
    pub traps: u64,
    /// Times that the component was exchanged.
    pub swaps: u64,
    /// Times that the client became ready again after it was not.
    pub reconnects: u64,
    /// Links that broke, or that could not be opened; not those that were closed for a reason of this client's own.
    pub links_lost: u64,
    /// Sessions in use now.
    pub sessions: u64,
    /// Times that servers took new credentials.
    pub renewals: u64,
    /// Times that new credentials could not be had, or were refused.
    pub renewals_failed: u64,
    /// Since when there is no connection; `None` while there is one.
    pub down_since: Option<Instant>,
    /// Of the cache, if there is one.
    pub cache: CacheStats,
}

impl Stats {
    /// Rows a batch, on average; 0 if there was none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an average for people")]
    pub fn mean_batch(&self) -> f64 {
        if self.batches == 0 {
            return 0.0;
        }
        self.rows as f64 / self.batches as f64
    }
}

/// The live counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    instances: AtomicU64,
    memory: AtomicU64,
    peak_memory: AtomicU64,
    sessions: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) links_lost: AtomicU64,
    pub(crate) renewals: AtomicU64,
    pub(crate) renewals_failed: AtomicU64,
    /// On the client's clock; 0 while there is a connection.
    down_since: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) feeds: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
    pub(crate) bytes_passed: AtomicU64,
    pub(crate) links_opened: AtomicU64,
    pub(crate) resubmitted: AtomicU64,
    pub(crate) messages_dropped: AtomicU64,
    pub(crate) traps: AtomicU64,
    pub(crate) swaps: AtomicU64,
}

impl Counters {
    /// An instance is there.
    pub(crate) fn instance(&self) {
        add(&self.instances, 1);
    }

    /// An instance's memory is now so large that was `before`.
    pub(crate) fn memory(&self, now: u64, before: u64) {
        self.memory.fetch_add(now.wrapping_sub(before), Relaxed);
        self.peak_memory.fetch_max(now, Relaxed);
    }

    /// An instance is gone, and so is its memory.
    pub(crate) fn instance_gone(&self, memory: u64) {
        self.instances.fetch_sub(1, Relaxed);
        self.memory.fetch_sub(memory, Relaxed);
    }

    /// So many sessions are in use now that were `before`, in one of the client's lanes.
    pub(crate) fn sessions(&self, now: u64, before: u64) {
        self.sessions.fetch_add(now.wrapping_sub(before), Relaxed);
    }

    /// There is no connection since then, or since before.
    pub(crate) fn down_from(&self, since: u64) {
        // An error means that it is known already. 0 would mean that there is a connection.
        let _ = self.down_since.compare_exchange(0, since.max(1), Relaxed, Relaxed);
    }

    /// There is a connection. Says whether there was none before.
    pub(crate) fn up(&self) -> bool {
        self.down_since.swap(0, Relaxed) != 0
    }

    /// Since when there is no connection, if there is none.
    pub(crate) fn down_since(&self, clock: Clock) -> Option<Instant> {
        let since = self.down_since.load(Relaxed);
        (since != 0).then(|| clock.instant(since).into_std())
    }

    /// A client that begins has no connection.
    pub(crate) fn of_new_client() -> Self {
        Self { down_since: AtomicU64::new(1), ..Self::default() }
    }

    pub(crate) fn snapshot(&self, clock: Clock) -> Stats {
        Stats {
            instances: self.instances.load(Relaxed),
            memory: self.memory.load(Relaxed),
            peak_memory: self.peak_memory.load(Relaxed),
            batches: self.batches.load(Relaxed),
            rows: self.rows.load(Relaxed),
            feeds: self.feeds.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_passed: self.bytes_passed.load(Relaxed),
            links_opened: self.links_opened.load(Relaxed),
            resubmitted: self.resubmitted.load(Relaxed),
            messages_dropped: self.messages_dropped.load(Relaxed),
            traps: self.traps.load(Relaxed),
            swaps: self.swaps.load(Relaxed),
            reconnects: self.reconnects.load(Relaxed),
            links_lost: self.links_lost.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
            renewals: self.renewals.load(Relaxed),
            renewals_failed: self.renewals_failed.load(Relaxed),
            down_since: self.down_since(clock),
            cache: CacheStats::default(),
        }
    }
}

/// Adds to a counter; one line shorter at each place.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}
