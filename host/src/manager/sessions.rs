//! Sessions: the core gives links to them, holders get and lose them.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::lane::Lane;
use super::requests::Phase;
use crate::error::{Cause, Error};
use crate::lease::Lease;

/// A session that is not over.
pub(super) struct Held {
    lease: Arc<Lease>,
    /// Who waits for it, until it is granted.
    grant: Option<oneshot::Sender<Result<(), Error>>>,
    deadline: u64,
}

impl Lane {
    /// Somebody wants a link alone.
    pub(super) fn lease(&mut self, lease: Arc<Lease>, deadline: u64, grant: oneshot::Sender<Result<(), Error>>) {
        if lease.is_left() {
            return;
        }
        if self.give_up.is_some() {
            // An error means that nobody waits any more.
            let _ = grant.send(Err(Error::closed()));
            return;
        }
        let number = lease.number;
        self.sessions.insert(number, Held { lease, grant: Some(grant), deadline });
        self.drive(None, |instance, now| instance.lease(now, number, deadline));
    }

    /// As `lease`, for one that waited elsewhere.
    pub(super) fn lease_for(&mut self, held: Held) {
        if let Some(grant) = held.grant {
            self.lease(held.lease, held.deadline, grant);
        }
    }

    /// Those who wait for a link, and wait elsewhere from now on.
    pub(super) fn take_waiting_sessions(&mut self) -> Vec<Held> {
        let waiting: Vec<(u32, Held)> = self.sessions.extract_if(|_, held| held.grant.is_some()).collect();
        for (number, _) in &waiting {
            self.drive(None, |instance, now| instance.release(now, *number));
        }
        waiting.into_iter().map(|(_, held)| held).collect()
    }

    /// The core's word: a session has its link, or has it no longer.
    pub(super) fn leased(&mut self, session: u64, error: Option<Error>) {
        let Ok(number) = u32::try_from(session) else { return };
        let Some(error) = error else {
            let grant = self.sessions.get_mut(&number).and_then(|held| held.grant.take());
            // Before its holder can look.
            self.count_sessions();
            if let Some(grant) = grant {
                // Who left meanwhile has raised the signal.
                let _ = grant.send(Ok(()));
            }
            return;
        };
        let Some(held) = self.sessions.remove(&number) else { return };
        self.count_sessions();
        self.end_session(held, error);
    }

    /// Gives back what nobody holds any more.
    pub(super) fn release_left_sessions(&mut self) {
        let left: Vec<u32> =
            self.sessions.iter().filter(|(_, held)| held.lease.is_left()).map(|(number, _)| *number).collect();
        for number in left {
            self.sessions.remove(&number);
            self.drive(None, |instance, now| instance.release(now, number));
        }
        self.count_sessions();
    }

    /// The instance is lost: links are gone, and those who wait for one go on waiting.
    pub(super) fn end_granted_sessions(&mut self, error: &Error) {
        for (number, held) in std::mem::take(&mut self.sessions) {
            if held.grant.is_some() {
                self.sessions.insert(number, held);
            } else {
                self.end_session(held, error.clone());
            }
        }
        self.count_sessions();
    }

    /// A new instance knows of nobody who waits.
    pub(super) fn lease_again(&mut self) {
        let mut waiting: Vec<(u32, u64)> =
            self.sessions.iter().map(|(number, held)| (*number, held.deadline)).collect();
        waiting.sort_unstable();
        for (number, deadline) in waiting {
            self.drive(None, |instance, now| instance.lease(now, number, deadline));
        }
    }

    /// Whether a job of this session can be sent. One that is for none in particular can.
    pub(super) fn has_session(&self, session: u32) -> bool {
        session == 0 || self.sessions.contains_key(&session)
    }

    fn end_session(&mut self, held: Held, error: Error) {
        held.lease.end(error.clone());
        if let Some(grant) = held.grant {
            // An error means that nobody waits any more.
            let _ = grant.send(Err(error));
            return;
        }
        // What the core had, it ends itself.
        let waits = |(id, phase): &(u64, Phase)| {
            *phase == Phase::Waiting && self.table.job(*id).is_some_and(|live| live.job.session == held.lease.number)
        };
        let waiting: Vec<(u64, Phase)> = self.table.open().into_iter().filter(waits).collect();
        for (id, _) in waiting {
            self.end(id, Err(session_over()));
        }
        self.queue.sweep(&self.table);
    }

    fn count_sessions(&mut self) {
        let held = self.sessions.values().filter(|held| held.grant.is_none()).count() as u64;
        self.shared.counters.sessions(held, std::mem::replace(&mut self.sessions_counted, held));
    }
}

pub(super) fn session_over() -> Error {
    Error::not_sent(Cause::Lost, "the session is over")
}
