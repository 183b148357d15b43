//! Whole replies: each ends what is first among what was sent.

use super::{Link, Purpose, Received, Unfinished};
use crate::handshake::Greeting;
use crate::inflight::{Entry, RAW, RUNS, SCRIPT, STORE, What};
use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Output, Verdict};
use crate::pubsub::Kind;
use crate::resp::decode::{Fault, Top};
use crate::wire::{Cause, ErrorClass, EventKind, Failure, NodeKind};

impl Link {
    /// A whole reply: ends what is first in the queue.
    pub(super) fn answer(&mut self, top: Top, fed: &[u8], mark: usize, out: &mut Output) -> Result<Received, Fault> {
        let Some(entry) = self.inflight.pop() else { return Err(self.unasked(top)) };
        let parts = std::mem::take(&mut self.parts);
        let error = if let Top::Error(class) = top { Some(class) } else { None };
        match (entry.what, error) {
            (What::Command, Some(class)) if !parts && self.puts_off(class, &entry) => {
                return Ok(Received::PutOff(entry, class, mark));
            }
            (What::Queued(_), Some(class)) if !parts && self.puts_off(class, &entry) => {
                self.aborted = Some((entry.id, class));
                out.rewind(mark);
            }
            (What::Exec, Some(ErrorClass::Execabort))
                if !parts && self.aborted.is_some_and(|(id, _)| id == entry.id) =>
            {
                let class = self.aborted.take().map_or(ErrorClass::Loading, |(_, class)| class);
                return Ok(Received::PutOff(entry, class, mark));
            }
            (What::Exec, _) if self.has_executed(entry.id) => {
                self.drop_value(parts, mark, out);
                let why = "MULTI was refused, so the transaction's commands were executed one by one";
                out.failed(entry.id, Verdict::new(Failure::MaybeExecuted, Cause::None), why);
            }
            (What::Command | What::Exec, _) => self.give_reply(&entry, error, mark, out),
            (What::Queued(place), Some(_)) => {
                out.event(EventKind::Kept, place, self.id, entry.id, out.since(mark));
            }
            (What::Multi, Some(_)) => {
                self.loose = Some((entry.id, false));
                out.event(EventKind::Kept, 0, self.id, entry.id, out.since(mark));
            }
            (What::Multi | What::Queued(_) | What::Swallow | What::Probe | What::Tidy, _) => {
                if entry.what == What::Multi {
                    self.loose = None;
                } else if self.loose == Some((entry.id, false)) {
                    self.loose = Some((entry.id, !self.is_queued(fed, mark, out)));
                }
                self.drop_value(parts, mark, out);
            }
            (What::Caching, error) => {
                out.rewind(mark);
                if let Some(next) = self.inflight.front_mut().filter(|_| error.is_some()) {
                    next.flags &= !STORE;
                }
            }
            (what, error) => return self.answer_of_ours(what, entry.id, error, fed, mark, out),
        }
        Ok(Received::Handled)
    }

    /// The reply to what the core sent for itself, which the client acts on.
    fn answer_of_ours(
        &mut self,
        what: What,
        id: u64,
        error: Option<ErrorClass>,
        fed: &[u8],
        mark: usize,
        out: &mut Output,
    ) -> Result<Received, Fault> {
        let received = match (what, error) {
            (What::Greeting(step), _) => {
                self.check_role(step, fed, mark, out)?;
                Received::Greeting(step, error)
            }
            (What::Gate, _) => Received::Gate(error == Some(ErrorClass::Loading)),
            (What::Renewal, _) => Received::Renewed(id as u32, error.is_none()),
            (What::Subscribe(Kind::Monitor, ..), None) => Received::Monitors,
            (What::Subscribe(_, names, number), Some(class)) => {
                return Ok(Received::Refused((number, names), class, mark));
            }
            _ => {
                return Err(Fault {
                    cause: Cause::Protocol,
                    text: "a subscription was answered by what is no confirmation".to_owned(),
                });
            }
        };
        out.rewind(mark);
        Ok(received)
    }

    /// A reply for who asked.
    fn give_reply(&mut self, entry: &Entry, error: Option<ErrorClass>, mark: usize, out: &mut Output) {
        self.served = true;
        if entry.flags & RAW != 0 {
            self.give_raw(out);
        }
        let store = entry.flags & STORE != 0 && error.is_none();
        out.event(EventKind::Reply, u32::from(store), self.id, entry.id, out.since(mark));
    }

    /// Nobody is to have this value, of which parts may have left.
    fn drop_value(&self, parts: bool, mark: usize, out: &mut Output) {
        out.rewind(mark);
        if parts {
            out.event(EventKind::Discard, 0, self.id, 0, Nodes::NONE);
        }
    }

    fn unasked(&self, top: Top) -> Fault {
        let text = match top {
            Top::Error(_) => format!("the server said, unasked: {}", self.error_text()),
            _ => "a reply came that nothing was asked for".to_owned(),
        };
        Fault { cause: Cause::Protocol, text }
    }

    /// A step of the handshake was answered: a link on which a primary is wanted must not lead to a replica. One that
    /// leads to a primary is to do so for good.
    fn check_role(&mut self, step: Greeting, fed: &[u8], mark: usize, out: &mut Output) -> Result<(), Fault> {
        let role = self.role(step, fed, mark, out);
        let (leads, replica) = (role == Some(b"master"), matches!(role, Some(b"replica" | b"slave")));
        self.unfinished = Unfinished::default();
        out.rewind(mark);
        let of_commands = matches!(self.purpose, Purpose::Main | Purpose::Lease);
        let matters = self.primary && of_commands && !mutant::on(Mutant::TakeReplicas);
        if replica && matters {
            return Err(Fault { cause: Cause::Replica, text: "it is a replica".to_owned() });
        }
        self.primary |= leads;
        Ok(())
    }

    /// Whether this error means: not executed, and it will pass.
    fn puts_off(&self, class: ErrorClass, entry: &Entry) -> bool {
        if entry.flags & RUNS != 0 && !class.is_servers_own(self.decoder.error_text()) {
            return false;
        }
        match class {
            ErrorClass::Noscript => entry.flags & SCRIPT != 0,
            _ if self.in_session() => false,
            ErrorClass::Loading => true,
            ErrorClass::Readonly => self.primary,
            ErrorClass::Noauth => self.credentials.is_some(),
            _ => false,
        }
    }

    /// Whether the reply, whose node is at the mark, is QUEUED: a MULTI that a session's caller sent holds what ours,
    /// which was refused for it, does not.
    fn is_queued(&self, fed: &[u8], mark: usize, out: &Output) -> bool {
        const QUEUED: &[u8] = b"QUEUED";
        let Some([head, offset, ..]) = out.nodes.get(mark * 2..) else { return false };
        let is_it = *head as u8 == NodeKind::Status as u8 && head >> 16 == QUEUED.len() as u64;
        // What came in two calls is not at hand here any more.
        is_it && self.text(fed, *offset, QUEUED.len() as u64).is_none_or(|text| text == QUEUED)
    }

    /// What the server calls itself in HELLO's answer or ROLE's, whose nodes begin at the mark.
    fn role<'a>(&'a self, step: Greeting, fed: &'a [u8], mark: usize, out: &Output) -> Option<&'a [u8]> {
        let rows = out.nodes.get(mark * 2..).unwrap_or_default().as_chunks::<2>().0;
        let text = |row: &[u64; 2]| match row[0] as u8 {
            kind if kind == NodeKind::Bulk as u8 || kind == NodeKind::Status as u8 => {
                self.text(fed, row[1], row[0] >> 16)
            }
            _ => None,
        };
        match step {
            Greeting::Hello => rows.windows(2).find_map(|pair| match pair {
                [key, value] if text(key) == Some(b"role") => text(value),
                _ => None,
            }),
            Greeting::Role => rows.get(1).and_then(text),
            _ => None,
        }
    }
}
