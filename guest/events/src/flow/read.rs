//! Reading events in pages.

use crate::event::{Cursor, Recorded};
use crate::pieces::Commands;
use crate::plan::{bodies, page};
use crate::query::Query;
use crate::reply::Reply;
use crate::step::{Fault, Outcome, Page, Step};

use super::{Context, Flow, Input, Refresh, Seen, unasked};

/// Bytes of bodies that are enough for one page.
const PAGE_BYTES: u32 = 1 << 20;

/// Items that a handler's reads may have together are kept up to here.
const MOST_ITEMS: usize = 1000;

/// What is read, and how far it is.
pub(crate) struct Reading {
    pub(crate) queries: Vec<Query>,
    /// Any of them.
    pub(crate) query: Query,
    /// The last position looked at.
    pub(crate) from: u64,
    pub(crate) until: Option<u64>,
    pub(crate) backwards: bool,
    /// To be compared by what is sent next.
    pub(crate) check: Option<Cursor>,
    /// Where the caller is.
    told: Cursor,
    /// How many more.
    pub(crate) left: u64,
    /// As the last page said it.
    pub(crate) head: Cursor,
    /// Positions that the last page found, and has no bodies for.
    rest: Vec<u64>,
    /// What is behind these is to be looked at next, unless it is the end.
    looked: u64,
    end: bool,
    refresh: Refresh,
}

/// What comes of a reply.
pub(crate) enum Turn {
    Send(Commands),
    Page(Page),
    End,
}

impl Reading {
    pub(crate) fn new(queries: Vec<Query>, after: Cursor, backwards: bool, limit: u64) -> Self {
        Self {
            query: Query::union(&queries),
            queries,
            from: after.position,
            until: None,
            backwards,
            check: (after.position > 0).then_some(after),
            told: after,
            left: if limit == 0 { u64::MAX } else { limit },
            head: Cursor::default(),
            rest: Vec::new(),
            looked: after.position,
            end: false,
            refresh: Refresh::default(),
        }
    }

    /// What to send next.
    pub(crate) fn plan(&self, context: &Context<'_>) -> Commands {
        let shared = &*context.shared;
        if !self.rest.is_empty() {
            return bodies::plan(&shared.layout, &shared.segments, self.check, &self.rest, PAGE_BYTES);
        }
        let most = self.left.min(shared.settings.page_events.into());
        let read = page::Read {
            query: &self.query,
            from: self.from,
            until: self.until,
            backwards: self.backwards,
            check: self.check,
            limit: most as u32,
            bytes: PAGE_BYTES,
            budget: shared.settings.scan_budget,
        };
        page::plan(&shared.layout, &shared.segments, &read)
    }

    pub(crate) fn replied(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Turn, Fault> {
        if self.refresh.answered(context, &mut reply)? {
            return Ok(Turn::Send(self.plan(context)));
        }
        let events = if self.rest.is_empty() {
            match page::read(&context.shared.layout, &self.query, &mut reply)? {
                page::Outcome::Page(page) => self.paged(page),
                page::Outcome::Ahead(head) => return Err(Fault::Ahead(head)),
                page::Outcome::Rewritten(position) => return Err(Fault::Rewritten(position)),
                page::Outcome::Stale => return Ok(Turn::Send(self.refresh.ask(context)?)),
                page::Outcome::Rebuilding => return Err(Fault::Rebuilding),
            }
        } else {
            match bodies::read(&context.shared.layout, &self.rest, &mut reply)? {
                Some(events) => {
                    self.rest.drain(..events.len().min(self.rest.len()));
                    events
                }
                None => {
                    self.page_again();
                    return Ok(Turn::Send(self.plan(context)));
                }
            }
        };
        self.refresh.fresh();
        self.left = self.left.saturating_sub(events.len() as u64);
        match events.last() {
            Some(last) => Ok(Turn::Page(self.pack(&events, last))),
            None => self.more(context),
        }
    }

    /// What was sent was not answered; `plan` says it again.
    pub(crate) fn lost(&mut self) {
        self.refresh.lost();
    }

    /// What follows when the caller took a page.
    pub(crate) fn more(&mut self, context: &Context<'_>) -> Result<Turn, Fault> {
        if self.left == 0 {
            return Ok(Turn::End);
        }
        if self.rest.is_empty() {
            if self.end {
                return Ok(Turn::End);
            }
            self.from = self.looked;
        }
        Ok(Turn::Send(self.plan(context)))
    }

    /// Begins another round, from where this one ended to what is the head by then.
    pub(crate) fn again(&mut self) {
        self.from = self.head.position;
        self.check = (self.from > 0).then_some(self.head);
        self.until = None;
    }

    /// Begins another round behind what was told last, if that says more than what was compared: a log that lost its
    /// end may have lost nothing that was told.
    pub(crate) fn resume(&mut self) -> bool {
        if self.check.is_none_or(|check| check.position <= self.told.position) {
            return false;
        }
        self.from = self.told.position;
        self.check = (self.from > 0).then_some(self.told);
        self.until = None;
        true
    }

    /// Forgets the positions that it has no bodies for, and looks for them once more.
    fn page_again(&mut self) {
        if let Some(first) = self.rest.first() {
            self.from = if self.backwards { first.saturating_add(1) } else { first.saturating_sub(1) };
        }
        self.rest.clear();
    }

    fn paged<'a>(&mut self, page: page::Page<'a>) -> Vec<Recorded<&'a str>> {
        if self.until.is_none() {
            self.until = Some(page.head.position);
            self.head = page.head;
        }
        // Of what follows, too: there may be another log by then.
        self.check = (self.head.position > 0).then_some(self.head);
        self.rest = page.rest;
        self.looked = page.looked;
        self.end = page.end;
        page.events
    }

    fn pack(&mut self, events: &[Recorded<&str>], last: &Recorded<&str>) -> Page {
        let all = self.end && !self.backwards && self.rest.is_empty() && self.left > 0;
        let here = Cursor { position: last.position, id: last.id };
        let cursor = if all && self.head.position > here.position { self.head } else { here };
        self.told = cursor;
        let texts = || events.iter().flat_map(|event| std::iter::once(&event.kind).chain(&event.tags));
        let mut page = Page {
            rows: Vec::with_capacity(events.len() * 8),
            lengths: texts().map(|text| text.len() as u32).collect(),
            texts: String::with_capacity(texts().map(|text| text.len()).sum()),
            cursor,
        };
        texts().for_each(|text| page.texts.push_str(text));
        for event in events {
            let (high, low) = event.id.halves();
            let mask = Query::mask(&self.queries, event.kind, &event.tags);
            let string = u64::from(event.body.string) | (event.tags.len() as u64) << 32;
            let metadata = u64::from(event.body.from) | u64::from(event.body.metadata) << 32;
            let row = [event.position, event.time, event.command, high, low, mask, string, metadata];
            page.rows.extend_from_slice(&row);
        }
        page
    }
}

/// `read`.
pub(crate) struct Read {
    pub(crate) reading: Reading,
    /// The flow whose handler reads, or 0.
    pub(crate) decision: u64,
}

impl Flow for Read {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        let turn = match input {
            Input::Begin => {
                let seen = context.shared.seen(self.decision).and_then(|seen| seen.head);
                if let Some(head) = seen {
                    self.reading.until = Some(head.position);
                    self.reading.head = head;
                }
                Turn::Send(self.reading.plan(context))
            }
            Input::Reply(reply) => {
                let turn = self.reading.replied(context, reply)?;
                self.note(context);
                turn
            }
            Input::Go => self.reading.more(context)?,
            Input::Lost(lost) => return Err(lost.fault(false)),
            Input::Decided(_) => return Err(unasked()),
        };
        Ok(match turn {
            Turn::Send(commands) => context.send(commands),
            Turn::Page(page) => Step::Events(page),
            Turn::End => Step::Done(Outcome::Read(self.reading.head)),
        })
    }
}

impl Read {
    /// Makes what was read part of the decision, once.
    fn note(&mut self, context: &mut Context<'_>) {
        if self.decision == 0 || self.reading.until.is_none() {
            return;
        }
        let decision = std::mem::take(&mut self.decision);
        if let Some(seen) = context.shared.decisions.iter_mut().find(|seen| seen.by == decision) {
            seen.add(&self.reading.query, self.reading.head);
        }
    }
}

impl Seen {
    /// Of reads that began at the same time, the lowest head counts: what the others saw behind it is then forbidden.
    fn add(&mut self, query: &Query, head: Cursor) {
        // More than that is refused when it is decided.
        if self.query.items.len() <= MOST_ITEMS {
            self.query = Query::union(&[std::mem::take(&mut self.query), query.clone()]);
        }
        if self.head.is_none_or(|other| head.position < other.position) {
            self.head = Some(head);
        }
    }
}
