//! What a host knows, as far as it is needed to check what the core says.

use std::collections::{BTreeMap, BTreeSet};

use coracle_core::Core;
use coracle_core::effects::Effect;
use coracle_core::output::Progress;
use coracle_core::wire::{EventKind, HELD, NEVER, NodeKind};

use super::PASSWORD;
use super::sent::Sent;

const PART: u8 = EventKind::Part as u8;
const REPLY: u8 = EventKind::Reply as u8;
const RESUBMIT: u8 = EventKind::Resubmit as u8;
const MESSAGE: u8 = EventKind::Message as u8;
const GAP: u8 = EventKind::Gap as u8;
const ENDED: u8 = EventKind::Ended as u8;
const LEASED: u8 = EventKind::Leased as u8;

/// The state of a host without sockets or callers.
#[derive(Default)]
pub struct Watch {
    pub links: BTreeMap<u32, Sent>,
    /// Links that the core opened, open or not: none is opened twice.
    opened: BTreeSet<u32>,
    /// Requests accepted and not ended.
    requests: BTreeSet<u64>,
    pub subscriptions: BTreeSet<u64>,
    pub sessions: BTreeSet<u64>,
    /// Lengths of the arguments that the host holds, in order, of each request of the call under way.
    held: BTreeMap<u64, Vec<u32>>,
}

impl Watch {
    /// Whether a host may give this id to a new request.
    pub fn is_free(&self, id: u64) -> bool {
        !self.requests.contains(&id)
    }

    /// Rows are about to be submitted: gives their ids, and notes what is held.
    pub fn given(&mut self, rows: &[[u64; 4]], mut lengths: &[u32]) -> Vec<u64> {
        self.held.clear();
        for [id, _, counts, _] in rows {
            let (of_row, rest) = lengths.split_at((*counts as u32 as usize).min(lengths.len()));
            self.held.entry(*id).or_default().extend(of_row);
            lengths = rest;
        }
        rows.iter().map(|row| row[0]).collect()
    }

    /// Does what the core asks for, and checks what it says. `given` are the ids of the rows that were submitted.
    pub fn check(&mut self, core: &mut Core, given: &[u64]) -> Progress {
        for effect in core.effects().list() {
            self.effect(core, effect);
        }
        let progress = core.progress();
        assert!(progress.accepted as usize <= given.len(), "more rows were accepted than there were");
        self.requests.extend(given.iter().take(progress.accepted as usize));
        self.events(&progress);
        check_texts(&progress);
        progress
    }

    fn effect(&mut self, core: &Core, effect: &Effect) {
        let (Effect::Send { link, .. }
        | Effect::SendHeld { link, .. }
        | Effect::SendSecret { link, .. }
        | Effect::Close { link }
        | Effect::Open { link, .. }) = effect;
        if let Effect::Open { .. } = effect {
            assert!(self.opened.insert(*link), "link {link} is opened twice");
            self.links.insert(*link, Sent::new());
            return;
        }
        let sent = self.links.get_mut(link).unwrap_or_else(|| panic!("{effect:?} on a link that is closed"));
        match effect {
            Effect::Send { start, end, .. } => {
                let bytes = core.effects().bytes(*start, *end);
                assert_eq!(bytes.len(), end - start);
                sent.bytes(bytes);
            }
            Effect::SendHeld { request, argument, .. } => {
                let length = self.held.get(request).and_then(|lengths| lengths.get(*argument as usize));
                let length = length.unwrap_or_else(|| panic!("{effect:?} of no argument"));
                assert!(length & HELD != 0, "{effect:?} of an argument that is not held");
                sent.held(u64::from(length & !HELD));
            }
            Effect::SendSecret { password, .. } => sent.held(if *password { PASSWORD } else { 0 }),
            Effect::Close { .. } | Effect::Open { .. } => {}
        }
    }

    fn events(&mut self, progress: &Progress) {
        let (rows, odd) = progress.events.as_chunks::<3>();
        assert!(odd.is_empty() && progress.nodes.len().is_multiple_of(2));
        for [head, id, span] in rows {
            let (first, count) = (*span as u32 as usize, (*span >> 32) as usize);
            assert!((first + count) * 2 <= progress.nodes.len(), "an event's nodes are not there");
            match *head as u8 {
                PART => assert!(self.requests.contains(id) || *id == 0 || self.subscriptions.contains(id)),
                REPLY..=RESUBMIT => assert!(self.requests.remove(id), "request {id} ended, but is not open"),
                ENDED => assert!(self.subscriptions.remove(id), "subscription {id} ended, but there is none"),
                MESSAGE..=GAP => assert!(self.subscriptions.contains(id), "a notice for no subscription, {id}"),
                LEASED if *head >> 8 & 0xff_ffff != 0 => {
                    assert!(self.sessions.remove(id), "session {id} is over, but there is none");
                }
                LEASED => assert!(self.sessions.contains(id), "a link for no session, {id}"),
                _ => {}
            }
        }
    }

    /// Everything has been closed: nothing may be left.
    pub fn nothing_left(&self, last: &Progress) {
        assert!(self.requests.is_empty(), "requests never ended: {:?}", self.requests);
        assert!(self.subscriptions.is_empty(), "subscriptions never ended: {:?}", self.subscriptions);
        assert!(self.sessions.is_empty(), "sessions never ended: {:?}", self.sessions);
        assert_eq!(last.wake_at, NEVER, "a client that is closed wants to be woken");
    }
}

fn check_texts(progress: &Progress) {
    for [head, offset] in progress.nodes.as_chunks::<2>().0 {
        let (kind, size) = (*head as u8, (*head >> 16) as usize);
        if kind == NodeKind::Text as u8 {
            let from = *offset as usize;
            let text = progress.texts.get(from..from + size).unwrap();
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
}
