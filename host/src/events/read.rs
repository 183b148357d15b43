//! Reading events.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::append::unexpected;
use super::cursor::{Condition, Cursor};
use super::error::EventError;
use super::event::Recorded;
use super::flow::{Flow, Turn};
use super::query::Query;
use super::{EventStore, Inner};
use crate::engine::store::{Call, Outcome, Selection};
use crate::rows::NEVER;

/// Events that match a query, in order, up to the head at the time of the first page: those that come later are not
/// seen. Pages are fetched as they are wanted.
///
/// It is a [`Stream`], too. It ends after an error.
pub struct Reader {
    store: Arc<Inner>,
    queries: Vec<Query>,
    after: Cursor,
    limit: u64,
    backwards: bool,
    within: Option<Duration>,
    /// Whose condition it becomes part of, and when that has to be done.
    decision: Option<(u64, u64)>,
    flow: Option<Flow>,
    events: VecDeque<Recorded>,
    head: Option<Cursor>,
}

impl EventStore {
    /// Reads the events that match a query, from the beginning unless the reader is told otherwise.
    ///
    /// ```no_run
    /// # use coracle::events::*;
    /// # async fn example(store: EventStore) -> Result<(), EventError> {
    /// let mut newest = store.read(Query::tags(["course:c1"])).backwards().limit(10);
    /// while let Some(event) = newest.next().await {
    ///     println!("{}", event?.type_);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn read(&self, query: Query) -> Reader {
        Reader::new(&self.inner, vec![query], None)
    }
}

impl Reader {
    pub(super) fn new(store: &Arc<Inner>, queries: Vec<Query>, decision: Option<(u64, u64)>) -> Self {
        Self {
            store: Arc::clone(store),
            queries,
            after: Cursor::START,
            limit: 0,
            backwards: false,
            within: None,
            decision,
            flow: None,
            events: VecDeque::new(),
            head: None,
        }
    }

    /// Only events behind this one; backwards: before it. To be said before the first one is read, as all of these.
    #[must_use]
    pub fn after(mut self, after: Cursor) -> Self {
        self.after = after;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, events: u64) -> Self {
        self.limit = events;
        self
    }

    /// The newest first.
    #[must_use]
    pub fn backwards(mut self) -> Self {
        self.backwards = true;
        self
    }

    /// How long all of it may take, from the first event to the last, in place of the client's deadline.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// The next event; `None` when there is no more, and after an error.
    pub async fn next(&mut self) -> Option<Result<Recorded, EventError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// All events, or those that were not read yet.
    pub async fn all(mut self) -> Result<Vec<Recorded>, EventError> {
        self.rest().await
    }

    /// The head of the log that was read up to: known once the last event was read.
    #[must_use]
    pub fn head(&self) -> Option<Cursor> {
        self.head
    }

    /// That nothing was appended meanwhile that matches: known once the last event was read.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        let items = self.queries.iter().flat_map(Query::items).cloned();
        self.head.map(|head| Condition::new(items.collect(), head))
    }

    pub(super) async fn rest(&mut self) -> Result<Vec<Recorded>, EventError> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event?);
        }
        Ok(all)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Recorded, EventError>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.flow.is_none() {
                self.flow = Some(Flow::new(&self.store, self.call(), Vec::new()));
            }
            let Some(flow) = self.flow.as_mut().filter(|flow| !flow.is_over()) else { return Poll::Ready(None) };
            match ready!(flow.poll_turn(cx)) {
                Ok(Turn::Events(events, _)) => self.events = events.into(),
                Ok(Turn::Done(Outcome::Read(head))) => self.head = Some(Cursor::from_wire(head)),
                Ok(Turn::Done(other)) => return Poll::Ready(Some(Err(unexpected(&other)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    fn call(&self) -> Call {
        let (decision, end) = self.decision.unwrap_or((0, NEVER));
        let deadline = match (self.within, end) {
            (None, end) if end != NEVER => end,
            (within, end) => self.store.deadline(within).min(end),
        };
        let selection = Selection {
            queries: self.queries.iter().map(Query::wire).collect(),
            after: self.after.wire(),
            limit: self.limit,
            backwards: self.backwards,
            decision,
        };
        Call::Read { deadline, selection }
    }
}

impl Stream for Reader {
    type Item = Result<Recorded, EventError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("queries", &self.queries).field("head", &self.head).finish_non_exhaustive()
    }
}
