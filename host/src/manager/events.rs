//! Calls into the core, and what comes of them: effects, then events, in order.

use redis::Value;

use super::lane::Lane;
use crate::engine::{Instance, Report, Trap};
use crate::error::{Cause, Error, Failure};
use crate::notices::{Message, Notice};
use crate::rows::{Event, Fault, Node, events, fault, nodes, sole_node};
use crate::states::ClientState;
use crate::stats::add;
use crate::tape::{Source, is_plain, scalar, server_error};
use crate::wit::{self, EventKind, NodeKind, Progress};

/// The input that a call was given: what its nodes may point at.
pub(super) struct Feed<'a> {
    pub(super) link: u32,
    /// Offset of the first byte.
    pub(super) base: u64,
    pub(super) input: &'a [u8],
}

/// What of a call's progress concerns its caller.
pub(super) struct Done {
    pub(super) keep_from: u64,
    pub(super) pass: u64,
}

/// A call's tape, while its events are gone through.
pub(super) struct Tape<'a> {
    pub(super) nodes: &'a [u64],
    texts: &'a [u8],
    feed: Option<&'a Feed<'a>>,
    /// The message that the last `message` row gave.
    pub(super) message: Option<Message>,
}

impl Lane {
    /// Calls the core and does what it says. `None` if there is no instance, or none any more.
    pub(super) fn drive(
        &mut self,
        feed: Option<&Feed<'_>>,
        call: impl FnOnce(&mut Instance, u64) -> Result<Progress, Trap>,
    ) -> Option<Done> {
        let now = self.shared.clock.now();
        let instance = self.instance.as_mut()?;
        match call(instance, now) {
            Ok(progress) => self.accept(feed, progress),
            Err(Trap(detail)) => {
                self.lose(detail);
                None
            }
        }
    }

    /// Does what a call's progress says, and what it reported.
    pub(super) fn accept(&mut self, feed: Option<&Feed<'_>>, progress: Progress) -> Option<Done> {
        let instance = self.instance.as_mut()?;
        instance.take_effects(&mut self.effects);
        let mut report = std::mem::take(&mut self.report);
        instance.take_report(&mut report);
        let applied = self.apply(feed, &progress, &report);
        self.report = report;
        match applied {
            Ok(()) => Some(Done { keep_from: progress.keep_from, pass: progress.pass }),
            Err(Fault(detail)) => {
                self.lose(format!("it broke its contract: {detail}"));
                None
            }
        }
    }

    fn apply(&mut self, feed: Option<&Feed<'_>>, progress: &Progress, report: &Report) -> Result<(), Fault> {
        self.wake_at = progress.wake_at;
        self.do_effects()?;
        let mut tape = Tape { nodes: &report.nodes, texts: &report.texts, feed, message: None };
        for event in events(&report.events) {
            self.event(event?, &mut tape)?;
        }
        self.tell_drops();
        Ok(())
    }

    fn event(&mut self, event: Event, tape: &mut Tape<'_>) -> Result<(), Fault> {
        match event.kind {
            EventKind::Part => self.part(&event, tape)?,
            EventKind::Reply => self.reply(&event, tape)?,
            EventKind::Failed => self.failed(&event, tape)?,
            EventKind::Resubmit => self.resubmit(&event),
            EventKind::Kept => self.kept(&event, tape)?,
            EventKind::Discard => self.builder(&event, tape)?.clear(),
            EventKind::Message => self.message(&event, tape)?,
            EventKind::Subscribed => self.subscribed(event.id, tape.feed.map(|feed| feed.link)),
            EventKind::Gap => self.notify(event.id, Notice::Gap),
            EventKind::Ended => {
                let error = end_error(&event, tape)?;
                self.end_subscription(event.id, error);
            }
            EventKind::Room => self.full = false,
            EventKind::Invalidate => self.invalidate(&event, tape)?,
            EventKind::State => self.state(&event, tape)?,
            EventKind::Leased => {
                let error = end_error(&event, tape)?;
                self.leased(event.id, error);
            }
            EventKind::Renewed => {
                let error = end_error(&event, tape)?;
                self.renewed(event.id, error);
            }
            EventKind::Store => return fault("an event that was not asked for"),
        }
        Ok(())
    }

    fn part(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        let nobody = event.detail & 1 != 0;
        if nobody || event.id != 0 && self.table.find(event.id).is_none() {
            self.builder(event, tape)?.clear();
            return Ok(());
        }
        self.append_nodes(event, tape)
    }

    fn reply(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        if self.plain_reply(event, tape)? {
            return Ok(());
        }
        // An error that came alone may be the last of what an aggregate holds.
        let whole = !self.builder(event, tape)?.has_begun();
        if let Some(node) = sole_error(event, tape)?.filter(|_| whole) {
            self.builder(event, tape)?.clear();
            let error = server_error(&node, &tape.source(event)?)?;
            if let Some(aside) = self.table.find(event.id).and_then(|(live, _)| live.job.aside.take()) {
                self.refuse_aside(*aside, &error);
            }
            self.end(event.id, Err(error));
            return Ok(());
        }
        let Some((live, _)) = self.table.find(event.id) else {
            // Its beginning may have been thrown away, so the rest has no place.
            self.builder(event, tape)?.clear();
            return Ok(());
        };
        let value = match live.job.aside.take() {
            None => self.value(event, tape)?,
            Some(aside) => self.value_aside(*aside, event, tape)?,
        };
        self.end(event.id, Ok(value));
        Ok(())
    }

    /// Ends a request by a reply that is one whole node, for its caller alone, as most are. Says whether it is that.
    fn plain_reply(&mut self, event: &Event, tape: &Tape<'_>) -> Result<bool, Fault> {
        let Some(node) = sole_node(event.nodes(tape.nodes)?)? else { return Ok(false) };
        let id = event.id;
        if !is_plain(&node) || self.builder(event, tape)?.has_begun() || !self.table.is_for_caller(id) {
            return Ok(false);
        }
        self.queue.forget(id);
        match node.kind {
            NodeKind::Ok => self.table.reply(id, || Value::Okay),
            NodeKind::Bulk => {
                let bytes = tape.source(event)?.string(&node)?.to_vec();
                self.table.reply(id, || Value::BulkString(bytes));
            }
            _ => {
                let value = scalar(&node, &tape.source(event)?)?;
                self.table.reply(id, || value);
            }
        }
        Ok(true)
    }

    fn failed(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        let (failure, cause) = event.detail_bytes();
        let error = failure_error(failure, cause, tape.text(event)?);
        self.end(event.id, Err(error));
        Ok(())
    }

    fn kept(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        let node = sole_error(event, tape)?;
        self.builder(event, tape)?.clear();
        if let Some(node) = node
            && let Error::Server(error) = server_error(&node, &tape.source(event)?)?
            && let Some((live, _)) = self.table.find(event.id)
        {
            live.keep(event.detail as usize, error.text);
        }
        Ok(())
    }

    fn state(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        use wit::ClientState as Wire;
        let (state, cause) = event.detail_bytes();
        let text = tape.text(event)?;
        // Without its text, which may hold what a peer said.
        tracing::debug!(state, cause, "state");
        let error = |failure| Error::failed(failure, Cause::from_wire(cause).unwrap_or(Cause::None), text.clone());
        let state = match state {
            _ if state == Wire::Connecting as u8 => ClientState::Connecting,
            _ if state == Wire::Ready as u8 => {
                self.losses = 0;
                ClientState::Ready
            }
            _ if state == Wire::Down as u8 => ClientState::Down(error(Failure::NotSent)),
            _ if state == Wire::Denied as u8 => ClientState::Denied(error(Failure::Refused)),
            _ if state == Wire::Closed as u8 => {
                self.finish(Error::closed());
                return Ok(());
            }
            _ => return fault("a state that is not in the contract"),
        };
        self.tell_state(state, Some(event.id));
        Ok(())
    }

    /// A request has ended; rows of it that were not submitted must not be.
    pub(super) fn end(&mut self, id: u64, result: Result<Value, Error>) {
        self.queue.forget(id);
        if let Err(error) = &result
            && self.hand_on(id, error)
        {
            return;
        }
        self.table.end(id, result);
    }

    fn resubmit(&mut self, event: &Event) {
        const MAYBE_EXECUTED: u32 = 1;
        add(&self.counters().resubmitted, 1);
        self.ask_again(event.id, event.detail & MAYBE_EXECUTED != 0);
    }

    /// Appends the event's nodes to its link's value, and takes that.
    pub(super) fn value(&mut self, event: &Event, tape: &Tape<'_>) -> Result<Value, Fault> {
        self.append_nodes(event, tape)?;
        self.builder(event, tape)?.take()
    }

    pub(super) fn append_nodes(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        let source = tape.source(event)?;
        let builder = self.builder(event, tape)?;
        for node in nodes(event.nodes(tape.nodes)?) {
            builder.append(&node?, &source)?;
        }
        Ok(())
    }

    pub(super) fn builder(&mut self, event: &Event, tape: &Tape<'_>) -> Result<&mut crate::tape::Builder, Fault> {
        let fed = tape.feed.is_some_and(|feed| feed.link == event.link);
        match self.links.iter_mut().find(|link| fed && link.id == event.link) {
            Some(link) => Ok(&mut link.value),
            None => fault("a value of a link that had no input"),
        }
    }
}

impl Tape<'_> {
    pub(super) fn source(&self, event: &Event) -> Result<Source<'_>, Fault> {
        match self.feed {
            Some(feed) if feed.link == event.link => {
                Ok(Source { base: feed.base, input: feed.input, texts: self.texts })
            }
            _ if event.link == 0 => Ok(Source { base: 0, input: &[], texts: self.texts }),
            _ => fault("nodes of a link that had no input"),
        }
    }

    /// What a `text` or `error` node of this event says; empty if there is none.
    fn text(&self, event: &Event) -> Result<String, Fault> {
        match nodes(event.nodes(self.nodes)?).next().transpose()? {
            Some(node) if matches!(node.kind, NodeKind::Text | NodeKind::Error) => {
                Ok(String::from_utf8_lossy(self.source(event)?.string(&node)?).into_owned())
            }
            _ => Ok(String::new()),
        }
    }
}

/// Why something is over, of a row whose detail is as that of `ended`; nothing if all is well.
fn end_error(event: &Event, tape: &Tape<'_>) -> Result<Option<Error>, Fault> {
    Ok(match event.detail_bytes() {
        (0, _) => None,
        (failure, cause) => Some(match sole_error(event, tape)? {
            Some(node) => server_error(&node, &tape.source(event)?)?,
            None => failure_error(failure - 1, cause, tape.text(event)?),
        }),
    })
}

/// The event's node, if it has one only and that is a server's error.
fn sole_error(event: &Event, tape: &Tape<'_>) -> Result<Option<Node>, Fault> {
    let mut nodes = nodes(event.nodes(tape.nodes)?);
    let first = nodes.next().transpose()?;
    Ok(first.filter(|node| node.kind == NodeKind::Error && nodes.next().is_none()))
}

fn failure_error(failure: u8, cause: u8, detail: String) -> Error {
    let failure = Failure::from_wire(failure).unwrap_or(Failure::MaybeExecuted);
    Error::failed(failure, Cause::from_wire(cause).unwrap_or(Cause::None), detail)
}
