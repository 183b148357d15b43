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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;

    use futures_util::FutureExt;

    use super::*;
    use crate::command::Columns;
    use crate::manager::Shape;
    use crate::ticket::Call;

    /// A job that is told apart by its deadline.
    fn job(number: u64) -> Job {
        Job::of(Call::new(Columns::default(), Shape::Single, number, false, 0))
    }

    fn taken(inbox: &Inbox) -> Vec<u64> {
        let mut jobs = Vec::new();
        inbox.drain(&mut jobs);
        jobs.iter().map(|job| job.deadline).collect()
    }

    #[test]
    fn who_finds_it_full_waits_and_others_behind_him() {
        let inbox = Inbox::new(2);
        assert!(inbox.try_send(job(1)).is_ok() && inbox.try_send(job(2)).is_ok());
        assert!(matches!(inbox.try_send(job(3)), Err(Refused::Full(_))));
        let mut third = Box::pin(inbox.send(job(3)));
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(taken(&inbox), [1, 2]);
        assert!(matches!(inbox.try_send(job(4)), Err(Refused::Full(_))), "nobody goes before who waits");
        assert_eq!(third.now_or_never(), Some(true));
        assert!(inbox.try_send(job(5)).is_ok(), "nobody waits any more");
        assert_eq!(taken(&inbox), [3, 5]);
    }

    #[test]
    fn nobody_waits_for_a_manager_that_is_gone() {
        let inbox = Inbox::new(1);
        assert!(inbox.try_send(job(1)).is_ok());
        let mut second = Box::pin(inbox.send(job(2)));
        assert!((&mut second).now_or_never().is_none());
        inbox.close();
        assert_eq!(second.now_or_never(), Some(false));
        assert!(matches!(inbox.try_send(job(3)), Err(Refused::Closed)));
        assert_eq!(taken(&inbox), [1], "what was in it can still be ended");
    }

    #[test]
    fn the_manager_is_woken_by_the_first() {
        struct Woken(AtomicBool);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let (inbox, woken) = (Inbox::new(9), Arc::new(Woken(AtomicBool::new(false))));
        let waker = Arc::clone(&woken).into();
        assert!(!inbox.take(&Context::from_waker(&waker), &mut Vec::new()));
        for (number, wakes) in [(1, true), (2, false)] {
            assert!(inbox.try_send(job(number)).is_ok());
            assert_eq!(woken.0.swap(false, Ordering::Relaxed), wakes, "job {number}");
        }
        assert!(inbox.take(&Context::from_waker(&waker), &mut Vec::new()));
        assert!(inbox.try_send(job(3)).is_ok());
        assert!(woken.0.load(Ordering::Relaxed), "it was empty again");
    }
}
