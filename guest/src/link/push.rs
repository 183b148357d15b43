//! Pushes: what is kept of one that is not whole, and what of it leaves early.

use super::{Link, Purpose};
use crate::link::Received;
use crate::output::Output;
use crate::pubsub::Kind;
use crate::resp::decode::{Fault, Top};
use crate::wire::{Cause, EventKind, NodeKind};

/// Whose a message is: the name that was subscribed to.
pub type Route = (Kind, Box<[u8]>);

/// What is kept of a push that is not whole, since who it is for shows late.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    pub(super) nodes: Vec<u64>,
    pub(super) bytes: Vec<u8>,
    pub(super) from: u64,
}

impl Unfinished {
    /// Most words of nodes.
    const MOST_WORDS: usize = 2 * 65_536;

    /// A push that began in an earlier call has its end here: a string may span both.
    pub(super) fn complete(&mut self, fed: &[u8]) {
        if !self.bytes.is_empty() {
            self.append(fed);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        /// The first words, and a name of the longest kind.
        const MOST: usize = 2 * 65_536;
        let room = MOST.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

impl Link {
    /// The push was dealt with: forget what was kept of it. Gives whether its front has left as `part`, and whose it
    /// is.
    pub fn end_push(&mut self) -> (bool, Option<Route>) {
        self.unfinished.nodes.clear();
        self.unfinished.bytes.clear();
        (std::mem::take(&mut self.parts), self.route.take())
    }

    /// The front of the push leaves as `part`; it is nobody's where there is no route.
    pub fn part_of_push(&mut self, route: Option<Route>, mark: usize, out: &mut Output) {
        self.unfinished = Unfinished::default();
        self.parts = true;
        out.event(EventKind::Part, u32::from(route.is_none()), self.id, 0, out.since(mark));
        self.route = route;
    }

    /// Whether the front of the push has left: what follows does not tell what it is.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.parts
    }

    /// RESP3 tells pushes by their type; on RESP2 a link for subscriptions gets nothing else that is an array.
    pub(super) fn is_push(&self, top: Top) -> bool {
        top == Top::Push || top == Top::Array && !self.handshake.resp3 && matches!(self.purpose, Purpose::Hub(_))
    }

    pub(super) fn interrupted_push(
        &mut self,
        fed: &[u8],
        passing: bool,
        mark: usize,
        out: &mut Output,
    ) -> Result<Received, Fault> {
        if self.parts {
            // Its front has left: what follows can't change whose it is.
            if out.mark() > mark {
                out.event(EventKind::Part, u32::from(self.route.is_none()), self.id, 0, out.since(mark));
            }
            return Ok(Received::NeedMore);
        }
        let words = self.unfinished.nodes.len() + (out.mark() - mark) * 2;
        if passing || words > Unfinished::MOST_WORDS {
            self.unfinished.complete(fed);
            self.restore(mark, out);
            return Ok(Received::PassingPush(mark));
        }
        self.keep_push(fed, mark, out)?;
        Ok(Received::NeedMore)
    }

    /// Keeps the nodes of an unfinished push, and such of its bytes as may tell whose it is.
    pub(super) fn keep_push(&mut self, fed: &[u8], mark: usize, out: &mut Output) -> Result<(), Fault> {
        let unfinished = &mut self.unfinished;
        unfinished.nodes.extend_from_slice(out.nodes.get(mark * 2..).unwrap_or_default());
        out.rewind(mark);
        if unfinished.nodes.len() > Unfinished::MOST_WORDS {
            return Err(Fault { cause: Cause::TooLarge, text: "a greeting has too many elements".to_owned() });
        }
        let value_from = self.decoder.value_from().unwrap_or_default();
        let before = usize::try_from(value_from.saturating_sub(self.fed_from)).unwrap_or(usize::MAX);
        if unfinished.bytes.is_empty() {
            unfinished.from = value_from.max(self.fed_from);
        }
        unfinished.append(fed.get(before..).unwrap_or_default());
        Ok(())
    }

    /// Puts the kept nodes of a push before those that came now.
    pub(super) fn restore(&mut self, mark: usize, out: &mut Output) {
        if !self.unfinished.nodes.is_empty() {
            let at = (mark * 2).min(out.nodes.len());
            out.nodes.splice(at..at, self.unfinished.nodes.drain(..));
        }
    }
}

/// Turns the rows of a message push since `mark` into the value that its subscribers get: the first word goes.
pub fn strip_message(mark: usize, out: &mut Output) {
    let at = mark * 2;
    let Some(size) = out.nodes.get(at).map(|head| head >> 16) else { return };
    if out.nodes.len() < at + 4 {
        return;
    }
    out.nodes.drain(at..at + 2);
    let array = crate::output::Node::aggregate(NodeKind::Array, size.saturating_sub(1));
    if let Some(row) = out.nodes.get_mut(at..at + 2) {
        row.copy_from_slice(&[array.head(), 0]);
    }
}
