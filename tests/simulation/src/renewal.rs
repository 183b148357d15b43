//! Passwords that change while links are open.

use crate::net::Phase;
use crate::world::{Check, Event, World, note};

/// What the host knows of the renewal that it asked for last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renewing {
    /// There is none.
    #[default]
    No,
    /// Not all links have answered.
    Asked,
    /// All have, well or not.
    Told(bool),
}

impl World {
    /// The server takes a new password from now on, and the old ones for a while, or for ever.
    pub fn renew(&mut self, forget: Option<u64>) -> Check {
        self.host.generation += 1;
        let generation = self.host.generation;
        self.server.newest = generation;
        if let Some(time) = forget {
            self.after(time, Event::Outdated(generation));
        }
        note!(self, "credentials {generation}");
        self.host.renewing = Renewing::Asked;
        self.count("renewals");
        let credentials = self.credentials();
        self.call(None, |core, now| core.handle_renew(now, credentials))
    }

    /// `renewed`: once, and of the last credentials only.
    pub fn renewed(&mut self, generation: u64, well: bool) -> Check {
        note!(self, "credentials {generation} are renewed{}", if well { "" } else { ", or not" });
        if generation != u64::from(self.host.generation) || self.host.renewing != Renewing::Asked {
            return Err(format!(
                "credentials {generation} are renewed, of {} which are {:?}",
                self.host.generation, self.host.renewing
            ));
        }
        self.host.renewing = Renewing::Told(well);
        Ok(())
    }

    /// Long after: it was told, and if it went well, no link has others.
    pub fn check_renewed(&self) -> Check {
        if self.host.renewing == Renewing::Asked {
            return Err(format!("nobody was told whether credentials {} are renewed", self.host.generation));
        }
        if self.host.renewing != Renewing::Told(true) {
            return Ok(());
        }
        for at in &self.host.links {
            let (conn, session) = (&self.conns[*at], &self.server.sessions[*at]);
            // On RESP2 a link that is there to subscribe takes no AUTH.
            let takes_none = !session.resp3 && session.user.is_none();
            if conn.phase == Phase::Open && session.generation != self.host.generation && !takes_none {
                let (link, generation) = (conn.link, session.generation);
                return Err(format!("link {link} has credentials {generation} still, not {}", self.host.generation));
            }
        }
        Ok(())
    }
}
