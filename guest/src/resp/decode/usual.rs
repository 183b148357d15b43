//! Values that can be read at once, as `scan.rs` knows them.

use super::{Decoder, State, Value, scan};
use crate::output::Output;
use crate::wire::NodeKind;

impl Decoder {
    /// Decodes one value, if the decoder is at rest and that is a usual one, which is no error and no aggregate.
    pub fn next_usual(&mut self, input: &mut &[u8], out: &mut Output) -> bool {
        let from = self.offset;
        let Some((node, size)) = scan::value(input, from, self.limits.reply_bytes) else { return false };
        self.take(input, size);
        self.last_from = from;
        out.node(node);
        true
    }

    /// Looks at the strings that follow the first `skip` bytes of `input`, as many as `count`, and appends their nodes.
    /// Gives the bytes of the first, and how many bytes all of it takes, for [`Decoder::pass_over`]; `None`, and no
    /// node, where the decoder is not at rest, or they are not usual.
    pub fn usual_strings<'a>(
        &self,
        input: &'a [u8],
        skip: usize,
        count: u8,
        out: &mut Output,
    ) -> Option<(&'a [u8], usize)> {
        let (mark, mut first, mut at) = (out.mark(), None, skip);
        for _ in 0..count {
            let most = self.limits.reply_bytes.saturating_sub(at as u64);
            let found = scan::value(input.get(at..)?, self.offset + at as u64, most);
            let Some((node, size)) = found.filter(|(node, _)| node.kind == NodeKind::Bulk) else {
                out.rewind(mark);
                return None;
            };
            at += size;
            let end = at.saturating_sub(2);
            first = first.or_else(|| input.get(end.checked_sub(node.size as usize)?..end));
            out.node(node);
        }
        Some((first?, at))
    }

    /// A value of so many bytes was dealt with, while the decoder was at rest.
    pub fn pass_over(&mut self, input: &mut &[u8], size: usize) {
        self.last_from = self.offset;
        self.take(input, size);
    }

    /// Takes one usual value, which may stand inside others.
    pub(super) fn scan(&mut self, input: &mut &[u8], out: &mut Output) -> bool {
        let from = self.value.map_or(self.offset, |value| value.from);
        let most = self.limits.reply_bytes.saturating_sub(self.offset - from);
        let Some((node, size)) = scan::value(input, self.offset, most) else { return false };
        if self.value.is_none() {
            self.value = Some(Value { from, top: None });
        }
        self.take(input, size);
        out.node(node);
        true
    }

    fn take(&mut self, input: &mut &[u8], size: usize) {
        *input = input.get(size..).unwrap_or_default();
        self.offset += size as u64;
        self.state = State::Line { from: self.offset };
    }
}
