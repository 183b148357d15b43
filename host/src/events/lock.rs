//! Locks: leases with fencing tokens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::append::unexpected;
use super::error::EventError;
use super::flow::{Flow, Turn};
use super::options::millis;
use super::{EventStore, Inner, MOST_TRAPS};
use crate::engine::store::{Call, Lease, Outcome};

/// A lease is for so long unless the caller says something else.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// How a lock is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockOptions {
    lease: Option<Duration>,
    wait: Option<Duration>,
}

/// A lock that is held, and renewed until it is given back or dropped.
///
/// Whoever holds it may be stopped for longer than its lease, and another one may hold it then. So what it protects has
/// to look at the fence, or to be an append that says so by [`super::AppendOptions::holding`], which the server checks.
#[derive(Debug)]
pub struct Lock {
    store: Arc<Inner>,
    held: Held,
    /// It was given back.
    over: bool,
    lost: watch::Receiver<Option<EventError>>,
    keeper: AbortHandle,
}

/// What the holder of a lock shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: String,
    pub(super) fence: u64,
    token: (u64, u64),
}

impl LockOptions {
    /// As it is unless something else is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For how long it is held if its holder dies: 10 seconds unless set.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long to wait for it, in place of the client's deadline.
    #[must_use]
    pub fn wait(mut self, within: Duration) -> Self {
        self.wait = Some(within);
        self
    }
}

impl EventStore {
    /// Takes a lock: a name of 1 to 200 bytes. Waits for it if another one holds it.
    pub async fn lock(&self, name: &str, options: LockOptions) -> Result<Lock, EventError> {
        let duration = millis(options.lease.unwrap_or(LEASE));
        let call = Call::Lock { deadline: self.deadline(options.wait), name: name.to_owned(), duration };
        match self.run(call).await? {
            Outcome::Locked(lease) => Ok(Lock::new(&self.inner, lease, duration)),
            other => Err(unexpected(&other)),
        }
    }
}

impl Lock {
    fn new(store: &Arc<Inner>, lease: Lease, duration: u32) -> Self {
        let (tell, lost) = watch::channel(None);
        let keep = keep(Arc::clone(store), lease.clone(), duration);
        let keeper = store.runtime.spawn(async move {
            tell.send_replace(Some(keep.await));
        });
        Self {
            store: Arc::clone(store),
            held: Held { name: lease.name, fence: lease.fence, token: lease.token },
            over: false,
            lost,
            keeper: keeper.abort_handle(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.held.name
    }

    /// Grows with each lease of any lock of the store: what the lock protects can refuse what is older than it has
    /// seen.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.held.fence
    }

    pub(super) fn held(&self) -> Held {
        self.held.clone()
    }

    /// Waits until the lock is lost, as it could not be renewed, and says why. While it is held, it waits.
    pub async fn lost(&self) -> EventError {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or_else(|| self.gone()),
            Err(_) => self.gone(),
        }
    }

    /// Gives it back; [`EventError::LockLost`] if it was not held any more. If the future is dropped before that is
    /// known, as by a time-out, the lock is given back as one that is dropped.
    pub async fn unlock(mut self) -> Result<(), EventError> {
        self.keeper.abort();
        let outcome = unlock(&self.store, &self.held).outcome().await;
        self.over = true;
        outcome.map(|_| ())
    }

    fn gone(&self) -> EventError {
        EventError::LockLost { name: self.held.name.clone() }
    }
}

impl Held {
    pub(super) fn wire(&self) -> Lease {
        // Until when it holds, the core does not look at.
        Lease { name: self.name.clone(), fence: self.fence, token: self.token, until: 0 }
    }
}

/// Without the token, which is a secret.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("name", &self.name).field("fence", &self.fence).finish_non_exhaustive()
    }
}

/// Renews a lease until that fails, in another instance where one was lost.
async fn keep(store: Arc<Inner>, lease: Lease, duration: u32) -> EventError {
    let mut traps = 0;
    loop {
        let begun = Instant::now();
        let mut flow = Flow::new(&store, Call::Keep { leases: vec![lease.clone()], duration }, Vec::new());
        let ending = loop {
            match flow.turn().await {
                Ok(Turn::Done(outcome)) => break unexpected(&outcome),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        // One that lived for longer than a lease has renewed it.
        traps = if begun.elapsed() > Duration::from_millis(duration.into()) { 1 } else { traps + 1 };
        if !flow.is_trapped() || traps == MOST_TRAPS {
            return ending;
        }
    }
}

/// Gives back, as far as it can be done, what a flow held whose instance was lost.
pub(super) fn give_back(store: &Arc<Inner>, leases: &[Lease]) {
    for lease in leases {
        let call = Call::Unlock { deadline: store.deadline(Some(LEASE)), lease: lease.clone() };
        let unlock = Flow::new(store, call, Vec::new());
        // Else it ends by itself.
        store.runtime.spawn(async move { unlock.outcome().await.is_ok() });
    }
}

fn unlock(store: &Arc<Inner>, held: &Held) -> Flow {
    Flow::new(store, Call::Unlock { deadline: store.deadline(None), lease: held.wire() }, Vec::new())
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.keeper.abort();
        if self.over {
            return;
        }
        let unlock = unlock(&self.store, &self.held);
        self.store.runtime.spawn(async move {
            // It may be lost already, and there is nobody to be told.
            let _ = tokio::time::timeout(LEASE, unlock.outcome()).await;
        });
    }
}
