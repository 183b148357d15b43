//! The incremental decoder: bytes in, nodes out, three outcomes (a whole value, more is needed, the peer is at fault).
//!
//! Each byte is fed once. The decoder keeps the unfinished line (bounded), counts down bulk strings, and has one frame
//! for each open aggregate; it keeps no node and no payload.

mod scan;
mod usual;

use super::number;
use crate::config::Limits;
use crate::output::{Node, Output};
use crate::wire::{Cause, ErrorClass, NodeKind, PASSES};

/// Longest line, its type byte included and CRLF not: simple strings, errors, numbers, and bulk errors.
pub const MAX_LINE: usize = 65_536;

/// What the bytes up to now made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole value ended.
    Value(Top),
    /// All bytes are used, and the value under way is not whole (or there is none).
    NeedMore,
}

/// What the top of a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// An error.
    Error(ErrorClass),
    /// Null: what EXEC answers when a watched key changed.
    Nil,
    /// A RESP3 push.
    Push,
    /// An array.
    Array,
    /// Anything else.
    Other,
}

/// The peer broke the protocol, or one of our bounds: nothing that follows can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `Protocol` or `TooLarge`.
    pub cause: Cause,
    /// What, and where in the link's input.
    pub text: String,
}

/// Reads one link's input.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    offset: u64,
    state: State,
    line: Vec<u8>,
    stack: Vec<Frame>,
    value: Option<Value>,
    /// Where the last whole value began.
    last_from: u64,
    error_text: Vec<u8>,
    /// Status lines that are too long are cut.
    cuts: bool,
}

/// The value under way.
#[derive(Clone, Copy, Debug)]
struct Value {
    from: u64,
    top: Option<Top>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Reading a line that began at `from`.
    Line { from: u64 },
    /// A line was cut: what follows up to its end is nothing.
    Cut,
    /// Reading the bytes of a string.
    Body(Body),
    /// Its end passes by: so many bytes are still to be skipped.
    Passing { rest: u64 },
    /// Reading the CR LF behind a body; `seen` of the two are there.
    Tail { node: Option<Node>, from: u64, seen: u8 },
}

#[derive(Clone, Copy, Debug)]
struct Body {
    kind: NodeKind,
    from: u64,
    size: u64,
    rest: u64,
    /// First bytes: a verbatim string's format.
    head: [u8; 4],
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    rest: u64,
    attribute: bool,
}

/// What one line made.
enum Token {
    Leaf(Node, Top),
    Aggregate(Node, u64, Top),
    Attribute(Node, u64),
    Body(Body),
}

impl Decoder {
    /// A decoder at offset 0.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            offset: 0,
            state: State::Line { from: 0 },
            line: Vec::new(),
            stack: Vec::new(),
            value: None,
            last_from: 0,
            error_text: Vec::new(),
            cuts: false,
        }
    }

    /// From now on a status line that is too long is cut at [`MAX_LINE`], and no fault of the peer.
    pub fn cut_lines(&mut self) {
        self.cuts = self.limits.reply_bytes >= MAX_LINE as u64;
    }

    /// Decodes until a value ends or the input does. `input` is what is left of the fed bytes, and loses what was used.
    ///
    /// # Errors
    /// The peer's fault; the decoder is of no use afterwards.
    pub fn next(&mut self, input: &mut &[u8], out: &mut Output) -> Result<Step, Fault> {
        loop {
            let done = if self.begins_line() && self.scan(input, out) {
                self.ended()
            } else {
                match self.state {
                    State::Line { from } => match self.line(input, from, out)? {
                        Some(done) => done,
                        None => return Ok(Step::NeedMore),
                    },
                    State::Cut => match find_line_end(input) {
                        Some(end) => {
                            self.skip_line(input, end);
                            self.state = State::Line { from: self.offset };
                            false
                        }
                        None => {
                            self.skip_line(input, input.len());
                            return Ok(Step::NeedMore);
                        }
                    },
                    State::Body(body) => {
                        if !self.body(input, body, out)? {
                            return Ok(Step::NeedMore);
                        }
                        false
                    }
                    State::Passing { .. } => return self.while_passing(input),
                    State::Tail { node, from, seen } => match self.tail(input, node, from, seen, out)? {
                        Some(done) => done,
                        None => return Ok(Step::NeedMore),
                    },
                }
            };
            if done {
                let value = self.value.take();
                self.last_from = value.map_or(self.offset, |value| value.from);
                return Ok(Step::Value(value.and_then(|value| value.top).unwrap_or(Top::Other)));
            }
        }
    }

    /// Whether it is between two values.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.value.is_none() && self.begins_line()
    }

    fn begins_line(&self) -> bool {
        self.line.is_empty() && matches!(self.state, State::Line { .. })
    }

    /// Says that so many passing bytes went by the core.
    ///
    /// # Errors
    /// The number of bytes that may still pass, if it is less.
    pub fn skip(&mut self, bytes: u64) -> Result<(), u64> {
        let State::Passing { rest } = &mut self.state else {
            return if bytes == 0 { Ok(()) } else { Err(0) };
        };
        match rest.checked_sub(bytes) {
            None => Err(*rest),
            Some(left) => {
                *rest = left;
                self.offset += bytes;
                if left == 0 {
                    self.state = State::Tail { node: None, from: self.offset, seen: 0 };
                }
                Ok(())
            }
        }
    }

    /// How many bytes are to pass by.
    #[must_use]
    pub fn passing(&self) -> u64 {
        if let State::Passing { rest } = self.state { rest } else { 0 }
    }

    /// Offset of the next byte to be fed.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Offset where the value under way began, if there is one.
    #[must_use]
    pub fn value_from(&self) -> Option<u64> {
        self.value.map(|value| value.from)
    }

    /// Offset where the last whole value began.
    #[must_use]
    pub fn last_from(&self) -> u64 {
        self.last_from
    }

    /// What the top of the value under way is, as far as that is known.
    #[must_use]
    pub fn top(&self) -> Option<Top> {
        self.value.and_then(|value| value.top)
    }

    /// Input before this offset is in no node to come.
    #[must_use]
    pub fn keep_from(&self) -> u64 {
        match self.state {
            State::Line { from } | State::Tail { node: Some(_), from, .. } => from,
            State::Body(body) => body.from,
            State::Cut | State::Passing { .. } | State::Tail { node: None, .. } => self.offset,
        }
    }

    /// The last error's text, cut at 512 bytes: a copy for people.
    #[must_use]
    pub fn error_text(&self) -> &[u8] {
        &self.error_text
    }

    fn while_passing(&self, input: &[u8]) -> Result<Step, Fault> {
        if input.is_empty() {
            return Ok(Step::NeedMore);
        }
        Err(self.protocol("bytes were fed that should have passed by"))
    }

    /// Reads a line and what it says. `None`: it is not whole. `Some(true)`: the value ended with it.
    fn line(&mut self, input: &mut &[u8], from: u64, out: &mut Output) -> Result<Option<bool>, Fault> {
        let Some(end) = find_line_end(input) else {
            // The CR of a line that is just as long as may be can come without its LF.
            let size = self.line.len() + input.len() - usize::from(input.ends_with(b"\r"));
            if size <= MAX_LINE {
                self.keep_line(input);
                return Ok(None);
            }
            let first = self.line.first().or(input.first()).copied();
            let done = self.long_line(first, from, out)?;
            self.line.clear();
            self.skip_line(input, input.len());
            self.state = State::Cut;
            return Ok(Some(done));
        };
        let (fed, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
        *input = rest;
        self.offset += fed.len() as u64;
        self.state = State::Line { from: self.offset };
        if self.line.is_empty() {
            return self.whole_line(fed, from, out).map(Some);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(fed);
        let done = self.whole_line(&line, from, out).map(Some);
        line.clear();
        self.line = line;
        done
    }

    fn keep_line(&mut self, input: &mut &[u8]) {
        if !input.is_empty() && self.value.is_none() {
            self.value = Some(Value { from: self.offset, top: None });
        }
        self.line.extend_from_slice(input);
        self.skip_line(input, input.len());
    }

    fn skip_line(&mut self, input: &mut &[u8], bytes: usize) {
        *input = input.get(bytes..).unwrap_or_default();
        self.offset += bytes as u64;
    }

    /// A line that is too long: its front is a value where such are cut.
    fn long_line(&mut self, first: Option<u8>, from: u64, out: &mut Output) -> Result<bool, Fault> {
        if !self.cuts || first != Some(b'+') || !self.stack.is_empty() {
            return Err(self.too_large(format!("a line is over {MAX_LINE} bytes")));
        }
        self.value = Some(Value { from, top: Some(Top::Other) });
        out.node(Node::string(NodeKind::Status, MAX_LINE as u64 - 1, from + 1));
        Ok(true)
    }

    fn whole_line(&mut self, line: &[u8], from: u64, out: &mut Output) -> Result<bool, Fault> {
        let (kind, text) = match line {
            _ if line.strip_suffix(b"\n").map_or(0, |line| line.strip_suffix(b"\r").unwrap_or(line).len())
                > MAX_LINE =>
            {
                return self.long_line(line.first().copied(), from, out);
            }
            [kind, text @ .., b'\r', b'\n'] => (*kind, text),
            _ => return Err(self.protocol(format!("a line at byte {from} does not end in CR LF, or is empty"))),
        };
        let began = self.value.get_or_insert(Value { from, top: None }).from;
        if self.offset - began > self.limits.reply_bytes {
            let most = self.limits.reply_bytes;
            return Err(self.too_large(format!("the line at byte {from} takes its reply over reply-bytes, {most}")));
        }
        match self.token(kind, text, from)? {
            Token::Leaf(node, top) => {
                out.node(node);
                self.set_top(top);
                Ok(self.ended())
            }
            Token::Aggregate(node, children, top) => {
                out.node(node);
                self.set_top(top);
                if children == 0 { Ok(self.ended()) } else { self.open(children, false) }
            }
            Token::Attribute(node, children) => {
                out.node(node);
                if children == 0 { Ok(false) } else { self.open(children, true) }
            }
            Token::Body(body) => {
                self.state = State::Body(body);
                Ok(false)
            }
        }
    }

    fn token(&mut self, kind: u8, text: &[u8], from: u64) -> Result<Token, Fault> {
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

    /// Takes what there is of a body. `false`: all bytes are used and it is not whole.
    fn body(&mut self, input: &mut &[u8], mut body: Body, out: &mut Output) -> Result<bool, Fault> {
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
        if body.kind != NodeKind::Error && body.size > u64::from(self.limits.pass_above) && whole_head {
            let node = self.body_node(&body, PASSES)?;
            out.node(node);
            self.set_top(Top::Other);
            self.state = State::Passing { rest: body.rest };
        } else {
            self.state = State::Body(body);
        }
        Ok(false)
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
    fn tail(
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

    /// One value ended: pops what ended with it. `true`: that was the whole.
    fn ended(&mut self) -> bool {
        while let Some(frame) = self.stack.last_mut() {
            frame.rest -= 1;
            if frame.rest > 0 {
                return false;
            }
            // The value that an attribute describes is still to come, and counts in its place.
            let attribute = frame.attribute;
            self.stack.pop();
            if attribute {
                return false;
            }
        }
        true
    }

    fn open(&mut self, children: u64, attribute: bool) -> Result<bool, Fault> {
        let most = self.limits.depth;
        if self.stack.len() >= most as usize {
            return Err(self.too_large(format!("a reply is nested deeper than depth, {most}")));
        }
        self.stack.push(Frame { rest: children, attribute });
        Ok(false)
    }

    /// The first value outside all aggregates is the top; attributes are none.
    fn set_top(&mut self, top: Top) {
        if let Some(value) = &mut self.value
            && value.top.is_none()
            && self.stack.is_empty()
        {
            value.top = Some(top);
        }
    }

    fn error_top(&self) -> Top {
        Top::Error(ErrorClass::of(&self.error_text))
    }

    fn remember_error(&mut self, text: &[u8]) {
        self.error_text.clear();
        self.error_text.extend(text.iter().take(MAX_ERROR_TEXT));
    }

    fn protocol(&self, text: impl Into<String>) -> Fault {
        Fault { cause: Cause::Protocol, text: text.into() }
    }

    fn too_large(&self, text: String) -> Fault {
        Fault { cause: Cause::TooLarge, text }
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

const MAX_ERROR_TEXT: usize = 512;

const fn nil(detail: u8) -> Node {
    Node { kind: NodeKind::Nil, detail, size: 0, value: 0 }
}

/// How many bytes of `input` end the line, its LF included. A bare LF ends it too: `whole_line` then refuses it.
fn find_line_end(input: &[u8]) -> Option<usize> {
    input.iter().position(|&byte| byte == b'\n').map(|at| at + 1)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
