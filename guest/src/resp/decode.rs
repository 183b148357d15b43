//! The incremental decoder: bytes in, nodes out, three outcomes (a whole value, more is needed, the peer is at fault).
//!
//! Each byte is fed once. The decoder keeps the unfinished line (bounded), counts down bulk strings, and has one frame
//! for each open aggregate; it keeps no node and no payload.

mod body;
mod line;
mod scan;
mod token;
mod usual;

use crate::config::Limits;
use crate::output::{Node, Output};
use crate::wire::{Cause, ErrorClass};
use body::Body;
use line::find_line_end;

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
    /// Arrays are pushes.
    pushes: bool,
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
struct Frame {
    rest: u64,
    attribute: bool,
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
            pushes: false,
        }
    }

    /// From now on arrays are pushes, as RESP2 has no others.
    pub fn take_arrays_for_pushes(&mut self) {
        self.pushes = true;
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

    fn protocol(&self, text: impl Into<String>) -> Fault {
        Fault { cause: Cause::Protocol, text: text.into() }
    }

    fn too_large(&self, text: String) -> Fault {
        Fault { cause: Cause::TooLarge, text }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
