//! What one line says, by its type byte.

use super::body::Body;
use super::{Decoder, Fault, MAX_LINE, Top};
use crate::output::Node;
use crate::resp::number;
use crate::wire::{ErrorClass, NodeKind};

/// What one line made.
pub(super) enum Token {
    Leaf(Node, Top),
    Aggregate(Node, u64, Top),
    Attribute(Node, u64),
    Body(Body),
}

impl Decoder {
    pub(super) fn token(&mut self, kind: u8, text: &[u8], from: u64) -> Result<Token, Fault> {
        let string = |kind| Node::string(kind, text.len() as u64, from + 1);
        let leaf = |node| Ok(Token::Leaf(node, Top::Other));
        match kind {
            b'+' if text == b"OK" => leaf(Node::scalar(NodeKind::Ok, 0)),
            b'+' => leaf(string(NodeKind::Status)),
            b'-' => {
                self.remember_error(text);
                let class = ErrorClass::of(text);
                Ok(Token::Leaf(Node::error(class, text.len() as u64, from + 1), Top::Error(class)))
            }
            b':' => match number::integer(text) {
                Some(value) => leaf(Node::scalar(NodeKind::Integer, value as u64)),
                None => Err(self.unreadable("an integer", text, from)),
            },
            b'$' if text == b"-1" => Ok(Token::Leaf(nil(1), Top::Nil)),
            b'*' if text == b"-1" => Ok(Token::Leaf(nil(2), Top::Nil)),
            b'_' if text.is_empty() => Ok(Token::Leaf(nil(0), Top::Nil)),
            b'#' if text == b"t" || text == b"f" => leaf(Node::scalar(NodeKind::Boolean, u64::from(text == b"t"))),
            b',' => match number::double(text) {
                Some(bits) => leaf(Node::scalar(NodeKind::Double, bits)),
                None => Err(self.unreadable("a double", text, from)),
            },
            b'(' if number::is_big_number(text) => leaf(string(NodeKind::BigNumber)),
            b'$' | b'=' | b'!' => self.string(kind, text, from),
            b'*' | b'~' | b'%' | b'>' | b'|' => self.aggregate(kind, text, from),
            b'_' | b'#' | b'(' => Err(self.unreadable("a value", text, from)),
            b'.' | b';' => Err(self.streamed(from)),
            other => Err(self.protocol(format!("byte {from} is {}, which begins no RESP value", other.escape_ascii()))),
        }
    }

    fn string(&self, kind: u8, text: &[u8], from: u64) -> Result<Token, Fault> {
        let size = self.length(text, from)?;
        let kind = match kind {
            b'=' if size < 4 => return Err(self.unreadable("a verbatim string's length", text, from)),
            b'=' => NodeKind::Verbatim,
            b'!' if size > MAX_LINE as u64 => {
                return Err(self.too_large(format!("an error at byte {from} has {size} bytes, over {MAX_LINE}")));
            }
            b'!' => NodeKind::Error,
            _ => NodeKind::Bulk,
        };
        let used = self.offset - self.value.map_or(from, |value| value.from);
        if used.saturating_add(size) > self.limits.reply_bytes {
            let most = self.limits.reply_bytes;
            return Err(self.too_large(format!("a string at byte {from} takes its reply over reply-bytes, {most}")));
        }
        Ok(Token::Body(Body { kind, from: self.offset, size, rest: size, head: [0; 4] }))
    }

    fn aggregate(&self, kind: u8, text: &[u8], from: u64) -> Result<Token, Fault> {
        let size = self.length(text, from)?;
        if size > self.limits.elements || size > u64::MAX >> 17 {
            let most = self.limits.elements;
            return Err(
                self.too_large(format!("an aggregate at byte {from} has {size} elements, over elements, {most}"))
            );
        }
        match kind {
            b'~' => Ok(Token::Aggregate(Node::aggregate(NodeKind::Set, size), size, Top::Other)),
            b'%' => Ok(Token::Aggregate(Node::aggregate(NodeKind::Map, size), size * 2, Top::Other)),
            b'|' => Ok(Token::Attribute(Node::aggregate(NodeKind::Attribute, size), size * 2)),
            b'>' if !self.stack.is_empty() || self.value.is_some_and(|value| value.from != from) => {
                Err(self.protocol(format!("a push at byte {from} stands inside another value")))
            }
            b'>' => Ok(Token::Aggregate(Node::aggregate(NodeKind::Array, size), size, Top::Push)),
            _ => Ok(Token::Aggregate(Node::aggregate(NodeKind::Array, size), size, Top::Array)),
        }
    }

    fn length(&self, text: &[u8], from: u64) -> Result<u64, Fault> {
        if text == b"?" {
            return Err(self.streamed(from));
        }
        number::length(text).ok_or_else(|| self.unreadable("a length", text, from))
    }

    fn streamed(&self, from: u64) -> Fault {
        self.protocol(format!(
            "byte {from} begins a streamed value, which no server sends and this client does not read"
        ))
    }

    fn unreadable(&self, what: &str, text: &[u8], from: u64) -> Fault {
        let shown = text.get(..32).unwrap_or(text).escape_ascii();
        self.protocol(format!("byte {from} should begin {what}, and is followed by \"{shown}\""))
    }
}

const fn nil(detail: u8) -> Node {
    Node { kind: NodeKind::Nil, detail, size: 0, value: 0 }
}
