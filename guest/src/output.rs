//! What a call into the core gives back: event rows, node rows and the texts that they point into.

use crate::wire::{Cause, ErrorClass, EventKind, Failure, NEVER, NodeKind};

/// Entries of a column for which memory is kept from call to call: as many as the events of a `submit` of all its rows.
const KEPT: usize = 4096;

/// The columns of one call, as `network.report` and `progress` in `wit/` describe them.
#[derive(Debug, Default)]
pub struct Output {
    /// Event rows of 3 words.
    pub events: Vec<u64>,
    /// Node rows of 2 words.
    pub nodes: Vec<u64>,
    /// What `text` nodes point into.
    pub texts: Vec<u8>,
    /// Rows of a `submit` that were taken.
    pub accepted: u32,
    /// See `progress.keep-from`.
    pub keep_from: u64,
    /// See `progress.pass`.
    pub pass: u64,
}

/// One node, before it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// See `NodeKind` in the WIT.
    pub detail: u8,
    /// Bytes or children; at most 48 bits are kept.
    pub size: u64,
    /// A number or an offset.
    pub value: u64,
}

impl Node {
    /// A node that is fully told by its value.
    #[must_use]
    pub const fn scalar(kind: NodeKind, value: u64) -> Self {
        Self { kind, detail: 0, size: 0, value }
    }

    /// A node whose bytes lie in the link's input.
    #[must_use]
    pub const fn string(kind: NodeKind, size: u64, offset: u64) -> Self {
        Self { kind, detail: 0, size, value: offset }
    }

    /// An aggregate of `size` children, or pairs.
    #[must_use]
    pub const fn aggregate(kind: NodeKind, size: u64) -> Self {
        Self { kind, detail: 0, size, value: 0 }
    }

    /// A server's error.
    #[must_use]
    pub const fn error(class: ErrorClass, size: u64, offset: u64) -> Self {
        Self { kind: NodeKind::Error, detail: class as u8, size, value: offset }
    }

    /// The row's first word.
    #[must_use]
    pub const fn head(self) -> u64 {
        self.kind as u64 | (self.detail as u64) << 8 | self.size << 16
    }
}

/// A run of node rows, counted in rows.
#[derive(Clone, Copy, Debug)]
pub struct Nodes {
    first: usize,
    count: usize,
}

impl Nodes {
    /// No nodes.
    pub const NONE: Self = Self { first: 0, count: 0 };
}

/// Why a request or a subscription ended: an event's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may have been executed.
    pub failure: Failure,
    /// Why.
    pub cause: Cause,
}

impl Verdict {
    /// Pairs the two.
    #[must_use]
    pub const fn new(failure: Failure, cause: Cause) -> Self {
        Self { failure, cause }
    }

    /// As the detail of a `failed` row.
    const fn of_failed(self) -> u32 {
        self.failure as u32 | (self.cause as u32) << 8
    }

    /// As the detail of an `ended` or `leased` row, where 0 means that all is well.
    #[must_use]
    pub const fn of_ended(self) -> u32 {
        self.of_failed() + 1
    }
}

impl Output {
    /// Empties all columns for the next call.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Makes room for so many replies of one node.
    pub fn reserve(&mut self, replies: usize) {
        self.events.reserve(replies * 3);
        self.nodes.reserve(replies * 2);
    }

    /// Appends a node row.
    pub fn node(&mut self, node: Node) {
        self.nodes.extend_from_slice(&[node.head(), node.value]);
    }

    /// Where the next node row will stand.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.nodes.len() / 2
    }

    /// The rows since a mark.
    #[must_use]
    pub fn since(&self, mark: usize) -> Nodes {
        Nodes { first: mark, count: self.mark().saturating_sub(mark) }
    }

    /// Drops the rows since a mark.
    pub fn rewind(&mut self, mark: usize) {
        self.nodes.truncate(mark * 2);
    }

    /// Appends an event row.
    pub fn event(&mut self, kind: EventKind, detail: u32, link: u32, id: u64, nodes: Nodes) {
        self.events.extend_from_slice(&[
            kind as u64 | u64::from(detail) << 8 | u64::from(link) << 32,
            id,
            nodes.first as u64 | (nodes.count as u64) << 32,
        ]);
    }

    /// An event about an id that carries nothing else.
    pub fn notice(&mut self, kind: EventKind, id: u64) {
        self.event(kind, 0, 0, id, Nodes::NONE);
    }

    /// A `failed` row, with words for people.
    pub fn failed(&mut self, id: u64, verdict: Verdict, why: &str) {
        let nodes = self.text(why.as_bytes());
        self.event(EventKind::Failed, verdict.of_failed(), 0, id, nodes);
    }

    /// An `ended` row of a subscription that can't go on, with words for people.
    pub fn ended(&mut self, id: u64, verdict: Verdict, why: &str) {
        let nodes = self.text(why.as_bytes());
        self.event(EventKind::Ended, verdict.of_ended(), 0, id, nodes);
    }

    /// A `text` node of its own, unless there is nothing to say.
    pub fn text(&mut self, text: &[u8]) -> Nodes {
        if text.is_empty() {
            return Nodes::NONE;
        }
        let (mark, offset) = (self.mark(), self.texts.len() as u64);
        self.texts.extend_from_slice(text);
        self.node(Node::string(NodeKind::Text, text.len() as u64, offset));
        self.since(mark)
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.nodes.is_empty() && self.texts.is_empty()
    }

    /// What this call comes to beside its rows. The columns are empty afterwards, and keep their memory.
    pub fn finish(&mut self, wake_at: u64) -> Progress {
        empty(&mut self.events);
        empty(&mut self.nodes);
        empty(&mut self.texts);
        let accepted = std::mem::take(&mut self.accepted);
        let (keep_from, pass) = (std::mem::take(&mut self.keep_from), std::mem::take(&mut self.pass));
        Progress { accepted, wake_at, keep_from, pass, ..Progress::default() }
    }

    /// All that this call gives; the columns are empty afterwards.
    pub fn take(&mut self, wake_at: u64) -> Progress {
        let Self { events, nodes, texts, accepted, keep_from, pass } = std::mem::take(self);
        Progress { events, nodes, texts, accepted, wake_at, keep_from, pass }
    }
}

/// Empties a column, which keeps its memory unless that is much.
fn empty<T>(column: &mut Vec<T>) {
    if column.capacity() > KEPT {
        *column = Vec::new();
    }
    column.clear();
}

/// What one call into the core did: what it reports, and `progress` of the WIT.
#[derive(Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/network.wit and wit/types.wit")]
pub struct Progress {
    pub events: Vec<u64>,
    pub nodes: Vec<u64>,
    pub texts: Vec<u8>,
    pub accepted: u32,
    pub wake_at: u64,
    pub keep_from: u64,
    pub pass: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Output::default().take(NEVER)
    }
}
