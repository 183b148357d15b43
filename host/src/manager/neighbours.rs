//! Whether other clients' tasks are on the thread of a client's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;

/// How a task has its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thread {
    /// One of several: others are run elsewhere meanwhile.
    OneOfMany,
    /// The runtime's only one, and no other client's task is on it.
    Own,
    /// The runtime's only one, with other clients' tasks on it.
    Shared,
}

/// A task's place on its thread, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// How many are taken on this thread. Not counted on one of several, as tasks move from one to the other.
    taken: Option<Arc<AtomicUsize>>,
}

impl Seat {
    /// On the thread that runs this. The counter may be dropped on another one: a runtime is, or goes on there.
    pub(super) fn take() -> Self {
        thread_local! {
            static TAKEN: Arc<AtomicUsize> = Arc::default();
        }
        if Handle::current().metrics().num_workers() > 1 {
            return Self { taken: None };
        }
        let taken = TAKEN.try_with(Arc::clone).ok();
        if let Some(taken) = &taken {
            taken.fetch_add(1, Ordering::Relaxed);
        }
        Self { taken }
    }

    pub(super) fn thread(&self) -> Thread {
        match &self.taken {
            None => Thread::OneOfMany,
            Some(taken) if taken.load(Ordering::Relaxed) > 1 => Thread::Shared,
            Some(_) => Thread::Own,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(taken) = &self.taken {
            taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_clients_share_a_thread_until_one_of_them_is_gone() {
        let first = Seat::take();
        assert_eq!(first.thread(), Thread::Own);
        let second = Seat::take();
        assert_eq!([first.thread(), second.thread()], [Thread::Shared; 2]);
        std::thread::spawn(move || drop(second)).join().unwrap();
        assert_eq!(first.thread(), Thread::Own);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_thread_of_several_is_a_clients_own() {
        assert_eq!([Seat::take(), Seat::take()].map(|seat| seat.thread()), [Thread::OneOfMany; 2]);
    }
}
