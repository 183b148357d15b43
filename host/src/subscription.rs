//! Subscriptions: what is wanted, and what readers are told.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::client::Client;
use crate::command::usage;
use crate::error::Error;
use crate::manager::Control;
use crate::notices::{Names, Notice, Queue, SubscribeOptions, Wanted};

/// A stream of [`Notice`]s, in order. It ends after an error. Dropping it unsubscribes; it keeps its client alive.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    client: Client,
}

impl Subscription {
    pub(crate) fn new(names: Names, options: SubscribeOptions, client: Client) -> Result<(Self, Control), Error> {
        names.check()?;
        if options.messages == 0 || options.bytes == 0 {
            return Err(usage("a subscription's queue needs room"));
        }
        let queue = Arc::new(Queue::new(options));
        let wanted = Wanted::new(&names, Arc::clone(&queue));
        Ok((Self { queue, client }, Control::Subscribe(wanted)))
    }

    /// The next notice; `None` once it ended. Nothing is lost where this future is dropped.
    pub async fn next(&mut self) -> Option<Result<Notice, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

#[cfg(test)]
impl Subscription {
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue.waiting()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.queue.is_held()
    }
}

impl Stream for Subscription {
    type Item = Result<Notice, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (notice, room) = self.queue.poll(cx);
        if room {
            self.client.shared.room.raise();
        }
        notice
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.abandon();
        self.client.signal().raise();
    }
}
