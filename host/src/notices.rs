//! What a subscriber asks for and is told, and where that waits.

mod queue;

use std::sync::Arc;

use bytes::Bytes;

use crate::command::usage;
use crate::engine::Kind;
use crate::error::Error;
use crate::rows::{MAX_BYTES, MAX_LENGTHS};
pub(crate) use queue::Queue;

/// The longest name that can be subscribed to.
const MAX_NAME: usize = 65_536;

/// What to subscribe to.
#[derive(Debug, Clone)]
pub struct Names {
    kind: Kind,
    names: Vec<Bytes>,
}

/// How a subscription's queue is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Messages that may wait for the reader: 4096 unless set. At least 1.
    pub messages: usize,
    /// Bytes of those messages: 64 MiB unless set. One larger message may wait alone.
    pub bytes: usize,
    /// What to do with a message that finds the queue full.
    pub when_full: WhenFull,
}

/// What to do with a message that finds a subscription's queue full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Drop the oldest messages, and say how many: [`Notice::Dropped`].
    #[default]
    DropOldest,
    /// End the subscription with an error, after what is queued.
    Close,
    /// Drop nothing: the subscription has a connection of its own, which is not read while the queue is full. What has
    /// come in one piece still goes into the queue, 64 KiB at most. A server that can't get rid of its messages closes
    /// the connection in the end, and the reader is told by a [`Notice::Gap`].
    Wait,
}

/// What a subscription tells its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The server has confirmed all names; again after each reconnect.
    Subscribed,
    /// A message.
    Message(Message),
    /// Messages may have been lost, because the connection broke.
    Gap,
    /// So many messages were dropped here, because the reader was too slow. They were older than what follows.
    Dropped(u64),
}

/// A message of a channel. Strings of up to 256 bytes share memory with those of other messages: who keeps one of many
/// for long keeps up to a kilobyte with each of its strings, unless it copies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The channel it was published to; empty for a line of MONITOR.
    pub channel: Bytes,
    /// The pattern that matched, of a subscription to patterns.
    pub pattern: Option<Bytes>,
    /// What was published, or the line.
    pub payload: Bytes,
}

impl Names {
    /// Channels, by name.
    pub fn channels<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Channel, names)
    }

    /// Channels, by glob patterns.
    pub fn patterns<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Pattern, names)
    }

    /// Shard channels, by name.
    pub fn shards<T: Into<Bytes>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::of(Kind::Shard, names)
    }

    /// All that the server executes, for anybody, as MONITOR tells it: each [`Message`] is a line, without a channel.
    /// It has a connection of its own. A line of more than 64 KiB, as a large value makes it, is cut there.
    #[must_use]
    pub fn monitor() -> Self {
        Self { kind: Kind::Monitor, names: Vec::new() }
    }

    fn of<T: Into<Bytes>>(kind: Kind, names: impl IntoIterator<Item = T>) -> Self {
        Self { kind, names: names.into_iter().map(Into::into).collect() }
    }

    pub(crate) fn list(&self) -> &[Bytes] {
        &self.names
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let bytes: usize = self.names.iter().map(Bytes::len).sum();
        if self.names.is_empty() && self.kind != Kind::Monitor {
            return Err(usage("a subscription needs a name"));
        }
        if self.names.len() > MAX_LENGTHS || bytes > MAX_BYTES || self.names.iter().any(|name| name.len() > MAX_NAME) {
            return Err(usage("a subscription takes 16384 names of 64 KiB, 128 KiB together"));
        }
        Ok(())
    }
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self { messages: 4096, bytes: 64 << 20, when_full: WhenFull::DropOldest }
    }
}

/// A subscription as the manager keeps it.
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) lengths: Vec<u32>,
    pub(crate) names: Vec<u8>,
    pub(crate) queue: Arc<Queue>,
    /// It has a link alone, which can be held.
    pub(crate) own_link: bool,
    /// The server has confirmed it once.
    pub(crate) confirmed: bool,
    /// The core was told that it is not wanted any more.
    pub(crate) ending: bool,
}

impl Wanted {
    pub(crate) fn new(names: &Names, queue: Arc<Queue>) -> Self {
        // Lengths were checked.
        let lengths = names.names.iter().map(|name| u32::try_from(name.len()).unwrap_or_default()).collect();
        let bytes = names.names.iter().flatten().copied().collect();
        let own_link = queue.can_hold();
        Self { kind: names.kind, lengths, names: bytes, queue, own_link, confirmed: false, ending: false }
    }
}

impl Message {
    fn size(&self) -> usize {
        self.channel.len() + self.pattern.as_ref().map_or(0, Bytes::len) + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_the_room_that_it_has_in_go() {
        let options = SubscribeOptions::default();
        assert_eq!((options.messages, options.bytes), (4096, 64 << 20));
    }
}
