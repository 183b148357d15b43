//! Subscriptions: a bounded queue between the manager and one reader.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

use crate::client::Client;
use crate::command::usage;
use crate::engine::Kind;
use crate::error::{Cause, Error, Failure};
use crate::manager::Control;
use crate::rows::{MAX_BYTES, MAX_LENGTHS};

/// The longest name that can be subscribed to.
const MAX_NAME: usize = 65_536;

/// What to subscribe to.
#[derive(Debug, Clone)]
pub struct Names {
    kind: Kind,
    names: Vec<Bytes>,
}

/// How a subscription's queue is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Messages that may wait for the reader. At least 1.
    pub messages: usize,
    /// Bytes of those messages. One larger message may wait alone.
    pub bytes: usize,
    /// What to do with a message that finds the queue full.
    pub when_full: WhenFull,
}

/// What to do with a message that finds a subscription's queue full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Drop the oldest messages, and say how many: [`Notice::Dropped`].
    #[default]
    DropOldest,
    /// End the subscription with an error, after what is queued.
    Close,
}

/// What a subscription tells its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The server has confirmed all names; again after each reconnect.
    Subscribed,
    /// A message.
    Message(Message),
    /// Messages may have been lost, because the connection broke.
    Gap,
    /// So many messages were dropped here, because the reader was too slow. They were older than what follows.
    Dropped(u64),
}

/// A message of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The channel it was published to.
    pub channel: Bytes,
    /// The pattern that matched, of a subscription to patterns.
    pub pattern: Option<Bytes>,
    /// What was published.
    pub payload: Bytes,
}

/// A stream of [`Notice`]s, in order. It ends after an error. Dropping it unsubscribes; it keeps its client alive.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    client: Client,
}

impl Names {
    /// Channels, by name.
    pub fn channels<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Channel, names)
    }

    /// Channels, by glob patterns.
    pub fn patterns<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Pattern, names)
    }

    /// Shard channels, by name.
    pub fn shards<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Shard, names)
    }

    fn of<T: Into<Bytes>>(kind: Kind, names: impl IntoIterator<Item = T>) -> Self {
        Self { kind, names: names.into_iter().map(Into::into).collect() }
    }

    fn check(&self) -> Result<(), Error> {
        let bytes: usize = self.names.iter().map(Bytes::len).sum();
        if self.names.is_empty() {
            return Err(usage("a subscription needs a name"));
        }
        if self.names.len() > MAX_LENGTHS || bytes > MAX_BYTES || self.names.iter().any(|name| name.len() > MAX_NAME) {
            return Err(usage("a subscription takes 16384 names of 64 KiB, 128 KiB together"));
        }
        Ok(())
    }
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self { messages: 1024, bytes: 64 << 20, when_full: WhenFull::DropOldest }
    }
}

impl Subscription {
    pub(crate) fn new(names: Names, options: SubscribeOptions, client: Client) -> Result<(Self, Control), Error> {
        names.check()?;
        if options.messages == 0 || options.bytes == 0 {
            return Err(usage("a subscription's queue needs room"));
        }
        let queue = Arc::new(Queue { options, state: Mutex::default() });
        let wanted = Wanted::new(&names, Arc::clone(&queue));
        Ok((Self { queue, client }, Control::Subscribe(wanted)))
    }
}

impl Stream for Subscription {
    type Item = Result<Notice, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.abandon();
        self.client.signal().raise();
    }
}

/// A subscription as the manager keeps it.
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) lengths: Vec<u32>,
    pub(crate) names: Vec<u8>,
    pub(crate) queue: Arc<Queue>,
    /// The server has confirmed it once.
    pub(crate) confirmed: bool,
    /// The core was told that it is not wanted any more.
    pub(crate) ending: bool,
}

impl Wanted {
    fn new(names: &Names, queue: Arc<Queue>) -> Self {
        // Lengths were checked.
        let lengths = names.names.iter().map(|name| u32::try_from(name.len()).unwrap_or_default()).collect();
        let bytes = names.names.iter().flatten().copied().collect();
        Self { kind: names.kind, lengths, names: bytes, queue, confirmed: false, ending: false }
    }
}

/// The queue between the manager and a reader.
#[derive(Debug)]
pub(crate) struct Queue {
    options: SubscribeOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    notices: VecDeque<Notice>,
    /// Messages among the notices, and their bytes.
    messages: usize,
    bytes: usize,
    /// Not yet reported.
    dropped: u64,
    /// Set once nothing more will come; the error is given once.
    end: Option<Option<Error>>,
    /// The reader is gone.
    abandoned: bool,
    waker: Option<Waker>,
}

impl Queue {
    /// Takes a notice in. Says how many messages were dropped for it.
    pub(crate) fn push(&self, notice: Notice) -> u64 {
        let mut state = self.lock();
        if state.end.is_some() || state.abandoned {
            return 0;
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
            },
            _ => state.push(notice),
        }
        let dropped = state.dropped - before;
        wake(state);
        dropped
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
        let state = self.lock();
        state.abandoned || state.end.is_some()
    }

    fn abandon(&self) {
        let mut state = self.lock();
        *state = State { abandoned: true, ..State::default() };
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Notice, Error>>> {
        let mut state = self.lock();
        if state.dropped > 0 {
            return Poll::Ready(Some(Ok(Notice::Dropped(std::mem::take(&mut state.dropped)))));
        }
        if let Some(notice) = state.pop_front() {
            return Poll::Ready(Some(Ok(notice)));
        }
        if let Some(end) = &mut state.end {
            return Poll::Ready(end.take().map(Err));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn room(&self, options: &SubscribeOptions, size: usize) -> bool {
        self.messages < options.messages && (self.messages == 0 || self.bytes + size <= options.bytes)
    }

    /// Drops the oldest messages, but no other notices.
    fn make_room(&mut self, options: &SubscribeOptions, size: usize) {
        let mut kept = VecDeque::new();
        while !self.room(options, size) {
            match self.pop_front() {
                Some(Notice::Message(_)) => self.dropped += 1,
                // A reader that is so far behind needs to hear of one of each kind only.
                Some(notice) if !kept.contains(&notice) => kept.push_back(notice),
                Some(_) => {}
                None => break,
            }
        }
        for notice in kept.into_iter().rev() {
            self.notices.push_front(notice);
        }
    }

    fn push(&mut self, notice: Notice) {
        if let Notice::Message(message) = &notice {
            self.messages += 1;
            self.bytes += message.size();
        } else if self.notices.len() > self.messages + MAX_OTHERS {
            // A reader that sleeps through many reconnects need not hear of each.
            return;
        }
        self.notices.push_back(notice);
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

/// Notices that are not messages and wait for the reader, at most.
const MAX_OTHERS: usize = 64;

impl Message {
    fn size(&self) -> usize {
        self.channel.len() + self.pattern.as_ref().map_or(0, Bytes::len) + self.payload.len()
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
