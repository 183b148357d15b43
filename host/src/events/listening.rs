//! Waiting for news: one flow of `listen` for all flows that are parked.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Inner;
use super::flow::Flow;
use crate::engine::store::Call;

/// Done when the flow that listens is over. While any of these is there it goes on, and it is cancelled with the last.
pub(super) type Parked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The listener of a store, if it has one.
#[derive(Default)]
pub(super) struct Listening(Mutex<Weak<Listener>>);

/// A task that does the flow. Who is parked has it together with others.
struct Listener {
    /// Says nothing: its sender is dropped with the flow.
    over: watch::Receiver<()>,
    task: AbortHandle,
}

impl Listening {
    /// Waits until the flow is over that listens now, or one that is begun for it.
    pub(super) fn park(&self, store: &Arc<Inner>) -> Parked {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = match current.upgrade().filter(|listener| listener.over.has_changed().is_ok()) {
            Some(listener) => listener,
            None => {
                let listener = Arc::new(Listener::begin(store));
                *current = Arc::downgrade(&listener);
                listener
            }
        };
        let mut over = listener.over.clone();
        Box::pin(async move {
            let _ended = over.changed().await;
            drop(listener);
        })
    }
}

impl Listener {
    fn begin(store: &Arc<Inner>) -> Self {
        let (ends, over) = watch::channel(());
        let flow = Flow::new(store, Call::Listen, Vec::new());
        let task = store.runtime.spawn(async move {
            let _ends = ends;
            // However it ends, those who are parked look for themselves.
            let _outcome = flow.outcome().await;
        });
        Self { over, task: task.abort_handle() }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
