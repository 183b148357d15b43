//! Waiting for news: one flow of `listen` for all flows that are parked.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Inner;
use super::flow::Flow;
use super::table::Name;
use crate::engine::store::Call;

/// Done when the flow that listens is over. While any of these is there it goes on, and it is cancelled with the last.
pub(super) type Parked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The listener of a store, if it has one.
#[derive(Default)]
pub(super) struct Listening(Mutex<Weak<Listener>>);

/// A task that does the flow. Who is parked has it together with others.
struct Listener {
    /// Of which instance it is, and the how manieth: as the core counts them.
    place: (u64, u64),
    /// Says nothing: its sender is dropped with the flow.
    over: watch::Receiver<()>,
    task: AbortHandle,
}

impl Listening {
    /// Waits until the listener of this number is over, which is begun if it is the next. `None` if it is over already.
    ///
    /// No later one will do: it may wait for more than this flow has seen.
    pub(super) fn park(&self, store: &Arc<Inner>, name: Name, number: u64) -> Option<Parked> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (name.generation, number);
        let listener = match current.upgrade().filter(|listener| listener.place == place) {
            Some(listener) => listener,
            // Only here one is begun, so that it is the one that it is to be.
            None if store.table.listeners(name)? < number => {
                let listener = Arc::new(Listener::begin(store, place)?);
                *current = Arc::downgrade(&listener);
                listener
            }
            None => return None,
        };
        let mut over = listener.over.clone();
        Some(Box::pin(async move {
            let _ended = over.changed().await;
            drop(listener);
        }))
    }
}

impl Listener {
    fn begin(store: &Arc<Inner>, place: (u64, u64)) -> Option<Self> {
        let (ends, over) = watch::channel(());
        let mut flow = Flow::new(store, Call::Listen, Vec::new());
        flow.begin().ok()?;
        let task = store.runtime.spawn(async move {
            let _ends = ends;
            // However it ends, those who are parked look for themselves.
            let _outcome = flow.outcome().await;
        });
        Some(Self { place, over, task: task.abort_handle() })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
