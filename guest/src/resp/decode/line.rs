//! Lines: the unfinished one is kept, and none is over [`MAX_LINE`].

use super::token::Token;
use super::{Decoder, Fault, MAX_LINE, State, Top, Value};
use crate::output::{Node, Output};
use crate::wire::NodeKind;

impl Decoder {
    /// Reads a line and what it says. `None`: it is not whole. `Some(true)`: the value ended with it.
    pub(super) fn line(&mut self, input: &mut &[u8], from: u64, out: &mut Output) -> Result<Option<bool>, Fault> {
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

    pub(super) fn skip_line(&mut self, input: &mut &[u8], bytes: usize) {
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
}

/// How many bytes of `input` end the line, its LF included. A bare LF ends it too: `whole_line` then refuses it.
pub(super) fn find_line_end(input: &[u8]) -> Option<usize> {
    input.iter().position(|&byte| byte == b'\n').map(|at| at + 1)
}
