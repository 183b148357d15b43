//! Links whose peer fell silent: a PING tells whether it lives.

use crate::client::Core;
use crate::inflight::What;
use crate::link::{Link, State};
use crate::mutant::{self, Mutant};
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::wire::{Cause, NEVER};

use crate::client::Traffic;

impl Core {
    /// Bytes moved on these links: a large value that takes its time is not silence.
    pub(crate) fn note_traffic(&mut self, now: u64, traffic: &[Traffic]) {
        for moved in traffic {
            let Some(link) = self.links.iter_mut().find(|link| link.id == moved.link) else { continue };
            let (written, received) = link.traffic;
            link.traffic = (moved.written, moved.received);
            // That the socket took the PING itself, or what is behind it, says nothing of the peer.
            let takes = moved.written > written && link.probed.is_none_or(|before| written < before);
            if takes || moved.received > received || moved.held {
                link.hear(now, self.partial.as_ref().is_some_and(|partial| partial.link == link.id));
            }
        }
    }

    /// Sends a PING where nothing came for long, and closes the link where that had no answer.
    pub(crate) fn probe_silent(&mut self, now: u64) {
        let silent: Vec<u32> =
            self.links.iter().filter(|link| self.silent_at(link) <= now).map(|link| link.id).collect();
        for id in silent {
            let partial = self.partial.as_ref().is_some_and(|partial| partial.link == id);
            let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { continue };
            // Between the parts of a request, or within a transaction, a PING would become part of it.
            let closed_to_us = partial || link.traces.multi;
            if link.probed.is_some() && !mutant::on(Mutant::KeepSilent) {
                let seconds = self.settings.quiet_after / 1_000_000;
                let text = format!("nothing came for twice {seconds} s, not even an answer to PING");
                self.fail_link(id, Fault { cause: Cause::Silent, text });
            } else if closed_to_us && link.inflight.len() == 0 {
                link.heard = now;
            } else {
                (link.probed, link.heard) = (Some(link.sent), now);
                if !closed_to_us {
                    let bytes = self.effects.send(id, |out| encode::words(out, &[b"PING"]));
                    if mutant::on(Mutant::MistakeProbes) {
                        link.sent += bytes as u64;
                    } else {
                        link.wrote(bytes as u64, 0, NEVER, What::Probe);
                    }
                }
            }
        }
    }

    /// When a link counts as silent: since it was last heard, or since it was sent a PING.
    pub(crate) fn silent_at(&self, link: &Link) -> u64 {
        if link.state != State::Ready {
            return NEVER;
        }
        link.heard.saturating_add(self.settings.quiet_after)
    }
}
