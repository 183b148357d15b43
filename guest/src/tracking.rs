//! Client-side caching: which replies a host may store, and when it has to forget them.
//!
//! The server tells of changed keys on the link that the reads went on, in the order of its work: a reply that shows
//! what a key was before a change comes before the word of that change. So a host that does as the rows say, in their
//! order, never keeps a value that it was told of already.

use crate::client::Core;
use crate::commands::{Command, Flags};
use crate::config::{Settings, Tracking};
use crate::effects::Effects;
use crate::inflight::What;
use crate::link::Link;
use crate::output::{Node, Nodes, Output};
use crate::resp::encode;
use crate::rows::Arguments;
use crate::wire::{EventKind, NEVER, NodeKind};

/// Whether this command's reply could be stored: it reads one key, its argument 1, and that is all that its reply hangs
/// on.
pub fn can_be_stored(tracking: &Tracking, command: &Command, arguments: &Arguments<'_>) -> bool {
    let keys = command.keys;
    let one_key = keys.first == 1 && keys.last == 1 && !command.flags.has(Flags::MOVABLE_KEYS);
    let reads = command.flags.has(Flags::READONLY) && !command.flags.has(Flags::VARIES) && one_key;
    match tracking {
        Tracking::Off => false,
        Tracking::OptIn => reads,
        Tracking::Broadcast(prefixes) => {
            let told = |key: &[u8]| prefixes.is_empty() || prefixes.iter().any(|prefix| key.starts_with(prefix));
            reads && arguments.second().is_some_and(told)
        }
    }
}

/// Writes what makes the server remember the keys of the next command, where that is needed. `false`: it can't.
pub fn begin(link: &mut Link, effects: &mut Effects, settings: &Settings) -> bool {
    if !link.handshake.tracks {
        return false;
    }
    if settings.tracking == Tracking::OptIn {
        let bytes = effects.send(link.id, |out| encode::words(out, &[b"CLIENT", b"CACHING", b"YES"]));
        link.wrote(bytes as u64, 0, NEVER, What::Caching);
    }
    true
}

impl Core {
    /// The server says which keys have changed: a push whose nodes begin at the mark.
    pub(crate) fn invalidated(&mut self, link: u32, mark: usize) {
        strip_word(mark, &mut self.out);
        if is_list_of_keys(mark, &self.out) {
            let nodes = self.out.since(mark);
            self.out.event(EventKind::Invalidate, 0, link, 0, nodes);
        } else {
            self.out.rewind(mark);
            self.forget_all();
        }
    }

    /// Whatever is stored can't be relied on any more.
    pub(crate) fn forget_all(&mut self) {
        let mark = self.out.mark();
        self.out.node(Node::scalar(NodeKind::Nil, 0));
        let nodes: Nodes = self.out.since(mark);
        self.out.event(EventKind::Invalidate, 0, 0, 0, nodes);
    }

    /// Nothing is read from this link any more: what it would have told is not heard.
    pub(crate) fn stop_tracking(&mut self, id: u32) {
        let link = self.links.iter_mut().find(|link| link.id == id);
        if link.is_some_and(|link| std::mem::take(&mut link.handshake.tracks)) {
            self.forget_all();
        }
    }
}

/// Takes the push's head and its first word away: what is left is what it says.
fn strip_word(mark: usize, out: &mut Output) {
    let from = (mark * 2).min(out.nodes.len());
    let to = (from + 4).min(out.nodes.len());
    out.nodes.drain(from..to);
}

fn is_list_of_keys(mark: usize, out: &Output) -> bool {
    let kind = |head: u64, kind: NodeKind| head as u8 == kind as u8;
    let rows = out.nodes.get(mark * 2..).unwrap_or_default().as_chunks::<2>().0;
    match rows.split_first() {
        Some(([head, _], [])) if kind(*head, NodeKind::Nil) => true,
        Some(([head, _], keys)) if kind(*head, NodeKind::Array) => {
            keys.iter().all(|[head, _]| kind(*head, NodeKind::Bulk))
        }
        _ => false,
    }
}
