//! New credentials on links that are ready: they authenticate again in place.

use crate::client::Core;
use crate::config::Credentials;
use crate::handshake::Flight;
use crate::inflight::What;
use crate::link::{Link, Purpose, State};
use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Verdict};
use crate::wire::{Cause, ClientState, EventKind, Failure, NEVER};

/// A renewal that not all links have answered.
#[derive(Debug)]
pub struct Renewal {
    generation: u32,
    /// What the first server that refused said.
    refused: Option<String>,
}

impl Core {
    /// `driver.renew`.
    pub fn handle_renew(&mut self, now: u64, credentials: Credentials) {
        self.renewal = Some(Renewal { generation: credentials.generation, refused: None });
        // One that is in its handshake was greeted with what was known then.
        let greeting = |state| state == State::Greeting && !mutant::on(Mutant::SkipGreeting);
        for link in self.links.iter_mut().filter(|link| link.state == State::Ready || greeting(link.state)) {
            link.renew = Some(credentials);
        }
        if matches!(self.connection.state, ClientState::Denied | ClientState::Down) && self.connection.retry_at != NEVER
        {
            self.connection.retry_at = now;
            self.retry_main(now);
        }
        self.continue_renewal();
    }

    /// Authenticates where that waited for the end of a transaction, and says when all have answered.
    pub(crate) fn continue_renewal(&mut self) {
        if self.renewal.is_none() {
            return;
        }
        let partial = self.partial.as_ref().map(|partial| partial.link);
        for link in &mut self.links {
            let keeps = takes_no_auth(link.purpose, link.handshake.resp3) || link.traces.auth;
            link.renew.take_if(|_| keeps && link.state == State::Ready);
            let closed_to_us = link.traces.multi && !mutant::on(Mutant::RenewInTransactions);
            let free = Some(link.id) != partial && !closed_to_us && link.state == State::Ready;
            if let Some(credentials) = link.renew.take_if(|_| free) {
                let mut flight = Flight::new(link.id, &mut self.effects);
                flight.auth(credentials);
                let bytes = flight.bytes;
                link.credentials = Some(credentials);
                link.wrote(bytes, u64::from(credentials.generation), NEVER, What::Renewal);
            }
        }
        let waits = |link: &Link| {
            let open = matches!(link.state, State::Greeting | State::Ready);
            open && (link.renew.is_some() || link.inflight.has_renewal())
        };
        if self.links.iter().any(waits) {
            return;
        }
        let Some(Renewal { generation, refused }) = self.renewal.take() else { return };
        match refused {
            None => self.out.notice(EventKind::Renewed, u64::from(generation)),
            Some(why) => {
                let nodes: Nodes = self.out.text(why.as_bytes());
                let detail = Verdict::new(Failure::Refused, Cause::Denied).of_ended();
                self.out.event(EventKind::Renewed, detail, 0, u64::from(generation), nodes);
            }
        }
    }

    /// A link has answered.
    pub(crate) fn renewed(&mut self, link: u32, generation: u32, well: bool) {
        let text = self.links.iter().find(|candidate| candidate.id == link).map(Link::error_text);
        if let Some(renewal) = self.renewal.as_mut().filter(|renewal| renewal.generation == generation)
            && !well
        {
            renewal.refused.get_or_insert(text.unwrap_or_default());
        }
    }
}

/// On RESP2 a link that has subscribed takes no AUTH, and goes on with what it had.
fn takes_no_auth(purpose: Purpose, resp3: bool) -> bool {
    !resp3 && matches!(purpose, Purpose::Hub(_))
}
