//! A bounded queue between the manager and one reader.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Notice, SubscribeOptions, WhenFull};
use crate::error::{Cause, Error, Failure};

/// Notices that are not messages and wait for the reader, at most. The Go host has the same bound.
const MAX_OTHERS: usize = 64;

/// The queue between the manager and a reader.
#[derive(Debug)]
pub(crate) struct Queue {
    options: SubscribeOptions,
    state: Mutex<State>,
}

/// What came of a notice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pushed {
    /// So many messages were dropped for it.
    pub(crate) dropped: u64,
    /// See [`Queue::is_over`].
    pub(crate) over: bool,
}

#[derive(Debug, Default)]
struct State {
    notices: VecDeque<Notice>,
    /// What is no message and was in front of those that were dropped: it comes before all others.
    displaced: VecDeque<Notice>,
    /// Messages among the notices, and their bytes.
    messages: usize,
    bytes: usize,
    /// Not yet reported.
    dropped: u64,
    /// Set once nothing more will come; the error is given once.
    end: Option<Option<Error>>,
    /// The reader is gone.
    abandoned: bool,
    /// The link is not read until there is room.
    held: bool,
    waker: Option<Waker>,
}

impl Queue {
    pub(crate) fn new(options: SubscribeOptions) -> Self {
        Self { options, state: Mutex::default() }
    }

    /// Whether its link is held while it is full.
    pub(crate) fn can_hold(&self) -> bool {
        self.options.when_full == WhenFull::Wait
    }

    /// Takes a notice in.
    pub(crate) fn push(&self, notice: Notice) -> Pushed {
        let mut state = self.lock();
        if state.is_over() {
            return Pushed { dropped: 0, over: true };
        }
        let before = state.dropped;
        match &notice {
            Notice::Message(message) if !state.room(&self.options, message.size()) => match self.options.when_full {
                WhenFull::DropOldest => {
                    state.make_room(&self.options, message.size());
                    state.push(notice);
                }
                WhenFull::Close => {
                    let detail = "the reader is too slow: its queue is full";
                    state.end = Some(Some(Error::failed(Failure::Limit, Cause::TooLarge, detail)));
                }
                WhenFull::Wait => state.push(notice),
            },
            _ => state.push(notice),
        }
        let pushed = Pushed { dropped: state.dropped - before, over: state.is_over() };
        wake(state);
        pushed
    }

    /// Nothing more will come.
    pub(crate) fn end(&self, error: Option<Error>) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(error);
        }
        wake(state);
    }

    /// Nobody reads any more, or the queue was closed because it was full.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    /// Whether the link that fills it is not to be read from now on.
    pub(crate) fn hold(&self) -> bool {
        let mut state = self.lock();
        // Once held, it is so until the reader makes room, and says so.
        state.held = !state.is_over() && self.can_hold() && (state.held || state.is_full(&self.options));
        state.held
    }

    /// Whether its link is still not to be read.
    pub(crate) fn is_held(&self) -> bool {
        self.lock().held
    }

    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        *state = State { abandoned: true, ..State::default() };
    }

    /// What comes next, and whether the link may be read again now.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> (Poll<Option<Result<Notice, Error>>>, bool) {
        let mut state = self.lock();
        if let Some(notice) = state.displaced.pop_front() {
            return (Poll::Ready(Some(Ok(notice))), false);
        }
        if state.dropped > 0 {
            return (Poll::Ready(Some(Ok(Notice::Dropped(std::mem::take(&mut state.dropped))))), false);
        }
        if let Some(notice) = state.pop_front() {
            return (Poll::Ready(Some(Ok(notice))), state.release(&self.options));
        }
        if let Some(end) = &mut state.end {
            return (Poll::Ready(end.take().map(Err)), false);
        }
        state.waker = Some(cx.waker().clone());
        (Poll::Pending, false)
    }

    /// How many messages wait in it, and their bytes.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.messages, state.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.abandoned || self.end.is_some()
    }

    fn room(&self, options: &SubscribeOptions, size: usize) -> bool {
        self.messages < options.messages && (self.messages == 0 || self.bytes + size <= options.bytes)
    }

    fn is_full(&self, options: &SubscribeOptions) -> bool {
        self.messages >= options.messages || self.bytes >= options.bytes
    }

    /// Lets the link be read again once half of the queue is free; says whether that is so from now on.
    fn release(&mut self, options: &SubscribeOptions) -> bool {
        let room = self.messages <= options.messages / 2 && self.bytes <= options.bytes / 2;
        room && std::mem::take(&mut self.held)
    }

    /// Drops the oldest messages, but no other notices.
    fn make_room(&mut self, options: &SubscribeOptions, size: usize) {
        while !self.room(options, size) {
            match self.pop_front() {
                Some(Notice::Message(_)) => self.dropped += 1,
                Some(notice) => self.displace(notice),
                None => break,
            }
        }
    }

    /// A gap is told, however long nobody looks. Of several gaps one is enough, and whether the server has confirmed
    /// the names since.
    fn displace(&mut self, notice: Notice) {
        if notice == Notice::Gap
            && let Some(at) = self.displaced.iter().position(|earlier| *earlier == Notice::Gap)
        {
            self.displaced.truncate(at);
        }
        if self.displaced.back() != Some(&notice) {
            self.displaced.push_back(notice);
        }
    }

    fn push(&mut self, notice: Notice) {
        if let Notice::Message(message) = &notice {
            self.messages += 1;
            self.bytes += message.size();
        } else if self.notices.len() >= self.messages + MAX_OTHERS && !self.needs(&notice) {
            return;
        }
        self.notices.push_back(notice);
    }

    /// Whether a notice says more than those in the queue, which its reader has not seen. A further gap does not: it
    /// only takes away that the names were confirmed since.
    fn needs(&mut self, notice: &Notice) -> bool {
        let counts = |earlier: &Notice| match notice {
            Notice::Gap => *earlier == Notice::Gap,
            _ => !matches!(earlier, Notice::Message(_)),
        };
        let Some(at) = self.notices.iter().rposition(counts) else { return true };
        if self.notices.get(at) != Some(notice) {
            return true;
        }
        if *notice == Notice::Gap {
            let mut place = 0;
            self.notices.retain(|later| {
                place += 1;
                place <= at + 1 || matches!(later, Notice::Message(_))
            });
        }
        false
    }

    fn pop_front(&mut self) -> Option<Notice> {
        let notice = self.notices.pop_front()?;
        if let Notice::Message(message) = &notice {
            self.messages -= 1;
            self.bytes -= message.size();
        }
        Some(notice)
    }
}

/// Wakes the reader once the lock is open.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
