//! A client: its links, and what happens to them.
//!
//! # Order of calls
//! [`Core::new`] first. Then any of the `handle_*` methods, [`Core::submit`], [`Core::cancel`], [`Core::subscribe`] and
//! [`Core::unsubscribe`], one at a time, `now` never decreasing. After each: do [`Core::effects`] in order, then
//! [`Core::progress`], which readies the core for the next call; or read [`Core::output`], then [`Core::finish`].

use crate::config::{Credentials, Endpoint, Settings, Tracking};
use crate::connection::{After, Connection};
use crate::effects::{Effect, Effects, Level};
use crate::ends::explain_close;
use crate::express::Memo;
use crate::handshake::{Flight, Next};
use crate::inflight::What;
use crate::leases::Leases;
use crate::link::{Link, Purpose, Received, State};
use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Output, Progress, Verdict};
use crate::pubsub::Hubs;
use crate::random::{Random, backoff};
use crate::renewal::Renewal;
use crate::resp::decode::Fault;
use crate::submit::Partial;
use crate::wire::{Cause, ClientState, EventKind, Failure, NEVER};

/// Why the host says that a link closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented in wit/driver.wit")]
pub enum Reason {
    Refused,
    Denied,
    Lost,
    Tls,
    Local,
}

/// How far a link's socket has come.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "documented in wit/driver.wit")]
pub struct Traffic {
    pub link: u32,
    pub written: u64,
    pub received: u64,
    pub held: bool,
}

/// The whole of a client, without I/O.
#[derive(Debug)]
pub struct Core {
    pub(crate) settings: Settings,
    pub(crate) links: Vec<Link>,
    pub(crate) connection: Connection,
    pub(crate) hubs: Hubs,
    pub(crate) leases: Leases,
    pub(crate) renewal: Option<Renewal>,
    pub(crate) partial: Option<Partial>,
    /// The host has requests that were not accepted.
    pub(crate) starved: bool,
    pub(crate) draining: Option<u64>,
    pub(crate) memo: Memo,
    pub(crate) out: Output,
    pub(crate) effects: Effects,
    pub(crate) last_link: u32,
    random: Random,
}

impl Core {
    /// A client that begins to connect.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub fn new(now: u64, settings: Settings) -> Result<Self, String> {
        settings.check()?;
        let mut core = Self {
            random: Random::new(settings.seed),
            settings,
            links: Vec::new(),
            connection: Connection::new(now),
            hubs: Hubs::default(),
            leases: Leases::default(),
            renewal: None,
            partial: None,
            starved: false,
            draining: None,
            memo: Memo::default(),
            out: Output::default(),
            effects: Effects::default(),
            last_link: 0,
        };
        core.open_main(now);
        Ok(core)
    }

    /// What is to be done outside, in order.
    #[must_use]
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// What the last call reports, for who reads it in place.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.out
    }

    /// Ends a call whose output was read in place. Forgets its effects.
    pub fn finish(&mut self) -> Progress {
        self.effects.clear();
        self.out.finish(self.wake_at())
    }

    /// What the last call did. Forgets its effects.
    pub fn progress(&mut self) -> Progress {
        self.effects.clear();
        self.out.take(self.wake_at())
    }

    /// `driver.opened`.
    pub fn handle_opened(&mut self, now: u64, id: u32, credentials: Option<Credentials>) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id && link.state == State::Opening) else {
            return;
        };
        link.state = State::Greeting;
        link.credentials = credentials;
        let mut flight = Flight::new(id, &mut self.effects);
        let ready = link.handshake.begin(&mut flight, &self.settings, credentials);
        let steps = flight.steps;
        note_flight(link, &steps);
        if ready {
            self.link_ready(now, id);
        }
    }

    /// `driver.received`.
    pub fn handle_received(&mut self, now: u64, id: u32, skipped: u64, bytes: &[u8]) {
        self.out.keep_from = NEVER;
        let received = self.receive(now, id, skipped, bytes);
        if let Err(fault) = received.or_else(|fault| if mutant::on(Mutant::KeepLiars) { Ok(()) } else { Err(fault) }) {
            // As a leased link was opened to where the main one leads, that is no place to be any more.
            if fault.cause == Cause::Replica && self.links.iter().any(|link| link.id == id && link.leased()) {
                self.retire_links(id, fault.cause, &fault.text);
            }
            self.fail_link(id, fault);
        }
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id && link.state != State::Closing) {
            link.hear(now, self.partial.as_ref().is_some_and(|partial| partial.link == id));
            (self.out.keep_from, self.out.pass) = link.input_state();
        }
        self.settle_lease(now, id);
        self.close_retired();
        self.continue_renewal();
        self.offer_room();
        self.finish_drain(now);
    }

    /// `driver.closed`.
    pub fn handle_closed(&mut self, now: u64, id: u32, reason: Reason, written: u64, detail: &str) {
        self.stop_tracking(id);
        let Some(at) = self.links.iter().position(|link| link.id == id) else { return };
        let mut link = self.links.swap_remove(at);
        let (cause, why) = explain_close(&link, reason, detail);
        match cause {
            Cause::Cancelled | Cause::Closing => {}
            // What the peer said may hold a value.
            Cause::Protocol => {
                self.effects.log(Level::Warning, format!("link {id} closed: its peer broke the protocol"))
            }
            _ => self.effects.log(Level::Warning, format!("link {id} closed: {why}")),
        }
        self.end_requests(now, &mut link, written, cause, &why);
        match link.purpose {
            Purpose::Main => self.main_closed(now, &link, cause, why),
            Purpose::Hub(hub) => self.hub_closed(now, hub, &link, cause, &why),
            Purpose::Lease => self.lease_closed(now, &link, cause, &why),
        }
        self.open_hubs(now);
        self.serve_leases(now);
        self.continue_renewal();
        self.offer_room();
        self.finish_drain(now);
    }

    /// `driver.elapsed`.
    pub fn handle_elapsed(&mut self, now: u64, traffic: &[Traffic]) {
        self.note_traffic(now, traffic);
        let late: Vec<u32> = self
            .links
            .iter()
            .filter(|link| link.due <= now && link.state != State::Closing)
            .map(|link| link.id)
            .collect();
        for id in late {
            let text = format!("no handshake within connect-timeout, {} ms", self.settings.connect_timeout / 1000);
            self.fail_link(id, Fault { cause: Cause::Unreachable, text });
        }
        self.pass_deadlines(now);
        self.pass_lease_times(now);
        self.retry_main(now);
        self.ask_whether_loading(now);
        self.probe_silent(now);
        self.subscribe_again(now);
        self.open_hubs(now);
        self.close_retired();
        self.finish_drain(now);
    }

    /// `driver.drain`.
    pub fn handle_drain(&mut self, now: u64, deadline: u64) {
        if self.draining.is_none() {
            self.draining = Some(deadline);
            self.connection.retry_at = NEVER;
            self.hubs.end_all("the client is closing", &mut self.out);
            let verdict = Verdict::new(Failure::NotSent, Cause::Closing);
            self.fail_waiting(verdict, "the client is closing");
            self.offer_room();
        }
        self.finish_drain(now);
    }

    /// The link that commands go on, if it is ready.
    pub(crate) fn main(&mut self) -> Option<&mut Link> {
        let at = self.main_at()?;
        self.links.get_mut(at)
    }

    /// The place of that link.
    pub(crate) fn main_at(&self) -> Option<usize> {
        let serves = |link: &Link| link.purpose == Purpose::Main && link.state == State::Ready && !link.retiring;
        self.links.iter().position(serves)
    }

    /// Closes a link, and remembers why. Its requests end when the host says how much was written.
    pub(crate) fn fail_link(&mut self, id: u32, fault: Fault) {
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id && link.state != State::Closing) {
            link.state = State::Closing;
            link.fault = Some(fault);
            self.effects.push(Effect::Close { link: id });
            self.stop_tracking(id);
        }
    }

    /// Opens a link and gives its number.
    pub(crate) fn open_link(&mut self, now: u64, purpose: Purpose, endpoint: Endpoint) -> u32 {
        self.last_link += 1;
        let due = now.saturating_add(self.settings.connect_timeout);
        self.effects.push(Effect::Open { link: self.last_link, endpoint: endpoint.clone() });
        self.links.push(Link::new(self.last_link, purpose, endpoint, due, &self.settings));
        self.last_link
    }

    /// How long to wait before an attempt.
    pub(crate) fn backoff(&mut self, attempt: u32) -> u64 {
        if mutant::on(Mutant::NeverRetry) { NEVER } else { backoff(&mut self.random, attempt) }
    }

    fn receive(&mut self, now: u64, id: u32, skipped: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        let Some(mut at) = self.links.iter().position(|link| link.id == id && link.state != State::Closing) else {
            return Ok(());
        };
        if let Some(link) = self.links.get_mut(at) {
            link.skip(skipped)?;
        }
        loop {
            // Most replies need nothing but their link; what follows from others may move it in the list.
            if self.links.get(at).is_none_or(|link| link.id != id) {
                at = self.links.iter().position(|link| link.id == id).unwrap_or(usize::MAX);
            }
            let Some(link) = self.links.get_mut(at).filter(|link| link.state != State::Closing) else { return Ok(()) };
            link.receive_messages(&mut rest, &self.hubs, &mut self.out)?;
            match link.receive(bytes, &mut rest, &mut self.out)? {
                Received::Handled => {}
                Received::NeedMore => return Ok(()),
                Received::Greeting(step, error) => {
                    let next = link.handshake.answer(step, error);
                    let text = link.error_text();
                    self.greeted(now, id, next, text)?;
                }
                Received::Refused(command, class, mark) => {
                    self.subscription_refused(id, command, class, mark);
                    // Its link may be useless now, and its place of use to another.
                    self.serve_leases(now);
                }
                Received::PutOff(entry, class, mark) => self.put_off(now, id, entry, class, mark),
                Received::Gate(loading) => self.gate_answered(now, loading),
                Received::Renewed(generation, well) => self.renewed(id, generation, well),
                Received::Line(mark) => self.line(id, mark)?,
                Received::Monitors => self.monitors(id),
                Received::Push(mark) => self.push(now, id, bytes, mark)?,
                Received::PassingPush(mark) => self.passing_push(id, bytes, mark),
            }
        }
    }

    fn greeted(&mut self, now: u64, id: u32, next: Next, text: String) -> Result<(), Fault> {
        match next {
            Next::Wait => {}
            Next::Refused(cause) => return Err(Fault { cause, text }),
            Next::Done => self.link_ready(now, id),
            Next::Fallback => {
                self.effects.log(Level::Info, format!("link {id} speaks RESP2, as HELLO was refused: {text}"));
                if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
                    let mut flight = Flight::new(id, &mut self.effects);
                    let credentials = link.credentials;
                    let ready = link.handshake.begin_resp2(&mut flight, &self.settings, credentials);
                    let steps = flight.steps;
                    note_flight(link, &steps);
                    if ready {
                        self.link_ready(now, id);
                    }
                }
            }
        }
        Ok(())
    }

    fn link_ready(&mut self, now: u64, id: u32) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        link.state = State::Ready;
        link.was_ready = true;
        link.due = NEVER;
        link.heard = now;
        match link.purpose {
            Purpose::Main => {
                if self.settings.tracking != Tracking::Off && !link.handshake.tracks {
                    let text = "the server does not tell of changed keys: nothing is stored".to_owned();
                    self.effects.log(Level::Warning, text);
                }
                let endpoint = link.endpoint.clone();
                self.retire_leases(|lease| lease.endpoint != endpoint);
                self.connection.ready(now);
                self.tell_state(Nodes::NONE, Cause::None);
                self.open_hubs(now);
                self.serve_leases(now);
                self.offer_room();
            }
            Purpose::Hub(hub) => {
                self.hubs.link_ready(hub);
                self.subscribe_again(now);
            }
            Purpose::Lease => self.lease_ready(now, id),
        }
    }

    /// Opens the main link if it is time.
    pub(crate) fn retry_main(&mut self, now: u64) {
        if self.connection.retry_at <= now && self.connection.retry_at != NEVER {
            self.open_main(now);
        }
    }

    fn open_main(&mut self, now: u64) {
        self.connection.retry_at = NEVER;
        if self.draining.is_some() {
            return;
        }
        if let Some(endpoint) = self.settings.endpoints.get(self.connection.endpoint).cloned() {
            self.open_link(now, Purpose::Main, endpoint);
        }
    }

    fn main_closed(&mut self, now: u64, link: &Link, cause: Cause, why: String) {
        if self.draining.is_some() {
            return;
        }
        if link.was_ready {
            self.connection.lost(now, link.served);
            let nodes = self.out.text(why.as_bytes());
            self.tell_state(nodes, cause);
            let delay = self.backoff(self.connection.attempts);
            self.connection.retry_at = now.saturating_add(delay);
            return;
        }
        let before = self.connection.state;
        match self.connection.failed(now, self.settings.endpoints.len(), cause, why) {
            After::Next => self.open_main(now),
            After::Wait(attempt) => {
                let delay = self.backoff(attempt);
                self.connection.retry_at = now.saturating_add(delay);
            }
        }
        if self.connection.state != before {
            let why = self.connection.explain(now);
            let nodes = self.out.text(why.as_bytes());
            self.tell_state(nodes, cause);
            self.fail_waiting(Verdict::new(Failure::NotSent, cause), &why);
            self.offer_room();
        }
    }

    pub(crate) fn tell_state(&mut self, nodes: Nodes, cause: Cause) {
        let detail = self.connection.state as u32 | (cause as u32) << 8;
        self.out.event(EventKind::State, detail, 0, self.connection.down_since, nodes);
    }

    fn wake_at(&self) -> u64 {
        let mut at = self.connection.retry_at.min(self.connection.gate_at);
        let (mut main, mut drained) = (false, true);
        for link in self.links.iter().filter(|link| link.state != State::Closing) {
            at = at.min(link.due).min(link.inflight.earliest_deadline());
            at = at.min(self.silent_at(link)).min(self.lease_wake(link));
            main |= link.purpose == Purpose::Main && link.state == State::Ready;
            drained = false;
        }
        // While the client is not ready, hubs wait for that, not for a time: they are looked at when it is.
        let can_open = main && self.connection.state == ClientState::Ready;
        at = at.min(self.hubs.wake_at(can_open)).min(self.leases.wake_at(can_open));
        if drained { at } else { at.min(self.draining.unwrap_or(NEVER)) }
    }
}

fn note_flight(link: &mut Link, steps: &[(crate::handshake::Greeting, u64)]) {
    let from = link.sent;
    for (step, end) in steps {
        let bytes = (from + end).saturating_sub(link.sent);
        link.wrote(bytes, 0, NEVER, What::Greeting(*step));
    }
}
