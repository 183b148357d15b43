//! Where jobs wait for the manager. It takes all of them at once, and is woken once for them.
//!
//! It always takes them, as it alone looks at their deadlines. What the core has no room for then waits with it, and
//! counts on: who finds no room waits outside, where he sees to his deadline himself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::job::Job;

/// A bounded queue of jobs.
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Of those in here and those that are held.
    capacity: usize,
    /// Jobs that were taken out, and wait with the manager.
    held: AtomicUsize,
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
            held: AtomicUsize::new(0),
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

    #[cfg(test)]
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
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
        // With the lock held: nobody is to find room in between.
        self.held.fetch_add(state.jobs.len(), Ordering::Relaxed);
        if into.is_empty() {
            std::mem::swap(into, &mut state.jobs);
        } else {
            into.append(&mut state.jobs);
        }
        true
    }

    /// Of all that was taken out so many wait now: the others have made room. The manager says so each time that it
    /// has worked.
    pub(crate) fn hold(&self, count: usize) {
        if self.held.load(Ordering::Relaxed) == count {
            return;
        }
        // In one order with what `send` does: either it is seen here that somebody waits, or he sees the room.
        self.held.store(count, Ordering::SeqCst);
        let waiting = self.waiting.load(Ordering::SeqCst);
        if waiting > 0 {
            let room = self.capacity.saturating_sub(self.lock().jobs.len().saturating_add(count));
            // Not all of them, who would wake up for nothing each time.
            (0..room.min(waiting)).for_each(|_| self.room.notify_one());
        }
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
        if state.jobs.len().saturating_add(self.held.load(Ordering::SeqCst)) >= self.capacity {
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
        count.fetch_add(1, Ordering::SeqCst);
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
    use crate::ticket::Call;
    use crate::ticket::Shape;

    /// A job that is told apart by its deadline.
    fn job(number: u64) -> Job {
        Job::of(Call::new(Columns::default(), Shape::Single, number, false, 0))
    }

    fn taken(inbox: &Inbox) -> Vec<u64> {
        let mut jobs = Vec::new();
        inbox.drain(&mut jobs);
        jobs.iter().map(|job| job.deadline).collect()
    }

    /// How many of these have found room now.
    fn came(waiting: &mut Vec<impl Future<Output = bool> + Unpin>) -> usize {
        waiting.extract_if(.., |send| send.now_or_never() == Some(true)).count()
    }

    #[test]
    fn who_finds_it_full_waits_and_others_behind_him() {
        let inbox = Inbox::new(2);
        assert!(inbox.try_send(job(1)).is_ok() && inbox.try_send(job(2)).is_ok());
        assert!(matches!(inbox.try_send(job(3)), Err(Refused::Full(_))));
        let mut third = Box::pin(inbox.send(job(3)));
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(taken(&inbox), [1, 2]);
        assert!((&mut third).now_or_never().is_none(), "they wait with the manager");
        inbox.hold(0);
        assert!(matches!(inbox.try_send(job(4)), Err(Refused::Full(_))), "nobody goes before who waits");
        assert_eq!(third.now_or_never(), Some(true));
        assert!(inbox.try_send(job(5)).is_ok(), "nobody waits any more");
        assert_eq!(taken(&inbox), [3, 5]);
    }

    #[test]
    fn what_the_manager_holds_counts() {
        let inbox = Inbox::new(3);
        assert!([1, 2].into_iter().all(|number| inbox.try_send(job(number)).is_ok()));
        assert_eq!(taken(&inbox), [1, 2]);
        assert!(inbox.try_send(job(3)).is_ok());
        assert!(matches!(inbox.try_send(job(4)), Err(Refused::Full(_))));
        inbox.hold(1);
        assert!(inbox.try_send(job(4)).is_ok());
        assert!(matches!(inbox.try_send(job(5)), Err(Refused::Full(_))));
        assert_eq!(taken(&inbox), [3, 4]);
        assert!(matches!(inbox.try_send(job(5)), Err(Refused::Full(_))), "what is taken is added to what is held");
    }

    #[test]
    fn as_many_are_told_of_room_as_there_is() {
        let inbox = Inbox::new(2);
        assert!([1, 2].into_iter().all(|number| inbox.try_send(job(number)).is_ok()));
        let mut waiting: Vec<_> = (3..7).map(|number| Box::pin(inbox.send(job(number)))).collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        assert_eq!(taken(&inbox), [1, 2]);
        inbox.hold(1);
        assert_eq!((came(&mut waiting), taken(&inbox)), (1, vec![3]));
        inbox.hold(2);
        assert_eq!(came(&mut waiting), 0);
        // Who goes away before he comes to it leaves the room to the next one.
        inbox.hold(1);
        drop(waiting.remove(0));
        assert_eq!((came(&mut waiting), taken(&inbox)), (1, vec![5]));
        inbox.hold(0);
        assert_eq!((came(&mut waiting), taken(&inbox)), (1, vec![6]));
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
