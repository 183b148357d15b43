//! The packed rows of `wit/types.wit`, taken apart.

use crate::wit::{EventKind, NodeKind};

/// Bits of `options`, as in `wit/commands.wit`; a test holds them against the generated ones, which are no constants.
pub(crate) const ATOMIC: u32 = 1;
pub(crate) const MAY_REPEAT: u32 = 1 << 1;
pub(crate) const SCRIPT: u32 = 1 << 2;
pub(crate) const CONTINUES: u32 = 1 << 3;
pub(crate) const TRACK: u32 = 1 << 4;
pub(crate) const LONE: u32 = 1 << 6;
pub(crate) const PATIENT: u32 = 1 << 7;
pub(crate) const RAW: u32 = 1 << 8;

/// Bit 31 of a length: the host holds the argument.
pub(crate) const HELD: u32 = 1 << 31;
/// "Never", for deadlines and `wake-at`.
pub(crate) const NEVER: u64 = u64::MAX;
/// Bit 7 of a string node's detail: the rest of it passes by.
const PASSES: u8 = 1 << 7;

/// Bounds of one call of `submit`.
pub(crate) const MAX_ROWS: usize = 1024;
pub(crate) const MAX_LENGTHS: usize = 16_384;
pub(crate) const MAX_BYTES: usize = 131_072;
/// Bytes fed in one call of `received`.
pub(crate) const MAX_FEED: usize = 65_536;

const EVENT_WORDS: usize = 3;
const NODE_WORDS: usize = 2;

/// The core did something that the contract rules out; its instance is not to be trusted any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) String);

pub(crate) fn fault<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(text.into()))
}

/// An event row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) detail: u32,
    pub(crate) link: u32,
    /// Request, subscription or session.
    pub(crate) id: u64,
    first: usize,
    count: usize,
}

/// A node row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) detail: u8,
    pub(crate) size: u64,
    pub(crate) value: u64,
}

impl Event {
    /// This row's nodes among all node words of the call.
    pub(crate) fn nodes<'a>(&self, words: &'a [u64]) -> Result<&'a [u64], Fault> {
        let range = self.first.saturating_mul(NODE_WORDS)..(self.first + self.count).saturating_mul(NODE_WORDS);
        words.get(range).ok_or_else(|| Fault("an event's nodes lie outside of the tape".into()))
    }

    /// Bits 0–7 and 8–15 of the detail.
    pub(crate) fn detail_bytes(&self) -> (u8, u8) {
        let [low, high, ..] = self.detail.to_le_bytes();
        (low, high)
    }
}

impl Node {
    pub(crate) fn passes(&self) -> bool {
        self.detail & PASSES != 0
    }
}

/// The rows of the `events` of `network.report`.
pub(crate) fn events(words: &[u64]) -> impl Iterator<Item = Result<Event, Fault>> {
    words.chunks(EVENT_WORDS).map(|row| {
        let &[head, id, nodes] = row else { return fault("an event row is cut short") };
        Ok(Event {
            kind: event_kind(low_byte(head))?,
            detail: low_half(head) >> 8,
            link: high_half(head),
            id,
            first: low_half(nodes) as usize,
            count: high_half(nodes) as usize,
        })
    })
}

/// The nodes in these words.
pub(crate) fn nodes(words: &[u64]) -> impl Iterator<Item = Result<Node, Fault>> {
    words.chunks(NODE_WORDS).map(|row| {
        let &[head, value] = row else { return fault("a node row is cut short") };
        let [kind, detail, ..] = head.to_le_bytes();
        Ok(Node { kind: node_kind(kind)?, detail, size: head >> 16, value })
    })
}

/// The node in these words, if it is the only one.
pub(crate) fn sole_node(words: &[u64]) -> Result<Option<Node>, Fault> {
    if words.len() == NODE_WORDS { nodes(words).next().transpose() } else { Ok(None) }
}

/// Words 2 and 3 of a row of `submit`.
pub(crate) fn command_words(arguments: u32, session: u32, options: u32, total: u32) -> (u64, u64) {
    (u64::from(arguments) | u64::from(session) << 32, u64::from(options) | u64::from(total) << 32)
}

fn event_kind(number: u8) -> Result<EventKind, Fault> {
    const KINDS: [EventKind; 16] = [
        EventKind::Part,
        EventKind::Reply,
        EventKind::Failed,
        EventKind::Resubmit,
        EventKind::Kept,
        EventKind::Message,
        EventKind::Subscribed,
        EventKind::Gap,
        EventKind::Ended,
        EventKind::Leased,
        EventKind::Room,
        EventKind::Store,
        EventKind::Invalidate,
        EventKind::State,
        EventKind::Discard,
        EventKind::Renewed,
    ];
    at(&KINDS, number).filter(|&kind| kind as u8 == number).ok_or_else(|| Fault(format!("event kind {number}")))
}

fn node_kind(number: u8) -> Result<NodeKind, Fault> {
    const KINDS: [NodeKind; 17] = [
        NodeKind::Nil,
        NodeKind::Boolean,
        NodeKind::Integer,
        NodeKind::Double,
        NodeKind::Ok,
        NodeKind::Status,
        NodeKind::Error,
        NodeKind::Bulk,
        NodeKind::Verbatim,
        NodeKind::BigNumber,
        NodeKind::Array,
        NodeKind::Set,
        NodeKind::Map,
        NodeKind::Attribute,
        NodeKind::Text,
        NodeKind::Spliced,
        NodeKind::Raw,
    ];
    at(&KINDS, number).filter(|&kind| kind as u8 == number).ok_or_else(|| Fault(format!("node kind {number}")))
}

/// The tables above are in the order of their numbers; a test sees to it that no case is missing.
fn at<T: Copy>(table: &[T], number: u8) -> Option<T> {
    table.get(usize::from(number)).copied()
}

fn low_byte(word: u64) -> u8 {
    word.to_le_bytes()[0]
}

fn low_half(word: u64) -> u32 {
    (word & u64::from(u32::MAX)) as u32
}

fn high_half(word: u64) -> u32 {
    (word >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_its_table() {
        // The kinds that the contract names last.
        assert_eq!(event_kind(EventKind::Renewed as u8), Ok(EventKind::Renewed));
        assert_eq!(node_kind(NodeKind::Raw as u8), Ok(NodeKind::Raw));
        for number in 0..=EventKind::Renewed as u8 {
            assert_eq!(event_kind(number).map(|kind| kind as u8), Ok(number));
        }
        for number in 0..=NodeKind::Raw as u8 {
            assert_eq!(node_kind(number).map(|kind| kind as u8), Ok(number));
        }
        assert!(event_kind(EventKind::Renewed as u8 + 1).is_err());
        assert!(node_kind(NodeKind::Raw as u8 + 1).is_err());
    }

    #[test]
    fn refuses_rows_cut_short_and_out_of_range() {
        assert!(events(&[0, 0]).next().unwrap().is_err());
        assert!(nodes(&[0]).next().unwrap().is_err());
        let event = events(&[1, 7, 1 << 32]).next().unwrap().unwrap();
        assert!(event.nodes(&[0]).is_err());
        assert_eq!(event.nodes(&[0, 0]).unwrap(), &[0, 0]);
    }
}
