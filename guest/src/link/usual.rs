//! Usual replies to usual commands, and usual messages, one after the other: what `input.rs` and `subscriptions.rs`
//! would do with them, and nothing else.

use super::{Link, Purpose};
use crate::inflight::{RAW, STORE, What};
use crate::output::{Node, Output};
use crate::pubsub::{Hubs, Kind};
use crate::resp::decode::Fault;
use crate::wire::{Cause, EventKind, NodeKind};

/// Replies that room is made for at once; if there are more, it grows.
const AT_ONCE: usize = 128;

/// How a message begins behind its first byte, and the strings that follow: the name, and what its subscribers get.
const MESSAGES: [(Kind, &[u8], u8); 3] = [
    (Kind::Channel, b"3\r\n$7\r\nmessage\r\n", 2),
    (Kind::Pattern, b"4\r\n$8\r\npmessage\r\n", 3),
    (Kind::Shard, b"3\r\n$8\r\nsmessage\r\n", 2),
];

/// Subscriptions of one name that need no look at the bound: the shortest messages of a call make fewer rows.
const FEW: usize = 32;
/// Most words of event rows that a call may have before one more message: 3 MiB.
const MOST_WORDS: usize = 3 << 17;

/// Whether a call's rows leave room for those of one more message.
///
/// # Errors
/// They do not.
pub fn has_room(out: &Output) -> Result<(), Fault> {
    if out.events.len() <= MOST_WORDS {
        return Ok(());
    }
    Err(Fault { cause: Cause::TooLarge, text: "messages came faster than so many subscriptions take them".to_owned() })
}

impl Link {
    /// Reads messages as long as they are usual and somebody wants them, and says them.
    ///
    /// # Errors
    /// There are too many, for how many want them.
    pub fn receive_messages(&mut self, input: &mut &[u8], hubs: &Hubs, out: &mut Output) -> Result<(), Fault> {
        let Purpose::Hub(hub) = self.purpose else { return Ok(()) };
        if !self.decoder.is_at_rest() {
            return Ok(());
        }
        let mut last: (Kind, &[u8], &[u64]) = (Kind::Channel, &[], &[]);
        loop {
            let mark = out.mark();
            let Some((kind, name, size)) = self.next_message(input, out) else { return Ok(()) };
            // Mostly, they are of few names.
            if last.2.is_empty() || (last.0, last.1) != (kind, name) {
                last = (kind, name, hubs.audience(hub, kind, name));
            }
            if last.2.is_empty() {
                out.rewind(mark);
                return Ok(());
            }
            self.decoder.pass_over(input, size);
            Hubs::say(last.2, self.id, out.since(mark), out);
            if last.2.len() > FEW {
                has_room(out)?;
            }
        }
    }

    /// The message that `input` begins with, if it is a usual one: whose it is, the name and its bytes in all. Its
    /// nodes are appended.
    fn next_message<'a>(&self, input: &&'a [u8], out: &mut Output) -> Option<(Kind, &'a [u8], usize)> {
        let (first, rest) = input.split_first()?;
        if *first != if self.handshake.resp3 { b'>' } else { b'*' } {
            return None;
        }
        let (kind, begin, strings) = MESSAGES.iter().find(|(_, begin, _)| rest.starts_with(begin))?;
        let mark = out.mark();
        out.node(Node::aggregate(NodeKind::Array, u64::from(*strings)));
        match self.decoder.usual_strings(input, begin.len() + 1, *strings, out) {
            Some((name, size)) => Some((*kind, name, size)),
            None => {
                out.rewind(mark);
                None
            }
        }
    }

    /// Reads replies as long as they are usual, and ends their requests.
    pub(super) fn receive_usual(&mut self, input: &mut &[u8], out: &mut Output) {
        if input.is_empty() || !self.decoder.is_at_rest() {
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
