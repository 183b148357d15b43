//! Following the log.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::cursor::Cursor;
use super::error::EventError;
use super::event::Recorded;
use super::flow::{Flow, Turn};
use super::query::Query;
use super::{EventStore, Inner, MOST_TRAPS};
use crate::engine::store::{Call, Outcome};

/// The events that match a query, in order and without gaps: first those that are there, then those that come, as long
/// as it is read. What breaks underneath is tried again.
///
/// It is a [`Stream`], too. It ends after an error only: that the log is another one than the cursor says
/// ([`EventError::Rewritten`], [`EventError::Ahead`]), that the core failed again and again, that the client is closed,
/// or that the query can't be.
pub struct Subscription {
    flow: Flow,
    query: Query,
    /// Instances lost one after the other, with nothing read between.
    traps: u32,
    cursor: Cursor,
    /// Where the subscriber is once he has taken all that is there.
    page: Cursor,
    events: VecDeque<Recorded>,
}

impl EventStore {
    /// Follows the log from a cursor.
    ///
    /// ```no_run
    /// # use coracle::events::*;
    /// # async fn example(store: EventStore) -> Result<(), EventError> {
    /// let mut known = store.checkpoint("mailer").await?;
    /// let mut events = store.subscribe(Query::types(["StudentSubscribed"]), known.unwrap_or_default());
    /// while let Some(event) = events.next().await {
    ///     println!("send a mail for {}", event?.position);
    ///     store.advance("mailer", known, events.cursor()).await?;
    ///     known = Some(events.cursor());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self, query: Query, after: Cursor) -> Subscription {
        let flow = follow(&self.inner, &query, after);
        Subscription { flow, query, traps: 0, cursor: after, page: after, events: VecDeque::new() }
    }

    /// Where a consumer is; `None` if it has not stored that yet.
    pub async fn checkpoint(&self, consumer: &str) -> Result<Option<Cursor>, EventError> {
        let call = Call::Checkpoint { deadline: self.deadline(None), consumer: consumer.to_owned() };
        match self.run(call).await? {
            Outcome::Checkpoint(cursor) => Ok(cursor.map(Cursor::from_wire)),
            other => Err(super::append::unexpected(&other)),
        }
    }

    /// Stores where a consumer is, if it is where `expected` says: so two that run by mistake find out.
    pub async fn advance(&self, consumer: &str, expected: Option<Cursor>, to: Cursor) -> Result<(), EventError> {
        let call = Call::Advance {
            deadline: self.deadline(None),
            consumer: consumer.to_owned(),
            expected: expected.map(Cursor::wire),
            to: to.wire(),
        };
        self.run(call).await.map(|_| ())
    }
}

fn follow(store: &Arc<Inner>, query: &Query, after: Cursor) -> Flow {
    Flow::new(store, Call::Subscribe { query: query.wire(), after: after.wire() }, Vec::new())
}

impl Subscription {
    /// The next event, as soon as there is one; `None` after an error. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Recorded, EventError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Where the subscriber is: behind the event that was given last, or further where nothing else matched.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Recorded, EventError>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.cursor = if self.events.is_empty() { self.page } else { event.cursor() };
                return Poll::Ready(Some(Ok(event)));
            }
            if self.flow.is_over() {
                return Poll::Ready(None);
            }
            match ready!(self.flow.poll_turn(cx)) {
                Ok(Turn::Events(events, page)) => {
                    self.page = Cursor::from_wire(page);
                    if events.is_empty() {
                        self.cursor = self.page;
                    }
                    self.events = events.into();
                    self.traps = 0;
                }
                Ok(_) => {}
                Err(_) if self.flow.is_trapped() && self.traps + 1 < MOST_TRAPS => {
                    self.traps += 1;
                    self.flow = follow(self.flow.store(), &self.query, self.cursor);
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Result<Recorded, EventError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
