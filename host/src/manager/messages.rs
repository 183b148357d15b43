//! Messages: from a row's nodes to what readers are given.

use bytes::{Bytes, BytesMut};
use redis::Value;

use super::events::Tape;
use super::lane::Lane;
use crate::notices::{Message, Notice};
use crate::rows::{Event, Fault, Node, fault, nodes};
use crate::tape::Source;
use crate::wit::NodeKind;

/// Short strings share pieces of memory of this size, which live as long as the last of their strings. So much is what
/// a reader who keeps a single message may hold of others.
const PIECE: usize = 1024;
/// The longest string that shares one.
const SHORT: usize = PIECE / 4;
/// Nodes of a message: the array, a pattern perhaps, the channel and the payload.
const MAX_NODES: usize = 4;

/// Memory for messages, most of which are short, and of a channel that was named before.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    piece: BytesMut,
    /// The channel of the last message, if its name is short.
    channel: Bytes,
}

impl Lane {
    pub(super) fn message(&mut self, event: &Event, tape: &mut Tape<'_>) -> Result<(), Fault> {
        if event.detail & 1 == 0 {
            let message = match self.whole_message(event, tape)? {
                Some(message) => message,
                None => message(self.value(event, tape)?)?,
            };
            tape.message = Some(message);
        }
        match &tape.message {
            Some(message) => self.notify(event.id, Notice::Message(message.clone())),
            None => return fault("a message refers to one before it, and there is none"),
        }
        self.hold_if_full(event.id, event.link);
        Ok(())
    }

    /// The message that a row's nodes are, as most are: an array of strings that are all there. `None` for another,
    /// which is put together as any value.
    fn whole_message(&mut self, event: &Event, tape: &Tape<'_>) -> Result<Option<Message>, Fault> {
        if self.builder(event, tape)?.has_begun() {
            return Ok(None);
        }
        let mut given = nodes(event.nodes(tape.nodes)?);
        let mut row = [None; MAX_NODES];
        for place in &mut row {
            *place = given.next().transpose()?;
        }
        let (pattern, channel, payload) = match row {
            [Some(array), Some(channel), Some(payload), None] if is_array(&array, 2) => (None, channel, payload),
            [Some(array), pattern @ Some(_), Some(channel), Some(payload)] if is_array(&array, 3) => {
                (pattern, channel, payload)
            }
            _ => return Ok(None),
        };
        let whole = |node: &Node| node.kind == NodeKind::Bulk && !node.passes();
        if given.next().is_some() || !pattern.iter().chain([&channel, &payload]).all(whole) {
            return Ok(None);
        }
        let source = tape.source(event)?;
        Ok(Some(Message {
            pattern: pattern.map(|pattern| self.pieces.keep(&pattern, &source)).transpose()?,
            channel: self.pieces.channel(&channel, &source)?,
            payload: self.pieces.keep(&payload, &source)?,
        }))
    }
}

impl Pieces {
    fn channel(&mut self, node: &Node, source: &Source<'_>) -> Result<Bytes, Fault> {
        if self.channel != source.string(node)? {
            let name = self.keep(node, source)?;
            if name.len() > SHORT {
                return Ok(name);
            }
            self.channel = name;
        }
        Ok(self.channel.clone())
    }

    fn keep(&mut self, node: &Node, source: &Source<'_>) -> Result<Bytes, Fault> {
        let bytes = source.string(node)?;
        if bytes.len() > SHORT {
            return Ok(Bytes::copy_from_slice(bytes));
        }
        if self.piece.capacity() < bytes.len() {
            self.piece = BytesMut::with_capacity(PIECE);
        }
        self.piece.extend_from_slice(bytes);
        Ok(self.piece.split().freeze())
    }
}

fn is_array(node: &Node, size: u64) -> bool {
    node.kind == NodeKind::Array && node.size == size
}

/// The message that a value is.
fn message(value: Value) -> Result<Message, Fault> {
    fn bytes(value: Option<Value>) -> Result<Bytes, Fault> {
        match value {
            Some(Value::BulkString(bytes)) => Ok(bytes.into()),
            Some(Value::SimpleString(text)) => Ok(text.into_bytes().into()),
            _ => fault("a message holds what is no string"),
        }
    }
    let parts = match value {
        Value::Array(parts) => parts,
        // A line of MONITOR.
        line => return Ok(Message { pattern: None, channel: Bytes::new(), payload: bytes(Some(line))? }),
    };
    let pattern = parts.len() == 3;
    let mut parts = parts.into_iter();
    let pattern = if pattern { Some(bytes(parts.next())?) } else { None };
    Ok(Message { pattern, channel: bytes(parts.next())?, payload: bytes(parts.next())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(value: u64, size: u64) -> Node {
        Node { kind: NodeKind::Bulk, detail: 0, size, value }
    }

    #[test]
    fn short_strings_share_memory_and_long_ones_have_their_own() {
        let input = [b'x'; 2000];
        let source = Source { base: 0, input: &input, texts: &[] };
        let mut pieces = Pieces::default();
        let kept = |pieces: &mut Pieces, size| pieces.keep(&bulk(0, size), &source).unwrap();
        let (first, second) = (kept(&mut pieces, 100), kept(&mut pieces, 100));
        assert_eq!(second.as_ptr() as usize, first.as_ptr() as usize + 100);
        let long = kept(&mut pieces, 2000);
        let third = kept(&mut pieces, 100);
        assert_eq!(third.as_ptr() as usize, first.as_ptr() as usize + 200, "the long one is elsewhere");
        assert_eq!([&first[..], &long, &third].concat(), vec![b'x'; 2200]);
    }

    #[test]
    fn a_channel_that_is_named_again_is_not_kept_again() {
        let source = Source { base: 0, input: b"newsnewsnext", texts: &[] };
        let mut pieces = Pieces::default();
        let channels = [0, 4, 8].map(|at| pieces.channel(&bulk(at, 4), &source).unwrap());
        assert_eq!(channels, ["news", "news", "next"]);
        assert_eq!(channels[0].as_ptr(), channels[1].as_ptr());
        assert!(pieces.channel(&bulk(9, 4), &source).is_err(), "behind the input");
    }
}
