//! What a caller and the manager share of a call: the commands, and how it ends. It is all one piece of memory.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use redis::Value;

use crate::command::Columns;
use crate::error::Error;
use crate::signal::Signal;

/// A call, as its caller made it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) columns: Columns,
    pub(crate) shape: Shape,
    /// On the client's clock.
    pub(crate) deadline: u64,
    /// The deadline is the client's default, not its caller's.
    pub(crate) patient: bool,
    /// Whose link it goes on; 0 for none in particular.
    pub(crate) session: u32,
    /// It goes out at once: nobody is waited for who might come along, unless much is under way.
    pub(crate) prompt: bool,
    /// Its caller is gone.
    left: AtomicBool,
    end: Mutex<End>,
}

/// How it ended, once it has.
#[derive(Debug, Default)]
struct End {
    replies: Option<Replies>,
    /// Whoever was to answer is gone.
    lost: bool,
    waker: Option<Waker>,
}

/// The manager's side: it answers. Dropped without an answer, it says so.
#[derive(Debug)]
pub(crate) struct Ticket {
    call: Arc<Call>,
    answered: bool,
}

/// The caller's side: it waits for the replies. `None` if nobody is there any more who would answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    call: Arc<Call>,
    /// Raised when the caller goes away without an answer.
    signal: Option<&'a Signal>,
}

/// How a job's commands belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One command, one request.
    Single,
    /// A request for each command.
    Pipeline,
    /// One request for all commands.
    Transaction,
}

/// What a job's caller gets.
#[derive(Debug)]
pub(crate) enum Replies {
    One(Result<Value, Error>),
    Many(Vec<Result<Value, Error>>),
}

impl Call {
    pub(crate) fn new(columns: Columns, shape: Shape, deadline: u64, patient: bool, session: u32) -> Self {
        Self {
            columns,
            shape,
            deadline,
            patient,
            session,
            prompt: false,
            left: AtomicBool::new(false),
            end: Mutex::default(),
        }
    }

    /// Where it is so, it goes out at once.
    pub(crate) fn prompt(self, prompt: bool) -> Self {
        Self { prompt, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits is still to be woken.
    #[inline(always)]
    #[must_use]
    fn finish(&self, write: impl FnOnce(&mut End)) -> Option<Waker> {
        let mut end = self.lock();
        write(&mut end);
        end.waker.take()
    }
}

impl Ticket {
    pub(crate) fn new(call: Call) -> Self {
        Self { call: Arc::new(call), answered: false }
    }

    /// What the caller waits with.
    pub(crate) fn answer<'a>(&self, signal: &'a Signal) -> Answer<'a> {
        Answer { call: Arc::clone(&self.call), signal: Some(signal) }
    }

    /// Whether its caller went away.
    pub(crate) fn is_left(&self) -> bool {
        self.call.left.load(Ordering::Acquire)
    }

    /// Gives the caller its replies. It is still to be woken, if it waits.
    #[must_use]
    pub(crate) fn tell(mut self, replies: Replies) -> Option<Waker> {
        self.answered = true;
        self.call.finish(|end| end.replies = Some(replies))
    }

    /// The same with one reply, which `write` puts in its place.
    #[inline(always)]
    #[must_use]
    pub(crate) fn tell_one(mut self, write: impl FnOnce(&mut Result<Value, Error>)) -> Option<Waker> {
        self.answered = true;
        self.call.finish(|end| {
            if let Replies::One(reply) = end.replies.insert(Replies::One(Ok(Value::Nil))) {
                write(reply);
            }
        })
    }
}

impl std::ops::Deref for Ticket {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered
            && let Some(waker) = self.call.finish(|end| end.lost = true)
        {
            waker.wake();
        }
    }
}

impl Future for Answer<'_> {
    type Output = Option<Replies>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Replies>> {
        let mut end = self.call.lock();
        if end.replies.is_none() && !end.lost {
            if !end.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                end.waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let replies = end.replies.take();
        drop(end);
        self.signal = None;
        Poll::Ready(replies)
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        if let Some(signal) = self.signal {
            self.call.left.store(true, Ordering::Release);
            signal.raise();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use redis::Value;

    use super::*;

    fn ticket() -> Ticket {
        Ticket::new(Call::new(Columns::default(), Shape::Single, 0, false, 0))
    }

    #[tokio::test]
    async fn the_answer_comes_whether_it_is_waited_for_before_or_after() {
        let signal = Signal::default();
        for early in [false, true] {
            let ticket = ticket();
            let mut answer = ticket.answer(&signal);
            if early {
                assert!((&mut answer).now_or_never().is_none());
            }
            assert!(!ticket.is_left());
            assert_eq!(ticket.tell(Replies::One(Ok(Value::Okay))).is_some(), early);
            assert!(matches!(answer.await, Some(Replies::One(Ok(Value::Okay)))));
        }
        assert!(!signal.take(), "nobody left");
    }

    #[tokio::test]
    async fn who_leaves_is_noticed_on_both_sides() {
        let signal = Signal::default();
        let left = ticket();
        drop(left.answer(&signal));
        assert!(left.is_left() && signal.take());
        let lost = ticket();
        let mut answer = lost.answer(&signal);
        assert!((&mut answer).now_or_never().is_none());
        drop(lost);
        assert!(matches!(answer.now_or_never(), Some(None)), "nobody answers any more");
    }
}
