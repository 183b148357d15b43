//! What all handles of a client have in common.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::alarm::{self, Late};
use crate::cache::Shelf;
use crate::clock::{Clock, from_now};
use crate::config::{Config, Repeat};
use crate::engine::{Binary, CodeCache};
use crate::error::{Cause, Error};
use crate::inbox::Inbox;
use crate::signal::Signal;
use crate::states::{ClientState, States};
use crate::stats::Counters;

/// How much longer than its connections `ready` waits, at most.
const READY_GRACE: Duration = Duration::from_secs(5);

/// Why a client is no more, once it is.
pub(crate) type Ended = OnceLock<Error>;

/// What all handles of a client have in common; where it has several lanes, there is one of these for each.
pub(crate) struct Shared {
    /// Jobs on their way to the manager.
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    /// A caller, a reader or the holder of a session went away.
    pub(crate) signal: Arc<Signal>,
    /// A reader made room in a queue whose link is held.
    pub(crate) room: Signal,
    pub(crate) ended: Ended,
    /// This lane has a connection.
    ready: AtomicBool,
    /// The client's state, not that of one lane.
    pub(crate) state: watch::Receiver<ClientState>,
    /// The states of all lanes.
    pub(crate) states: watch::Receiver<Vec<ClientState>>,
    pub(crate) large: Arc<Semaphore>,
    pub(crate) large_limit: u32,
    pub(crate) hold_above: usize,
    pub(crate) repeat: Repeat,
    /// What is kept, if anything is to be.
    pub(crate) shelf: Option<Arc<Shelf>>,
    /// What the client began with.
    pub(crate) component: Binary,
    pub(crate) code_cache: CodeCache,
    sessions: AtomicU32,
    pub(crate) database: u32,
    pub(crate) ready_within: Duration,
    /// The client's own, as a caller may be outside of any.
    pub(crate) runtime: Handle,
}

impl Shared {
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        counters: Arc<Counters>,
        states: &States,
        runtime: Handle,
    ) -> Self {
        let large_limit = config.limits.waiting_bytes.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let endpoints = u32::try_from(config.endpoints.len()).unwrap_or(u32::MAX);
        Self {
            inbox: Inbox::new(config.limits.waiting),
            clock,
            counters,
            signal: Arc::new(Signal::default()),
            room: Signal::default(),
            ended: Ended::default(),
            ready: AtomicBool::new(false),
            state: states.best(),
            states: states.each(),
            large: Arc::new(Semaphore::new(large_limit as usize)),
            large_limit,
            hold_above: config.limits.hold_above as usize,
            repeat: config.repeat,
            shelf: config.cache.clone().map(|cache| Arc::new(Shelf::new(cache))),
            component: config.component.clone(),
            code_cache: config.code_cache.clone(),
            sessions: AtomicU32::new(0),
            database: config.database,
            ready_within: config.connect_timeout.saturating_mul(endpoints).saturating_add(READY_GRACE),
            runtime,
        }
    }

    /// Waits for something for no longer than this.
    pub(crate) async fn timeout<F: Future>(&self, within: Duration, future: F) -> Result<F::Output, Late> {
        match from_now(within) {
            None => Ok(future.await),
            Some(deadline) => self.timeout_at(deadline, future).await,
        }
    }

    /// Waits for something until then.
    pub(crate) fn timeout_at<F: Future>(
        &self,
        deadline: Instant,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Late>> {
        alarm::timeout_at(&self.runtime, deadline, future)
    }

    /// Waits for room in a queue, until then if there is a deadline.
    pub(crate) async fn room_by<F: Future>(&self, deadline: Option<Instant>, future: F) -> Result<F::Output, Error> {
        match deadline {
            None => Ok(future.await),
            Some(deadline) => self
                .timeout_at(deadline, future)
                .await
                .map_err(|_| Error::not_sent(Cause::Deadline, "the client's queue is full")),
        }
    }

    /// Whether this lane has a connection.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Why the lane is no more.
    pub(crate) fn end(&self) -> Error {
        self.ended.get().cloned().unwrap_or_else(Error::closed)
    }

    /// How long an instance may take until it is ready.
    pub(crate) fn ready_within(&self) -> Duration {
        self.ready_within
    }

    /// A number that no session of this client has: never 0.
    pub(crate) fn next_session(&self) -> u32 {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if number == 0 { self.next_session() } else { number }
    }
}
