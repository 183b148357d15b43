//! Peers that fall silent: found in time, and no link closed as such that was not.

use coracle_core::client::Traffic;
use coracle_core::wire::NEVER;

use crate::net::Phase;
use crate::requests::Request;
use crate::world::{Check, World, note};

impl World {
    /// Time passed: the core hears of the links whose sockets have come further.
    pub fn elapse(&mut self) -> Check {
        note!(self, "elapsed");
        let mut traffic = Vec::new();
        for at in &self.host.links {
            let conn = &mut self.conns[*at];
            let moved = (conn.written, conn.down.carried);
            if self.plan.shape.quiet_after != NEVER && conn.phase != Phase::Gone && moved != conn.told {
                // What a socket takes of a PING, or behind it, is no sign of life.
                let takes = moved.0 > conn.told.0 && conn.probed.is_none_or(|before| conn.told.0 < before);
                if takes || moved.1 > conn.told.1 {
                    conn.hear(self.now);
                }
                conn.told = moved;
                traffic.push(Traffic { link: conn.link, written: moved.0, received: moved.1, held: false });
            }
        }
        self.call(None, |core, now| core.handle_elapsed(now, &traffic))?;
        self.note_unprobed();
        Ok(())
    }

    /// Within a transaction no PING can be sent: what a socket takes from then on is no sign of life either.
    fn note_unprobed(&mut self) {
        let (now, quiet) = (self.now, self.plan.shape.quiet_after);
        for at in &self.host.links {
            let conn = &mut self.conns[*at];
            let waits = conn.phase == Phase::Open && conn.load.0 > 0 && self.server.sessions[*at].blocked.is_none();
            if waits && conn.probed.is_none() && conn.heard_at.saturating_add(quiet) <= now {
                conn.probed = Some(conn.appended);
            }
        }
    }

    /// A link is gone, and if it was called silent, it was.
    pub fn check_silence(&self, at: usize) -> Check {
        if !self.host.silence {
            return Ok(());
        }
        let (conn, quiet) = (&self.conns[at], self.plan.shape.quiet_after);
        let (link, closed_at) = (conn.link, conn.closed_at);
        if closed_at.saturating_sub(conn.heard_at) < 2 * quiet {
            return Err(format!("link {link} is called silent, and was closed after {} µs", closed_at - conn.heard_at));
        }
        let session = &self.server.sessions[at];
        // A server that reads nothing is silent, whatever it does as soon as it reads.
        let stalled = conn.up.stalled_until.saturating_add(2 * quiet) > closed_at;
        if session.open && session.blocked.is_some() && !conn.frozen && !stalled {
            return Err(format!("link {link} is called silent, and a command blocks on it"));
        }
        Ok(())
    }

    /// Nothing passed for long, and the core asked nobody to wait for that.
    pub fn check_frozen(&self, at: usize) -> Check {
        let (conn, session) = (&self.conns[at], &self.server.sessions[at]);
        let open = matches!(conn.phase, Phase::Open | Phase::Broken) && self.host.links.contains(&at);
        let ready = session.user.is_some() || !session.subscribed.is_empty();
        let asked = conn.asked_at > conn.frozen_at + self.plan.shape.quiet_after;
        let mut waiting = self.host.open.iter().map(|id| &self.host.requests[*id as usize]);
        // One that was to be queued blocks where its MULTI was not sent.
        let may_block = |request: &Request| {
            let mut commands = request.ask.iter().flat_map(|ask| &ask.commands);
            request.blocked_until > conn.frozen_at || commands.any(|words| words[0] == b"BLPOP")
        };
        let blocks = waiting.any(|request| request.conn == Some(at) && may_block(request));
        if open && conn.frozen && ready && !asked && !blocks && !session.is_in_transaction() {
            return Err(format!("link {} is dead since {} µs, and still open", conn.link, self.now - conn.frozen_at));
        }
        Ok(())
    }
}
