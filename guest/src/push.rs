//! What a server says without being asked: which push it is, and whose.

use crate::pubsub::Kind;
use crate::wire::NodeKind;

/// What a push's first words make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push<'a> {
    /// A message for who subscribed to `name`.
    Message(Kind, &'a [u8]),
    /// A name was subscribed to.
    Subscribed(Kind, &'a [u8]),
    /// A name, or nothing at all, was unsubscribed from.
    Unsubscribed(Kind, &'a [u8]),
    /// Keys have changed.
    Invalidate,
    /// What PING is answered with on a RESP2 link that has subscribed.
    Pong,
    /// Nothing that this client asked for.
    Unknown,
}

/// Classifies the node rows of a push, as far as they have come; `text` gives the bytes of a string node.
pub fn classify<'a>(rows: &[u64], text: impl Fn(u64, u64) -> Option<&'a [u8]>) -> Push<'a> {
    let string = |row: usize| {
        let (head, offset) = (*rows.get(row * 2)?, *rows.get(row * 2 + 1)?);
        let is_string = head as u8 == NodeKind::Bulk as u8 || head as u8 == NodeKind::Status as u8;
        if is_string { text(offset, head >> 16) } else { None }
    };
    let (Some(word), children) = (string(1), rows.first().map_or(0, |head| head >> 16)) else {
        return Push::Unknown;
    };
    let name = string(2).unwrap_or_default();
    match (word, children) {
        (b"message", 3) => Push::Message(Kind::Channel, name),
        (b"pmessage", 4) => Push::Message(Kind::Pattern, name),
        (b"smessage", 3) => Push::Message(Kind::Shard, name),
        (b"subscribe", 3) => Push::Subscribed(Kind::Channel, name),
        (b"psubscribe", 3) => Push::Subscribed(Kind::Pattern, name),
        (b"ssubscribe", 3) => Push::Subscribed(Kind::Shard, name),
        (b"unsubscribe", 3) => Push::Unsubscribed(Kind::Channel, name),
        (b"punsubscribe", 3) => Push::Unsubscribed(Kind::Pattern, name),
        (b"sunsubscribe", 3) => Push::Unsubscribed(Kind::Shard, name),
        (b"invalidate", 2) => Push::Invalidate,
        (b"pong", 2) => Push::Pong,
        _ => Push::Unknown,
    }
}
