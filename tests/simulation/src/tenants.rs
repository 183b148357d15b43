//! Sessions, as their callers see them.

use std::collections::VecDeque;

use coracle_core::wire::{Cause, Failure, NEVER};

use crate::net;
use crate::plan::{Ask, MILLISECOND, Tenancy};
use crate::requests;
use crate::users::{Lease, Who};
use crate::world::{Check, Event, World, note};

/// A session.
#[derive(Debug)]
pub struct Tenant {
    tenancy: Tenancy,
    /// The leases that are still to come.
    turns: VecDeque<Vec<Ask>>,
    /// What it will ask in the present one.
    next: VecDeque<Ask>,
    pub phase: Phase,
    /// Which lease of this session it is.
    lease: u32,
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It asked for a link.
    Waiting,
    /// It has one.
    Housed,
    /// It has none, and asks for none.
    Over,
}

impl Tenant {
    /// As the server knows it.
    pub fn who(&self) -> Who {
        Who::Tenant(self.tenancy.session, self.lease)
    }
}

impl World {
    /// A session begins.
    pub fn begin_tenancy(&mut self, tenancy: Tenancy) -> Check {
        let session = tenancy.session;
        let turns = tenancy.turns.clone().into();
        let tenant = Tenant { tenancy, turns, next: VecDeque::new(), phase: Phase::Over, lease: 0 };
        self.host.tenants.insert(session, tenant);
        self.lease(session)
    }

    /// It asks for a link, if it has a turn left.
    fn lease(&mut self, session: u32) -> Check {
        let Some(tenant) = self.host.tenants.get_mut(&session).filter(|tenant| tenant.phase == Phase::Over) else {
            return Ok(());
        };
        let Some(turn) = tenant.turns.pop_front() else { return Ok(()) };
        tenant.next = turn.into();
        tenant.lease += 1;
        tenant.phase = Phase::Waiting;
        let deadline = tenant.tenancy.patience.map_or(NEVER, |patience| self.now + patience);
        let (lease, who) = (tenant.lease, tenant.who());
        self.server.users.leases.insert(who, Lease::default());
        note!(self, "session {session} asks for a link");
        if deadline != NEVER {
            self.at(deadline + 50 * MILLISECOND, Event::Unhoused(session, lease));
        }
        self.call(None, |core, now| core.lease(now, session, deadline))?;
        self.check_bounds()
    }

    /// `leased`: it has its link, or can't, or no longer.
    pub fn leased(&mut self, session: u64, verdict: Option<(Failure, Cause)>) -> Check {
        note!(self, "session {session} is told {verdict:?}");
        let session = u32::try_from(session).map_err(|_| format!("{session} is no session"))?;
        let draining = self.host.draining;
        let Some(tenant) = self.host.tenants.get_mut(&session) else {
            return Err(format!("session {session} is told {verdict:?}, and there is none"));
        };
        match (tenant.phase, verdict) {
            (Phase::Waiting, None) if !draining => {
                tenant.phase = Phase::Housed;
                self.count("sessions with a link");
                self.after(0, Event::Tenant(session));
                Ok(())
            }
            (Phase::Waiting, Some((Failure::NotSent | Failure::Limit | Failure::Refused, _))) => {
                self.count("sessions without a link");
                self.end_lease(session)
            }
            (Phase::Housed, Some((Failure::NotSent, _))) => {
                self.count("sessions whose link broke");
                self.end_lease(session)
            }
            (phase, _) => Err(format!("session {session}, which is {phase:?}, is told {verdict:?}")),
        }
    }

    /// A session does its next thing.
    pub fn tenant(&mut self, session: u32) -> Check {
        let mine = |request: &requests::Request| request.ask.as_ref().is_some_and(|ask| ask.session == session);
        let busy = self.host.open.iter().any(|id| mine(&self.host.requests[*id as usize]));
        let Some(tenant) = self.host.tenants.get_mut(&session).filter(|tenant| tenant.phase == Phase::Housed) else {
            return Ok(());
        };
        let hasty = tenant.tenancy.hasty;
        if busy && !hasty {
            // It is woken again by the end of what it asked.
            return Ok(());
        }
        let Some(ask) = tenant.next.pop_front() else {
            if tenant.tenancy.hold > 0 {
                let hold = std::mem::take(&mut tenant.tenancy.hold);
                self.after(hold, Event::Tenant(session));
                return Ok(());
            }
            return self.release(session);
        };
        self.ask(ask);
        if hasty {
            let delay = self.random.pick(&[0, 0, 20, 900]);
            self.after(delay, Event::Tenant(session));
        }
        Ok(())
    }

    /// A session is over by its own will, whether it has a link or waits for one. Nothing comes for it from then on.
    pub fn release(&mut self, session: u32) -> Check {
        if self.host.tenants.get(&session).is_none_or(|tenant| tenant.phase == Phase::Over) {
            return Ok(());
        }
        note!(self, "session {session} releases");
        let instance = self.host.instance;
        // Where its link is being closed, its requests end when that has happened.
        let closing: Vec<u64> = self.host.open.iter().copied().filter(|id| self.is_closing(*id)).collect();
        self.call(None, |core, now| core.release(now, session))?;
        if self.host.instance != instance {
            return Ok(());
        }
        self.end_lease(session)?;
        let left = self.host.open.iter().find(|id| {
            let request = &self.host.requests[**id as usize];
            request.ask.as_ref().is_some_and(|ask| ask.session == session) && !closing.contains(id)
        });
        match left {
            Some(id) => Err(format!("session {session} is released, and its request {id} goes on")),
            None => Ok(()),
        }
    }

    /// Whether its link is being closed. The call that took it may have written to other links, too.
    fn is_closing(&self, id: u64) -> bool {
        let mut marks = self.host.requests[id as usize].marks.iter();
        marks.any(|(at, _)| self.conns[*at].phase == net::Phase::Closing)
    }

    /// The core is lost: all sessions are over.
    pub fn evict_all(&mut self) -> Check {
        let ids: Vec<u32> = self.host.tenants.keys().copied().collect();
        for session in ids {
            if self.host.tenants.get(&session).is_some_and(|tenant| tenant.phase != Phase::Over) {
                self.end_lease(session)?;
            }
        }
        Ok(())
    }

    /// By its deadline it must have had an answer.
    pub fn check_housed(&self, session: u32, lease: u32) -> Check {
        let waits = |tenant: &Tenant| tenant.phase == Phase::Waiting && tenant.lease == lease;
        match self.host.tenants.get(&session).is_some_and(waits) {
            true => Err(format!("session {session} still waits, though its deadline passed")),
            false => Ok(()),
        }
    }

    /// A lease is over. What the host has of its requests is not submitted any more.
    fn end_lease(&mut self, session: u32) -> Check {
        let Some(tenant) = self.host.tenants.get_mut(&session) else { return Ok(()) };
        tenant.phase = Phase::Over;
        let who = tenant.who();
        if let Some(lease) = self.server.users.leases.get_mut(&who) {
            lease.over = true;
        }
        let waiting: Vec<u64> = self.host.waiting.iter().copied().collect();
        for id in waiting {
            let request = &self.host.requests[id as usize];
            if request.ask.as_ref().is_some_and(|ask| ask.session == session) && request.taken == 0 {
                self.fail(id, Failure::NotSent, Cause::Cancelled)?;
            }
        }
        if !self.host.draining {
            let delay = self.random.pick(&[0, 0, 900]);
            self.after(delay, Event::Lease(session));
        }
        Ok(())
    }

    /// It may ask again.
    pub fn lease_again(&mut self, session: u32) -> Check {
        self.lease(session)
    }
}
