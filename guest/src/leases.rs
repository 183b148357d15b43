//! Links for one caller at a time: sessions, and commands that block or that the table does not know.
//!
//! Whoever needs one waits in order. A session is told that it has its link; a request is asked for again, as its
//! arguments were not kept, and finds the link reserved.

use std::collections::VecDeque;

use crate::client::Core;
use crate::inflight::What;
use crate::link::{Holder, Link, Purpose, State, Traces};
use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Verdict};
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::wire::{Cause, ClientState, EventKind, Failure, NEVER};

/// How long a link is kept for a request that was asked for again. Microseconds.
const RESERVED: u64 = 1_000_000;
/// Rounds of failures to open links, in a row, after which nobody is let wait for one any longer.
const PATIENCE: u32 = 3;

/// No session's number: of one that was released while its link closed.
const NOBODY: u32 = 0;

/// Who waits for links, and when to open the next one.
#[derive(Debug)]
pub struct Leases {
    waiting: VecDeque<Waiting>,
    /// When to try again after a failure, else `NEVER`.
    retry_at: u64,
    /// Rounds of links that failed in a row.
    attempts: u32,
    /// The last link that was there when a round failed: what else fails of those up to it is of that round.
    round: u32,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    who: Who,
    deadline: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Session(u32),
    Request(u64),
}

impl Default for Leases {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), retry_at: NEVER, attempts: 0, round: 0 }
    }
}

impl Leases {
    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When to look at them next.
    #[must_use]
    pub fn wake_at(&self, can_open: bool) -> u64 {
        if self.waiting.is_empty() {
            return NEVER;
        }
        let deadlines = self.waiting.iter().map(|waiting| waiting.deadline);
        let retry_at = if can_open { self.retry_at } else { NEVER };
        deadlines.chain([retry_at]).min().unwrap_or(NEVER)
    }

    /// This request needs no link any more.
    pub fn forget(&mut self, request: u64) {
        self.waiting.retain(|waiting| waiting.who != Who::Request(request));
    }

    fn waits(&self, who: Who) -> bool {
        self.waiting.iter().any(|waiting| waiting.who == who)
    }
}

impl Core {
    /// `commands.lease`.
    pub fn lease(&mut self, now: u64, session: u32, deadline: u64) {
        if session == NOBODY || self.leases.waits(Who::Session(session)) || self.session_link(session).is_some() {
            let verdict = Verdict::new(Failure::Misuse, Cause::Usage);
            return self.tell_session(session, verdict, "a session's number is 0, or in use");
        }
        match self.refusal(now) {
            Some((verdict, why)) => self.tell_session(session, verdict, &why),
            None if self.leases.waiting() >= self.settings.limits.queued as usize => {
                let verdict = Verdict::new(Failure::Limit, Cause::None);
                self.tell_session(session, verdict, "as many as limits.queued wait for a link already");
            }
            None => {
                self.leases.waiting.push_back(Waiting { who: Who::Session(session), deadline });
                self.serve_leases(now);
            }
        }
    }

    /// `commands.release`.
    pub fn release(&mut self, now: u64, session: u32) {
        self.end_session(now, session);
        self.finish_drain(now);
    }

    fn end_session(&mut self, now: u64, session: u32) {
        self.leases.waiting.retain(|waiting| waiting.who != Who::Session(session));
        let Some(id) = self.session_link(session) else { return self.forget_session(session) };
        let partial = self.partial.take_if(|partial| partial.link == id);
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let busy = link.inflight.len() > 0 || partial.is_some();
        let verdict = Verdict::new(Failure::MaybeExecuted, Cause::Cancelled);
        link.inflight.swallow(|entry| {
            self.out.failed(entry.id, verdict, "its session was released");
            true
        });
        if let Some(partial) = partial {
            let verdict = Verdict::new(Failure::NotSent, Cause::Cancelled);
            self.out.failed(partial.id, verdict, "its session was released");
        }
        let Traces { multi, watching, lasting, .. } = std::mem::take(&mut link.traces);
        link.holder = Holder::Idle(now);
        if busy || lasting {
            let text = "its session left what can't be taken back".to_owned();
            return self.fail_link(id, Fault { cause: Cause::Cancelled, text });
        }
        if (multi || watching) && !mutant::on(Mutant::ForgetDiscard) {
            // DISCARD ends what is watched too, unless the server had refused MULTI.
            for (_, undo) in [(multi, &b"DISCARD"[..]), (watching, b"UNWATCH")].into_iter().filter(|(left, _)| *left) {
                let bytes = self.effects.send(id, |out| encode::words(out, &[undo]));
                link.wrote(bytes as u64, 0, NEVER, What::Tidy);
            }
            link.holder = Holder::Request(0, NEVER);
        }
        self.serve_leases(now);
    }

    /// The session is over while its link closes: nobody is to be told when it has.
    fn forget_session(&mut self, session: u32) {
        let holds = |link: &&mut Link| link.purpose == Purpose::Lease && link.holder == Holder::Session(session);
        if let Some(link) = self.links.iter_mut().find(holds) {
            link.holder = Holder::Session(NOBODY);
        }
    }

    /// A link for a request that needs one for itself, if there is one now.
    pub(crate) fn link_for_request(&mut self, request: u64) -> Option<u32> {
        let idle = |link: &Link| is_free(link) && matches!(link.holder, Holder::Idle(_));
        let waiting = self.leases.waiting() > 0;
        let link = self.links.iter_mut().find(|link| is_reserved(link, request) || !waiting && idle(link))?;
        link.holder = Holder::Request(request, NEVER);
        Some(link.id)
    }

    /// Whether this request would be one too many of those who wait for a link.
    pub(crate) fn crowds_out(&self, request: u64) -> bool {
        let full = self.leases.waiting() >= self.settings.limits.queued as usize;
        full && !self.has_reserved(request)
    }

    /// Whether a link is kept for this request.
    pub(crate) fn has_reserved(&self, request: u64) -> bool {
        self.links.iter().any(|link| is_reserved(link, request))
    }

    /// Lets a request wait for a link; it will be asked for again.
    pub(crate) fn park(&mut self, now: u64, request: u64, deadline: u64) {
        self.leases.waiting.push_back(Waiting { who: Who::Request(request), deadline });
        self.serve_leases(now);
    }

    /// The session's link.
    pub(crate) fn session_link(&self, session: u32) -> Option<u32> {
        let holds = |link: &&Link| link.purpose == Purpose::Lease && link.holder == Holder::Session(session);
        self.links.iter().filter(|link| link.state == State::Ready).find(holds).map(|link| link.id)
    }

    /// Gives free links to those who wait, and opens more if some are left.
    pub(crate) fn serve_leases(&mut self, now: u64) {
        while let Some(Waiting { who, .. }) = self.leases.waiting.front().copied() {
            let idle = |link: &&mut Link| {
                let shared = mutant::on(Mutant::ShareLeases) && matches!(link.holder, Holder::Session(_));
                is_free(link) && (matches!(link.holder, Holder::Idle(_)) || shared)
            };
            let Some(link) = self.links.iter_mut().find(idle) else { break };
            self.leases.waiting.pop_front();
            match who {
                Who::Session(session) => {
                    link.holder = Holder::Session(session);
                    self.out.notice(EventKind::Leased, u64::from(session));
                }
                Who::Request(request) => {
                    link.holder = Holder::Request(request, now.saturating_add(RESERVED));
                    self.out.notice(EventKind::Resubmit, request);
                    self.let_go_no_more(request);
                }
            }
        }
        self.open_leases(now);
    }

    /// A leased link has answered all that was asked on it: it may be free again.
    pub(crate) fn settle_lease(&mut self, now: u64, id: u32) {
        let partial = self.partial.as_ref().is_some_and(|partial| partial.link == id);
        let Some(link) = self.links.iter_mut().find(|link| link.id == id && link.state == State::Ready) else { return };
        if link.purpose != Purpose::Lease || link.inflight.len() > 0 || partial {
            return;
        }
        if matches!(link.holder, Holder::Request(_, NEVER)) {
            link.holder = Holder::Idle(now);
            if link.traces.lasting && !mutant::on(Mutant::KeepTainted) {
                let text = "nobody knows what its last command left behind".to_owned();
                self.fail_link(id, Fault { cause: Cause::Cancelled, text });
            }
        }
        // Also when it was the core's own question that was answered: while it was open, the link was not free.
        self.serve_leases(now);
    }

    /// A leased link is past its handshake.
    pub(crate) fn lease_ready(&mut self, now: u64, id: u32) {
        (self.leases.attempts, self.leases.retry_at) = (0, NEVER);
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.holder = Holder::Idle(now);
        }
        self.serve_leases(now);
    }

    /// A leased link is gone, and a session with it.
    pub(crate) fn lease_closed(&mut self, now: u64, link: &Link, cause: Cause, why: &str) {
        if let Holder::Session(session) = link.holder
            && session != NOBODY
        {
            self.tell_session(session, Verdict::new(Failure::NotSent, cause), why);
        }
        if !link.was_ready {
            if link.id > self.leases.round {
                let attempt = self.leases.attempts;
                self.leases.attempts = attempt.saturating_add(1);
                self.leases.retry_at = now.saturating_add(self.backoff(attempt));
                self.leases.round = self.last_link;
            }
            if self.leases.attempts >= PATIENCE || cause == Cause::Denied {
                self.fail_waiting(Verdict::new(Failure::NotSent, cause), why);
                self.leases.attempts = 0;
            }
        }
        self.serve_leases(now);
    }

    /// Ends everybody's wait.
    pub(crate) fn fail_waiting(&mut self, verdict: Verdict, why: &str) {
        for waiting in std::mem::take(&mut self.leases.waiting) {
            self.fail_waiter(waiting.who, verdict, why);
        }
    }

    /// Time passed: who waited too long, which link was kept in vain, which is of no use.
    pub(crate) fn pass_lease_times(&mut self, now: u64) {
        let waits = |waiting: &Waiting| waiting.deadline > now || mutant::on(Mutant::IgnoreWaiters);
        let late: Vec<Who> =
            self.leases.waiting.iter().filter(|waiting| !waits(waiting)).map(|waiting| waiting.who).collect();
        self.leases.waiting.retain(waits);
        for who in late {
            let verdict = Verdict::new(Failure::NotSent, Cause::Deadline);
            self.fail_waiter(who, verdict, "the deadline passed before a link became free");
        }
        let mut useless = Vec::new();
        for link in self.links.iter_mut().filter(|link| is_free(link)) {
            match link.holder {
                Holder::Request(_, until) if until <= now && !mutant::on(Mutant::KeepReserved) => {
                    link.holder = Holder::Idle(now)
                }
                Holder::Idle(since) if since.saturating_add(self.settings.idle_timeout) <= now => useless.push(link.id),
                _ => {}
            }
        }
        for id in useless {
            self.fail_link(id, Fault { cause: Cause::Cancelled, text: "it was not used".to_owned() });
        }
        self.serve_leases(now);
    }

    /// When a leased link is to be looked at.
    pub(crate) fn lease_wake(&self, link: &Link) -> u64 {
        match link.holder {
            _ if !is_free(link) => NEVER,
            Holder::Idle(since) => since.saturating_add(self.settings.idle_timeout),
            Holder::Request(_, until) => until,
            Holder::Session(_) => NEVER,
        }
    }

    /// These requests need no link any more. Those that wait for one end here.
    pub(crate) fn cancel_waiting(&mut self, now: u64, requests: &[u64]) {
        if self.leases.waiting.is_empty() && !self.links.iter().any(|link| link.purpose == Purpose::Lease) {
            return;
        }
        let gone = |who: Who| matches!(who, Who::Request(id) if requests.contains(&id));
        let out = &mut self.out;
        self.leases.waiting.retain(|waiting| {
            let gone = gone(waiting.who);
            if let (true, Who::Request(id)) = (gone, waiting.who) {
                out.failed(id, Verdict::new(Failure::NotSent, Cause::Cancelled), "cancelled before it was sent");
            }
            !gone
        });
        for link in self.links.iter_mut().filter(|link| is_free(link)) {
            if matches!(link.holder, Holder::Request(id, _) if requests.contains(&id)) {
                link.holder = Holder::Idle(now);
            }
        }
        self.serve_leases(now);
    }

    /// Closes a link that nobody uses, so that another can be opened.
    pub(crate) fn close_an_idle_lease(&mut self) -> bool {
        let idle = |link: &&Link| is_free(link) && matches!(link.holder, Holder::Idle(_));
        let Some(id) = self.links.iter().find(idle).map(|link| link.id) else { return false };
        self.fail_link(id, Fault { cause: Cause::Cancelled, text: "its place is needed".to_owned() });
        true
    }

    fn open_leases(&mut self, now: u64) {
        let later = self.leases.retry_at != NEVER && self.leases.retry_at > now;
        if self.leases.waiting.is_empty() || self.connection.state != ClientState::Ready || later {
            return;
        }
        if self.settings.limits.links < 2 {
            let verdict = Verdict::new(Failure::Limit, Cause::None);
            return self.fail_waiting(verdict, "limits.links leaves no link beside the one for all");
        }
        self.leases.retry_at = NEVER;
        let Some(endpoint) = self.main().map(|main| main.endpoint.clone()) else { return };
        let is_opening = |link: &&Link| {
            let on_its_way = matches!(link.state, State::Opening | State::Greeting);
            link.purpose == Purpose::Lease && on_its_way && !link.retiring
        };
        let mut opening = self.links.iter().filter(is_opening).count();
        // A subscription that waits for its link would else be without one for as long as somebody blocks.
        let kept = self.hubs.without_link(|_| !mutant::on(Mutant::TakePlaces));
        while opening < self.leases.waiting() && self.links.len() + kept < self.settings.limits.links as usize {
            self.open_link(now, Purpose::Lease, endpoint.clone());
            opening += 1;
        }
        if opening < self.leases.waiting() {
            self.close_an_unused_hub();
        }
    }

    /// Closes a link that was for subscriptions, and nobody has one on it any more, so that another can be opened.
    fn close_an_unused_hub(&mut self) {
        let unused = self.hubs.iter().find(|(_, hub)| !hub.wanted()).and_then(|(_, hub)| hub.link);
        if let Some(id) = unused {
            self.fail_link(id, Fault { cause: Cause::Cancelled, text: "its place is needed".to_owned() });
        }
    }

    fn fail_waiter(&mut self, who: Who, verdict: Verdict, why: &str) {
        match who {
            Who::Session(session) => self.tell_session(session, verdict, why),
            Who::Request(request) => {
                self.out.failed(request, verdict, why);
                self.let_go_no_more(request);
            }
        }
    }

    /// The rest of this request does not come any more.
    fn let_go_no_more(&mut self, request: u64) {
        self.partial.take_if(|partial| partial.link == 0 && partial.id == request);
    }

    fn tell_session(&mut self, session: u32, verdict: Verdict, why: &str) {
        let nodes: Nodes = self.out.text(why.as_bytes());
        self.out.event(EventKind::Leased, verdict.of_ended(), 0, u64::from(session), nodes);
    }
}

/// Whether a leased link is kept for this request: what the core asks on it by itself does not matter.
fn is_reserved(link: &Link, request: u64) -> bool {
    let usable = link.purpose == Purpose::Lease && link.state == State::Ready && !link.retiring;
    usable && matches!(link.holder, Holder::Request(id, _) if id == request)
}

/// Whether a leased link has nothing to do.
fn is_free(link: &Link) -> bool {
    link.purpose == Purpose::Lease && link.state == State::Ready && !link.retiring && link.inflight.len() == 0
}
