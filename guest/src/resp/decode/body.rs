//! The bytes of strings: counted down, and looked at only where a few of them decide something.

use super::{Decoder, Fault, Frame, State, Top};
use crate::output::{Node, Output};
use crate::pubsub::MAX_NAME;
use crate::wire::{ErrorClass, NodeKind, PASSES};

/// So much of an error's text is kept, for people and for its class.
const MAX_ERROR_TEXT: usize = 512;

/// A string whose bytes are being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) kind: NodeKind,
    pub(super) from: u64,
    pub(super) size: u64,
    pub(super) rest: u64,
    /// First bytes: a verbatim string's format.
    pub(super) head: [u8; 4],
}

impl Decoder {
    /// Takes what there is of a body. `false`: all bytes are used and it is not whole.
    pub(super) fn body(&mut self, input: &mut &[u8], mut body: Body, out: &mut Output) -> Result<bool, Fault> {
        let take = usize::try_from(body.rest).unwrap_or(usize::MAX).min(input.len());
        let (fed, rest) = input.split_at_checked(take).unwrap_or((input, &[]));
        self.note_body(&mut body, fed);
        body.rest -= fed.len() as u64;
        self.offset += fed.len() as u64;
        *input = rest;
        if body.rest == 0 {
            let node = self.body_node(&body, 0)?;
            self.set_top(if body.kind == NodeKind::Error { self.error_top() } else { Top::Other });
            self.state = State::Tail { node: Some(node), from: body.from, seen: 0 };
            return Ok(true);
        }
        let whole_head = body.kind == NodeKind::Bulk || body.size - body.rest >= 4;
        let passes = body.size > u64::from(self.limits.pass_above) && !self.tells_whose(&body);
        if body.kind != NodeKind::Error && passes && whole_head {
            let node = self.body_node(&body, PASSES)?;
            out.node(node);
            self.set_top(Top::Other);
            self.state = State::Passing { rest: body.rest };
        } else {
            self.state = State::Body(body);
        }
        Ok(false)
    }

    /// Whether it may be the name that tells whose a push is, which is never its last word.
    fn tells_whose(&self, body: &Body) -> bool {
        let push = match self.top() {
            Some(Top::Push) => true,
            Some(Top::Array) => self.pushes,
            _ => false,
        };
        push && body.size <= MAX_NAME as u64 && matches!(self.stack.as_slice(), [Frame { rest: 2.., .. }])
    }

    /// Keeps the few bytes of a body that decide something: an error's text, a verbatim string's format.
    fn note_body(&mut self, body: &mut Body, fed: &[u8]) {
        match body.kind {
            NodeKind::Error => {
                if body.rest == body.size {
                    self.error_text.clear();
                }
                let room = MAX_ERROR_TEXT.saturating_sub(self.error_text.len());
                self.error_text.extend(fed.iter().take(room));
            }
            NodeKind::Verbatim => {
                let seen = usize::try_from(body.size - body.rest).unwrap_or(usize::MAX);
                for (slot, byte) in body.head.iter_mut().skip(seen).zip(fed) {
                    *slot = *byte;
                }
            }
            _ => {}
        }
    }

    fn body_node(&self, body: &Body, passes: u8) -> Result<Node, Fault> {
        let node = match body.kind {
            NodeKind::Error => Node::error(ErrorClass::of(&self.error_text), body.size, body.from),
            NodeKind::Verbatim => {
                let format = match &body.head {
                    b"txt:" => 0,
                    b"mkd:" => 1,
                    [_, _, _, b':'] => 2,
                    _ => return Err(self.protocol(format!("a verbatim string at byte {} has no format", body.from))),
                };
                Node { detail: format, ..Node::string(NodeKind::Verbatim, body.size - 4, body.from + 4) }
            }
            kind => Node::string(kind, body.size, body.from),
        };
        Ok(Node { detail: node.detail | passes, ..node })
    }

    /// Reads the CR LF behind a body; outcomes as of `line`.
    pub(super) fn tail(
        &mut self,
        input: &mut &[u8],
        node: Option<Node>,
        from: u64,
        mut seen: u8,
        out: &mut Output,
    ) -> Result<Option<bool>, Fault> {
        while seen < 2 {
            let Some((byte, rest)) = input.split_first() else {
                self.state = State::Tail { node, from, seen };
                return Ok(None);
            };
            if *byte != if seen == 0 { b'\r' } else { b'\n' } {
                return Err(
                    self.protocol(format!("a string that ends at byte {} is not followed by CR LF", self.offset))
                );
            }
            *input = rest;
            seen += 1;
            self.offset += 1;
        }
        if let Some(node) = node {
            out.node(node);
        }
        self.state = State::Line { from: self.offset };
        Ok(Some(self.ended()))
    }

    pub(super) fn remember_error(&mut self, text: &[u8]) {
        self.error_text.clear();
        self.error_text.extend(text.iter().take(MAX_ERROR_TEXT));
    }

    fn error_top(&self) -> Top {
        Top::Error(ErrorClass::of(&self.error_text))
    }
}
