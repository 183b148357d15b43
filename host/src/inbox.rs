//! Where jobs wait for the manager. It takes all of them at once, and is woken once for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::manager::Job;

/// A bounded queue of jobs.
pub(crate) struct Inbox {
    state: Mutex<State>,
    capacity: usize,
    manager: AtomicWaker,
    /// Callers who wait for room, and how they hear of it.
    waiting: AtomicUsize,
    room: Notify,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    closed: bool,
}

/// Why a job was not taken in.
pub(crate) enum Refused {
    Full(Job),
    Closed,
}

impl Inbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity,
            manager: AtomicWaker::new(),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    /// Takes a job in if there is room for it, and nobody waits for that.
    pub(crate) fn try_send(&self, job: Job) -> Result<(), Refused> {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            return Err(Refused::Full(job));
        }
        self.push(job)
    }

    /// Takes a job in once there is room. `false` if the manager is gone.
    pub(crate) async fn send(&self, mut job: Job) -> bool {
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            // From here on no word of room is missed.
            room.as_mut().enable();
            match self.push(job) {
                Ok(()) => return true,
                Err(Refused::Closed) => return false,
                Err(Refused::Full(back)) => job = back,
            }
            room.await;
        }
    }

    /// Moves all jobs to the end of `into`; says whether there were some. If not, the task is woken by the next one.
    pub(crate) fn take(&self, cx: &Context<'_>, into: &mut Vec<Job>) -> bool {
        self.manager.register(cx.waker());
        self.drain(into)
    }

    /// As `take`, without being woken.
    pub(crate) fn drain(&self, into: &mut Vec<Job>) -> bool {
        let mut state = self.lock();
        if state.jobs.is_empty() {
            return false;
        }
        if into.is_empty() {
            std::mem::swap(into, &mut state.jobs);
        } else {
            into.append(&mut state.jobs);
        }
        drop(state);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.room.notify_waiters();
        }
        true
    }

    /// Takes nothing in any more. What is in here is taken by `drain`, or dropped by `clear`.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_waiters();
    }

    /// Drops what is in here.
    pub(crate) fn clear(&self) {
        let jobs = std::mem::take(&mut self.lock().jobs);
        // With the lock open: their callers wake up.
        drop(jobs);
    }

    fn push(&self, job: Job) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.jobs.len() >= self.capacity {
            return Err(Refused::Full(job));
        }
        state.jobs.push(job);
        let first = state.jobs.len() == 1;
        drop(state);
        // The manager looks in here before it waits: it is told of the first one only.
        if first {
            self.manager.wake();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for room.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
