//! The exchange of the component while the client runs: another instance is made, takes over once it is ready, and the
//! one before goes on with what it had until that has ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::Manager;
use super::lane::{Lane, Role};
use super::requests::{Live, Phase};
use super::sessions::Held;
use crate::clock::from_now;
use crate::engine::Program;
use crate::error::{Cause, Error, Failure, Outcome};
use crate::event::Event;
use crate::notices::Wanted;
use crate::states::ClientState;
use crate::stats::add;

/// Somebody wants another component.
pub(crate) struct Swap {
    pub(crate) program: Program,
    pub(crate) told: oneshot::Sender<Result<(), Error>>,
    /// Where other lanes do the same.
    pub(crate) consent: Option<Consent>,
}

/// All lanes of a client exchange the component, or none: each says when it could, and does it when all can.
pub(crate) struct Consent {
    /// Used once it is ready.
    pub(crate) ready: Option<oneshot::Sender<()>>,
    /// Dropped if another one can't.
    pub(crate) go: oneshot::Receiver<()>,
}

/// A lane that is to take over once it is ready.
pub(super) struct Candidate {
    pub(super) lane: Lane,
    told: oneshot::Sender<Result<(), Error>>,
    /// When it must be.
    until: Pin<Box<Sleep>>,
    /// What it waits for when it is ready.
    consent: Option<Consent>,
}

/// What one lane leaves to the next.
struct Legacy {
    was_ready: bool,
    last_subscription: u64,
    waiting_sessions: Vec<Held>,
    subscriptions: Vec<(u64, Wanted)>,
}

impl Manager {
    /// One exchange at a time; others wait.
    pub(super) fn swap(&mut self, swap: Box<Swap>) {
        self.swaps.push_back(swap);
        self.next_swap();
    }

    /// Nobody takes over any more.
    pub(super) fn refuse_swaps(&mut self, error: &Error) {
        let candidate = self.candidate.take().map(|candidate| candidate.told);
        for told in candidate.into_iter().chain(self.swaps.drain(..).map(|swap| swap.told)) {
            // An error means that nobody waits any more.
            let _ = told.send(Err(error.clone()));
        }
    }

    /// Says whether a candidate's time is over.
    pub(super) fn poll_candidate(&mut self, cx: &mut Context<'_>, first: bool) -> bool {
        let Some(candidate) = &mut self.candidate else { return false };
        let mut happened = candidate.lane.poll(cx, first);
        happened |= candidate.poll_consent(cx);
        if candidate.until.as_mut().poll(cx).is_pending() {
            return happened;
        }
        candidate.lane.finish(Error::not_sent(Cause::Deadline, "the new component is still connecting"));
        true
    }

    /// Lets the candidate take over, or go, once it is known which.
    pub(super) fn settle_candidate(&mut self) {
        let verdict = self.candidate.as_ref().and_then(Candidate::verdict);
        if let Some(result) = verdict
            && let Some(Candidate { lane, told, .. }) = self.candidate.take()
        {
            match &result {
                Ok(()) => self.promote(lane),
                Err(error) => tracing::warn!(%error, "the component is not exchanged"),
            }
            // An error means that nobody waits any more.
            let _ = told.send(result);
        }
        self.next_swap();
    }

    /// Hands on what lanes before the present one can't or need not do, and lets go of those that are done.
    pub(super) fn settle_retired(&mut self) {
        for lane in &mut self.retired {
            lane.after_loss();
            if lane.is_idle() {
                lane.finish(Error::closed());
            }
            for live in lane.take_idle_jobs() {
                self.lane.adopt(live);
            }
        }
        self.retired.retain(|lane| lane.finished.is_none());
    }

    fn next_swap(&mut self) {
        while self.candidate.is_none()
            && let Some(swap) = self.swaps.pop_front()
        {
            let Swap { program, told, consent } = *swap;
            match self.try_candidate(program) {
                Ok(lane) => {
                    // A sleep has an end, however long it is to be.
                    let until = Box::pin(tokio::time::sleep(self.common.shared.ready_within()));
                    self.candidate = Some(Candidate { lane, told, until, consent });
                }
                Err(error) => _ = told.send(Err(error)),
            }
        }
    }

    fn try_candidate(&self, program: Program) -> Result<Lane, Error> {
        if self.lane.give_up.is_some() {
            return Err(Error::closed());
        }
        let mut lane = Lane::new(self.common.clone(), program, self.lane.keyring.newest(), Role::Candidate);
        lane.start_instance()?;
        Ok(lane)
    }

    fn promote(&mut self, lane: Lane) {
        let shared = &self.common.shared;
        tracing::info!("the component is exchanged");
        let until = shared.clock.until(from_now(self.common.config.retire_within));
        let mut old = std::mem::replace(&mut self.lane, lane);
        self.lane.succeed(old.retire(until));
        self.retired.push(old);
        // All lanes do so.
        if self.common.states.is_first() {
            add(&self.common.shared.counters.swaps, 1);
            self.common.config.hook.tell(|| Event::Swapped);
        }
    }
}

impl Candidate {
    /// Whether it takes over; nothing if that is not known yet.
    fn verdict(&self) -> Option<Result<(), Error>> {
        self.lane.verdict().filter(|verdict| verdict.is_err() || self.consent.is_none())
    }

    /// Tells other lanes that it is ready, and hears of them. Says whether it did.
    fn poll_consent(&mut self, cx: &mut Context<'_>) -> bool {
        let (Some(consent), Some(Ok(()))) = (&mut self.consent, self.lane.verdict()) else { return false };
        if let Some(ready) = consent.ready.take() {
            // An error means that another lane can't, which is heard below.
            let _ = ready.send(());
        }
        let Poll::Ready(gone) = Pin::new(&mut consent.go).poll(cx) else { return false };
        self.consent = None;
        if gone.is_err() {
            self.lane.finish(Error::not_sent(Cause::Closing, "another lane can't exchange its component"));
        }
        true
    }
}

impl Lane {
    /// Whether it can take over; nothing if that is not known yet.
    fn verdict(&self) -> Option<Result<(), Error>> {
        if let Some(detail) = &self.lost {
            return Some(Err(Error::core(Outcome::NotSent, detail.clone())));
        }
        if let Some(error) = &self.finished {
            return Some(Err(error.clone()));
        }
        match &self.state {
            ClientState::Connecting => None,
            ClientState::Ready => Some(Ok(())),
            ClientState::Down(error) | ClientState::Denied(error) | ClientState::Closed(error) => {
                Some(Err(error.clone()))
            }
        }
    }

    /// Another lane is the present one: subscriptions go there, and who waits for a session. Jobs do so when the task
    /// settles.
    fn retire(&mut self, until: u64) -> Legacy {
        self.role = Role::Retired { until };
        // The other one has connected with the newest credentials.
        self.forget_renewals();
        let waiting_sessions = self.take_waiting_sessions();
        let mut subscriptions: Vec<(u64, Wanted)> = self.subscriptions.extract_if(|_, wanted| !wanted.ending).collect();
        subscriptions.sort_unstable_by_key(|(id, _)| *id);
        for (id, _) in &subscriptions {
            self.drive(None, |instance, now| instance.unsubscribe(now, *id));
        }
        self.release_links();
        Legacy { was_ready: self.was_ready, last_subscription: self.last_subscription, waiting_sessions, subscriptions }
    }

    fn succeed(&mut self, legacy: Legacy) {
        self.role = Role::Present;
        self.begin_cache();
        self.was_ready = legacy.was_ready;
        self.last_subscription = legacy.last_subscription;
        self.tell_state(self.state.clone(), None);
        for held in legacy.waiting_sessions {
            self.lease_for(held);
        }
        self.subscriptions.extend(legacy.subscriptions);
        self.subscribe_again();
    }

    /// Takes in a job of another lane.
    fn adopt(&mut self, live: Live) {
        let id = self.table.adopt(live);
        if let Some(live) = self.table.job(id) {
            self.queue.push_adopted(id, live);
        }
        if self.give_up.is_some() || self.finished.is_some() {
            self.refuse_waiting();
        }
    }

    /// A retired lane is done once nobody waits for it.
    fn is_idle(&self) -> bool {
        self.table.is_empty() && self.sessions.is_empty()
    }

    /// Jobs of which the core has nothing, and that need not go on this lane's links.
    fn take_idle_jobs(&mut self) -> Vec<Live> {
        if self.queue.is_empty() {
            return Vec::new();
        }
        let jobs = self.table.take_idle();
        self.queue.sweep(&self.table);
        jobs
    }

    /// The time of a retired lane is over.
    pub(super) fn expel(&mut self, now: u64) {
        self.end_granted_sessions(&Error::not_sent(Cause::Closing, "the component under the session was exchanged"));
        self.close(now);
    }

    /// Keeps a request for the next lane that this one ends because it ends itself. Says whether it did.
    pub(super) fn hand_on(&mut self, id: u64, error: &Error) -> bool {
        if !matches!(self.role, Role::Retired { .. }) || !ends_with_its_lane(error) {
            return false;
        }
        let Some((live, index)) = self.table.find(id) else { return false };
        if live.job.session != 0 || live.phase(index) == Phase::Ended {
            return false;
        }
        live.ask_again(index, false);
        self.queue.push_again(id, id - index as u64, live, index, live.job.deadline);
        true
    }
}

/// Whether the request was not sent, for no reason but that its lane is no more.
fn ends_with_its_lane(error: &Error) -> bool {
    match error {
        Error::Failed(failed) => failed.failure == Failure::NotSent && failed.cause == Cause::Closing,
        Error::Core { outcome, .. } => *outcome == Outcome::NotSent,
        Error::Server(_) | Error::Config(_) => false,
    }
}
