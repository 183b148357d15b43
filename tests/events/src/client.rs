//! A store as a caller knows it: the codec's calls, sent again when the segments were stale.

use anyhow::{Result, bail};
use coracle_events::event::{Cursor, Event, Id, Ordered, Recorded};
use coracle_events::fault::Fault;
use coracle_events::layout::{Layout, Meta, Segments};
use coracle_events::plan::append::{self, Append, Condition, Marker, Order};
use coracle_events::plan::commands::Since;
use coracle_events::plan::lock::Token;
use coracle_events::plan::{bodies, commands, meta, page};
use coracle_events::query::Query;

use crate::link::{Link, Replies};

/// One caller of one store.
pub struct Client {
    /// Its connection.
    pub link: Link,
    /// Its keys.
    pub layout: Layout,
    /// What it knows, which may be stale.
    pub segments: Segments,
    /// A segment that has as many bytes gets no more.
    pub segment_bytes: u64,
}

/// An event to be appended, with what the host would hold.
#[derive(Clone, Debug)]
pub struct Given {
    /// The codec's part.
    pub event: Event,
    /// Its data.
    pub data: Vec<u8>,
    /// Its metadata.
    pub metadata: Vec<u8>,
}

/// An append.
#[derive(Clone, Debug, Default)]
pub struct Appending {
    /// Its events.
    pub events: Vec<Given>,
    /// Its condition.
    pub condition: Option<Condition>,
    /// Its marker.
    pub marker: Option<Marker>,
    /// Its command: id, type, data, metadata.
    pub command: Option<(Id, String, Vec<u8>, Vec<u8>)>,
    /// Its locks.
    pub locks: Vec<(String, Token)>,
    /// Its budget, 0 for plenty.
    pub budget: u32,
}

/// An event that was read, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The codec's part.
    pub event: Recorded,
    /// Its data.
    pub data: Vec<u8>,
    /// Its metadata.
    pub metadata: Vec<u8>,
}

/// A page, with all bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// In the order of the page.
    pub events: Vec<Whole>,
    /// How many of them had their bodies in the page itself.
    pub at_once: usize,
    /// See `page::Page`.
    pub rest: Vec<u64>,
    /// See `page::Page`.
    pub looked: u64,
    /// See `page::Page`.
    pub end: bool,
    /// See `page::Page`.
    pub head: Cursor,
}

/// What a page may be instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The place is beyond the head.
    Ahead(u64),
    /// Another event is there.
    Rewritten(u64),
}

/// Enough for any test.
const PLENTY: u32 = 100_000_000;

impl Client {
    /// Of the store of this name.
    ///
    /// # Errors
    /// The server does not accept.
    pub fn open(url: &str, namespace: &str) -> Result<Self> {
        let link = Link::open(url)?;
        Ok(Self { link, layout: Layout::new(namespace), segments: Segments::default(), segment_bytes: 128 << 20 })
    }

    /// Appends.
    ///
    /// # Errors
    /// The connection is lost. The inner error is the codec's.
    pub fn append(&mut self, appending: &Appending) -> Result<Result<append::Outcome, Fault>> {
        let mut blobs = Vec::new();
        let mut events = Vec::new();
        for given in &appending.events {
            blobs.extend([given.data.clone(), given.metadata.clone()]);
            events.push(given.event.clone());
        }
        let command = appending.command.as_ref().map(|(id, kind, data, metadata)| {
            let blob = blobs.len() as u32;
            blobs.extend([data.clone(), metadata.clone()]);
            Order { id: *id, kind, metadata: metadata.len() as u32, blob }
        });
        let append = Append {
            events: &events,
            blob: 0,
            condition: appending.condition.as_ref(),
            marker: appending.marker,
            command,
            locks: &appending.locks,
            budget: if appending.budget == 0 { PLENTY } else { appending.budget },
            segment_bytes: self.segment_bytes,
        };
        self.fresh(|client| {
            let replies = client.link.send(&append::plan(&client.layout, &client.segments, &append), &blobs)?;
            let outcome = append::read(&mut replies.reply());
            Ok(if outcome == Ok(append::Outcome::Stale) { None } else { Some(outcome) })
        })
    }

    /// Reads a page and all bodies of it.
    ///
    /// # Errors
    /// The connection is lost, or the codec finds a fault.
    pub fn page(&mut self, read: &page::Read<'_>) -> Result<Result<Read, Missed>> {
        self.fresh(|client| {
            let replies = client.link.send(&page::plan(&client.layout, &client.segments, read), &[])?;
            let page = match page::read(&client.layout, read.query, &mut replies.reply()).map_err(fault)? {
                page::Outcome::Page(page) => page,
                page::Outcome::Ahead(head) => return Ok(Some(Err(Missed::Ahead(head)))),
                page::Outcome::Rewritten(position) => return Ok(Some(Err(Missed::Rewritten(position)))),
                page::Outcome::Stale => return Ok(None),
                page::Outcome::Rebuilding => bail!("a rebuild is under way"),
            };
            let mut events = whole(&page.events, &replies)?;
            while events.len() < page.events.len() + page.rest.len() {
                let rest = page.rest.get(events.len() - page.events.len()..).unwrap_or_default();
                events.extend(client.bodies(Some(page.head), rest, read.bytes)?);
            }
            let page::Page { events: ref found, rest, looked, end, head } = page;
            Ok(Some(Ok(Read { events, at_once: found.len(), rest, looked, end, head })))
        })
    }

    /// Reads the first of these events, at least one, of a log that has the event of `check` there.
    ///
    /// # Errors
    /// It has not, the connection is lost, or the codec finds a fault.
    pub fn bodies(&mut self, check: Option<Cursor>, positions: &[u64], bytes: u32) -> Result<Vec<Whole>> {
        let plan = bodies::plan(&self.layout, &self.segments, check, positions, bytes);
        let replies = self.link.send(&plan, &[])?;
        match bodies::read(&self.layout, positions, &mut replies.reply()).map_err(fault)? {
            Some(events) if !events.is_empty() => whole(&events, &replies),
            _ => bail!("no bodies for {positions:?}"),
        }
    }

    /// Reads a page of commands: these, with data and metadata; the next number; whether that was the end.
    ///
    /// # Errors
    /// The connection is lost, or the codec finds a fault.
    #[expect(clippy::type_complexity, reason = "a test's own")]
    pub fn commands(
        &mut self,
        since: Since,
        limit: u32,
        bytes: u32,
    ) -> Result<(Vec<(Ordered, Vec<u8>, Vec<u8>)>, u64, bool)> {
        self.fresh(|client| {
            let replies =
                client.link.send(&commands::plan(&client.layout, &client.segments, since, limit, bytes), &[])?;
            match commands::read(&client.layout, &mut replies.reply()).map_err(fault)? {
                commands::Outcome::Stale => Ok(None),
                commands::Outcome::Page { commands, next, end } => {
                    let mut all = Vec::new();
                    for command in commands {
                        let (data, metadata) = parts(&replies, command.body)?;
                        all.push((command, data, metadata));
                    }
                    Ok(Some((all, next, end)))
                }
            }
        })
    }

    /// How the store is; what is known of its segments is renewed.
    ///
    /// # Errors
    /// The connection is lost, or the codec finds a fault.
    pub fn meta(&mut self) -> Result<Meta> {
        let replies = self.link.send(&meta::plan(&self.layout), &[])?;
        let meta = meta::read(&self.layout, &mut replies.reply()).map_err(fault)?;
        self.segments = meta.segments.clone();
        Ok(meta)
    }

    /// Runs `attempt` until its segments are not stale.
    fn fresh<T>(&mut self, mut attempt: impl FnMut(&mut Self) -> Result<Option<T>>) -> Result<T> {
        for _ in 0..3 {
            if let Some(done) = attempt(self)? {
                return Ok(done);
            }
            self.meta()?;
        }
        bail!("the segments are stale each time")
    }
}

/// As an error that tests can print.
#[must_use]
pub fn fault(fault: Fault) -> anyhow::Error {
    anyhow::anyhow!("{fault:?}")
}

/// A cursor at this position.
#[must_use]
pub fn at(position: u64, id: Id) -> Cursor {
    Cursor { position, id }
}

/// Everything.
#[must_use]
pub fn everything() -> Query {
    Query { items: vec![coracle_events::query::Item::default()] }
}

fn whole(events: &[Recorded<&str>], replies: &Replies) -> Result<Vec<Whole>> {
    let mut all = Vec::new();
    for event in events {
        let (data, metadata) = parts(replies, event.body)?;
        all.push(Whole { event: event.to_owned(), data, metadata });
    }
    Ok(all)
}

fn parts(replies: &Replies, body: coracle_events::event::Body) -> Result<(Vec<u8>, Vec<u8>)> {
    let text = replies.string(body.string)?;
    let (from, to) = (body.from as usize, (body.from + body.metadata) as usize);
    match (text.get(from..to), text.get(to..)) {
        (Some(metadata), Some(data)) => Ok((data.to_vec(), metadata.to_vec())),
        _ => bail!("a body is too short"),
    }
}
