//! Answers that mean "not now": nothing was executed, and the request goes out again once it can be.

use crate::client::Core;
use crate::inflight::{Entry, What};
use crate::link::{Link, Purpose, State};
use crate::output::{Nodes, Verdict};
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::wire::{Cause, ClientState, ErrorClass, EventKind, Failure, NEVER};

/// The attempt whose backoff is the longest between two questions to a server that loads: 160 ms.
const MOST_PATIENT: u32 = 4;

impl Core {
    /// The server did not execute this, for a reason that passes.
    pub(crate) fn put_off(&mut self, now: u64, link: u32, entry: Entry, class: ErrorClass, mark: usize) {
        self.out.rewind(mark);
        let text = self.links.iter().find(|candidate| candidate.id == link).map(Link::error_text).unwrap_or_default();
        let cause = match class {
            ErrorClass::Noscript => {
                if let Some(link) = self.links.iter_mut().find(|candidate| candidate.id == link) {
                    link.scripts.clear();
                }
                Cause::None
            }
            ErrorClass::Readonly => {
                self.retire_links(link, Cause::Replica, &text);
                Cause::Replica
            }
            ErrorClass::Noauth => {
                self.retire_links(link, Cause::Denied, &text);
                Cause::Denied
            }
            _ => {
                self.wait_for_loading(now, &text);
                Cause::Loading
            }
        };
        if self.draining.is_some() || entry.deadline <= now {
            self.out.failed(entry.id, Verdict::new(Failure::NotSent, cause), &text);
        } else {
            self.out.notice(EventKind::Resubmit, entry.id);
        }
    }

    /// The server was asked whether it is still loading.
    pub(crate) fn gate_answered(&mut self, now: u64, loading: bool) {
        if loading {
            self.ask_later(now);
        } else if self.connection.state == ClientState::Connecting && self.main().is_some() {
            self.connection.ready(now);
            self.tell_state(Nodes::NONE, Cause::None);
            self.open_hubs(now);
            self.serve_leases(now);
            self.offer_room();
        }
    }

    /// Asks the server whether it is still loading, if it is time.
    pub(crate) fn ask_whether_loading(&mut self, now: u64) {
        if self.connection.gate_at > now || self.connection.gate_at == NEVER {
            return;
        }
        self.connection.gate_at = NEVER;
        let Some(id) = self.main().map(|link| link.id) else { return };
        if self.partial.as_ref().is_some_and(|partial| partial.link == id) {
            return self.ask_later(now);
        }
        let bytes = self.effects.send(id, |out| encode::words(out, &[b"PING"]));
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.wrote(bytes as u64, 0, NEVER, What::Gate);
        }
    }

    /// Closes links that are to end once they have answered.
    pub(crate) fn close_retired(&mut self) {
        let partial = self.partial.as_ref().map(|partial| partial.link);
        let done: Vec<u32> = self
            .links
            .iter()
            .filter(|link| link.retiring && link.state == State::Ready && !link.inflight.has_callers())
            .map(|link| link.id)
            .filter(|id| Some(*id) != partial)
            .collect();
        for id in done {
            self.fail_link(id, Fault { cause: Cause::Lost, text: "it leads to a server that will not do".to_owned() });
        }
    }

    fn wait_for_loading(&mut self, now: u64, text: &str) {
        if self.connection.state != ClientState::Ready {
            return;
        }
        self.connection.hold(now);
        let nodes = self.out.text(text.as_bytes());
        self.tell_state(nodes, Cause::Loading);
        self.ask_later(now);
    }

    fn ask_later(&mut self, now: u64) {
        let attempt = self.connection.held;
        self.connection.held = attempt.saturating_add(1);
        // Never at once, or a server that loads is asked as fast as it can answer.
        self.connection.gate_at = now.saturating_add(self.backoff(attempt.min(MOST_PATIENT))).saturating_add(1000);
    }

    /// This link leads to a server that will not do: nothing new goes on it, nor on the others for commands, and they
    /// close once they have answered. One that is older than the main link tells nothing of that.
    pub(crate) fn retire_links(&mut self, link: u32, cause: Cause, text: &str) {
        let main = self.main().map(|main| main.id).filter(|main| *main > link);
        self.retire_leases(|lease| main.is_none_or(|main| lease.id < main));
        if main.is_some() {
            return;
        }
        for link in self.links.iter_mut().filter(|link| link.state == State::Ready) {
            link.retiring |= link.purpose == Purpose::Main;
        }
        if self.connection.state == ClientState::Ready {
            self.connection.state = ClientState::Connecting;
            let nodes = self.out.text(text.as_bytes());
            self.tell_state(nodes, cause);
        }
    }

    /// These leased links are not leased again: those of sessions close with their release.
    pub(crate) fn retire_leases(&mut self, which: impl Fn(&Link) -> bool) {
        for link in self.links.iter_mut().filter(|link| link.purpose == Purpose::Lease && which(link)) {
            if link.in_session() {
                link.traces.lasting = true;
            } else {
                link.retiring = true;
            }
        }
    }
}
