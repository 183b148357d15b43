//! Counters of a client, readable while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::cache::CacheStats;
use crate::clock::Clock;

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
    /// How often commands were given to the core: all that had come in by then, as one batch.
    pub batches: u64,
    /// Commands in those batches that the core took. One that is very long counts more than once.
    pub rows: u64,
    /// How often the core was given what had come from a server.
    pub feeds: u64,
    /// Bytes written to sockets.
    pub bytes_written: u64,
    /// Bytes read from sockets.
    pub bytes_read: u64,
    /// Bytes of replies, counted in those read, that went straight to their values and never into the sandbox.
    pub bytes_passed: u64,
    /// Calls under way now: taken in and not ended, whether they were sent or wait. A pipeline is one. Who waits until
    /// the client takes more in, see [`crate::Limits::waiting`], is not counted yet.
    pub calls: u64,
    /// Those of them that have not all been sent: there is no connection, or [`crate::Limits`] hold them back.
    pub calls_waiting: u64,
    /// Connections that are open now.
    pub links: u64,
    /// Tries to connect, those that failed included.
    pub links_opened: u64,
    /// Commands that went to the core once more: since their connection broke before they were sent or where they may
    /// be repeated, since the server lacked a script, or since they had to wait for a connection of their own.
    pub resubmitted: u64,
    /// Messages that subscribers lost to their queues' bounds.
    pub messages_dropped: u64,
    /// Instances of the core that trapped and were replaced.
    pub traps: u64,
    /// Times that the component was exchanged.
    pub swaps: u64,
    /// Times that the client became ready again after it was not.
    pub reconnects: u64,
    /// Connections that broke once they were open, or were given up because the server fell silent, did not keep to
    /// the protocol or sent more than the limits allow; not those that this client had no more use for.
    pub links_lost: u64,
    /// Tries to connect that failed: nobody was there or let this client in, or not in time.
    pub connects_failed: u64,
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
    calls: AtomicU64,
    calls_waiting: AtomicU64,
    links: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) links_lost: AtomicU64,
    pub(crate) connects_failed: AtomicU64,
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

    /// So many calls are under way now, and so many of them wait, that were `before`, in one of the client's lanes.
    pub(crate) fn calls(&self, now: (usize, usize), before: (usize, usize)) {
        let change = |gauge: &AtomicU64, now: usize, before: usize| {
            if now != before {
                gauge.fetch_add((now as u64).wrapping_sub(before as u64), Relaxed);
            }
        };
        change(&self.calls, now.0, before.0);
        change(&self.calls_waiting, now.1, before.1);
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
            calls: self.calls.load(Relaxed),
            calls_waiting: self.calls_waiting.load(Relaxed),
            links: self.links.load(Relaxed),
            links_opened: self.links_opened.load(Relaxed),
            resubmitted: self.resubmitted.load(Relaxed),
            messages_dropped: self.messages_dropped.load(Relaxed),
            traps: self.traps.load(Relaxed),
            swaps: self.swaps.load(Relaxed),
            reconnects: self.reconnects.load(Relaxed),
            links_lost: self.links_lost.load(Relaxed),
            connects_failed: self.connects_failed.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
            renewals: self.renewals.load(Relaxed),
            renewals_failed: self.renewals_failed.load(Relaxed),
            down_since: self.down_since(clock),
            cache: CacheStats::default(),
        }
    }
}

/// Counts a connection as open while it is there.
pub(crate) struct OpenLink(Arc<Counters>);

impl OpenLink {
    pub(crate) fn of(counters: &Arc<Counters>) -> Self {
        add(&counters.links, 1);
        Self(Arc::clone(counters))
    }
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        self.0.links.fetch_sub(1, Relaxed);
    }
}

/// Adds to a counter; one line shorter at each place.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}
