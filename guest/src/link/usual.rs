//! Usual replies to usual commands, one after the other: what `input.rs` would do with them, and nothing else.

use super::{Link, State};
use crate::inflight::{RAW, STORE, What};
use crate::output::Output;
use crate::wire::EventKind;

/// Replies that room is made for at once; if there are more, it grows.
const AT_ONCE: usize = 128;

impl Link {
    /// Reads replies as long as they are usual, and ends their requests.
    pub(super) fn receive_usual(&mut self, input: &mut &[u8], out: &mut Output) {
        if self.state != State::Ready || self.monitors || input.is_empty() || !self.decoder.is_at_rest() {
            return;
        }
        out.reserve(self.inflight.len().min(AT_ONCE));
        while let Some(entry) =
            self.inflight.front().filter(|entry| entry.what == What::Command && entry.flags & RAW == 0)
        {
            let (store, mark) = (entry.flags & STORE != 0, out.mark());
            if !self.decoder.next_usual(input, out) {
                return;
            }
            let Some(entry) = self.inflight.pop() else { return };
            self.served = true;
            out.event(EventKind::Reply, u32::from(store), self.id, entry.id, out.since(mark));
        }
    }
}
