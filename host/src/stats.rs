//! Counters of a client, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A snapshot of a client's counters. Everything counts from the client's start unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of memory that the present instance of the core has.
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
    /// Sessions in use now.
    pub sessions: u64,
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
    memory: AtomicU64,
    peak_memory: AtomicU64,
    sessions: AtomicU64,
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
}

impl Counters {
    /// The present instance's memory is now `bytes`.
    pub(crate) fn memory(&self, bytes: u64) {
        self.memory.store(bytes, Relaxed);
        self.peak_memory.fetch_max(bytes, Relaxed);
    }

    /// So many sessions are in use now.
    pub(crate) fn sessions(&self, count: u64) {
        self.sessions.store(count, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
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
            sessions: self.sessions.load(Relaxed),
        }
    }
}

/// Adds to a counter; one line shorter at each place.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}
