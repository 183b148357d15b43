//! Locks: taking, renewing, giving back.

use crate::plan::lock as plan;
use crate::plan::lock::Token;
use crate::reply::Reply;
use crate::step::{Failure, Fault, Lease, Lost, Outcome, Step};

use super::{Context, Flow, Input, unasked};

/// How long it may take to give locks back, beyond the deadline. Microseconds.
const GRACE: u64 = 1_000_000;
/// The longest pause is not bounded below this, however short leases are. Microseconds.
const LEAST_PAUSE: u64 = 10_000;

/// Takes locks, one after the other in their order. While one is waited for, those before it are renewed.
pub(crate) struct Taking {
    names: Vec<String>,
    /// Milliseconds.
    duration: u32,
    pub(crate) held: Vec<Lease>,
    /// Of the next one, so that an attempt whose reply was lost is no other's.
    token: Option<Token>,
    sent: u64,
    asking: Asking,
    attempt: u32,
    /// What is to be given back, and how often that may yet be sent.
    given: Vec<(String, Token)>,
    left: u8,
}

/// What was sent last.
#[derive(Clone, Copy, PartialEq)]
enum Asking {
    /// It takes the next one.
    Taking,
    /// It renews those that are held.
    Renewing,
    /// It gives back what was held behind one that is not any more.
    Loosening,
}

impl Taking {
    pub(crate) fn new(names: Vec<String>, duration: u32) -> Self {
        Self {
            names,
            duration,
            held: Vec::new(),
            token: None,
            sent: 0,
            asking: Asking::Taking,
            attempt: 0,
            given: Vec::new(),
            left: 2,
        }
    }

    /// None when all are held.
    pub(crate) fn send(&mut self, context: &mut Context<'_>) -> Option<Step> {
        let all = self.held.len() >= self.names.len();
        if all || self.held.iter().all(|lease| context.now < renewal(lease.until, self.duration)) {
            return self.take(context);
        }
        (self.sent, self.asking) = (context.now, Asking::Renewing);
        Some(context.send(plan::renew(&context.shared.layout, &secrets(&self.held), self.duration)))
    }

    fn take(&mut self, context: &mut Context<'_>) -> Option<Step> {
        let name = self.names.get(self.held.len())?;
        (self.sent, self.asking) = (context.now, Asking::Taking);
        let token = *self.token.get_or_insert_with(|| context.shared.token());
        Some(context.send(plan::take(&context.shared.layout, name, token, self.duration)))
    }

    pub(crate) fn replied(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Option<Step>, Fault> {
        match self.asking {
            Asking::Taking => {}
            Asking::Loosening => return Ok(self.take(context)),
            Asking::Renewing => {
                let gone = plan::held(&mut reply)?;
                return Ok(self.renewed(context, gone));
            }
        }
        match plan::taken(&mut reply)? {
            plan::Outcome::Held(_) => Ok(Some(self.pause(context))),
            plan::Outcome::Taken(fence) => {
                let name = self.names.get(self.held.len()).cloned().unwrap_or_default();
                let token = self.token.take().unwrap_or(Token(0));
                let until = self.sent.saturating_add(whole(self.duration));
                self.held.push(Lease { name, fence, token, until });
                self.attempt = 0;
                Ok(self.send(context))
            }
        }
    }

    /// Those that are held were renewed, unless the one in this place was gone, and perhaps others behind it: who has
    /// that may wait for these, so they are given back, and taken again in their order.
    fn renewed(&mut self, context: &mut Context<'_>, gone: Option<usize>) -> Option<Step> {
        let (count, until) = (self.held.len(), self.sent.saturating_add(whole(self.duration)));
        let mut loose = secrets(self.held.get(gone.unwrap_or(count)..).unwrap_or_default());
        self.held.truncate(gone.unwrap_or(count));
        self.held.iter_mut().for_each(|lease| lease.until = until);
        if loose.is_empty() {
            // However short the leases are, each renewal is followed by an attempt.
            return self.take(context);
        }
        if let (Some(name), Some(token)) = (self.names.get(count), self.token.take()) {
            loose.push((name.clone(), token));
        }
        self.asking = Asking::Loosening;
        Some(context.send(plan::release(&context.shared.layout, &loose)))
    }

    pub(crate) fn lost(&mut self, context: &mut Context<'_>, lost: Lost) -> Result<Step, Fault> {
        match lost.failure {
            _ if lost.cause == Lost::DEADLINE => Err(self.late()),
            Failure::MaybeExecuted if lost.cause != Lost::CLOSING => Ok(self.pause(context)),
            _ => Err(lost.fault(false)),
        }
    }

    /// Why it takes too long.
    pub(crate) fn late(&self) -> Fault {
        Fault::LockTimeout(self.names.get(self.held.len()).cloned().unwrap_or_default())
    }

    /// Gives back what is held, or may be. Once more where it was not answered, or its host may not have sent it as the
    /// caller cancelled just then: else the locks would stay as long as their leases.
    pub(crate) fn release(&mut self, context: &Context<'_>) -> Option<Step> {
        for lease in self.held.drain(..) {
            self.given.push((lease.name, lease.token));
        }
        if let (Some(name), Some(token)) = (self.names.get(self.given.len()), self.token.take()) {
            self.given.push((name.clone(), token));
        }
        if self.given.is_empty() || self.left == 0 {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let left = context.deadline.saturating_sub(context.now);
        Some(context.send_within(left.clamp(GRACE, GRACE * 10), plan::release(&context.shared.layout, &self.given)))
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Step {
        self.attempt = self.attempt.saturating_add(1);
        let step = context.back_off(self.attempt);
        match step {
            // Not so long that those that are held could not be renewed in time.
            Step::Wait(until) if !self.held.is_empty() => {
                let soon = (whole(self.duration) / 6).max(LEAST_PAUSE);
                Step::Wait(until.min(context.now.saturating_add(soon)))
            }
            step => step,
        }
    }
}

/// A lease of so many milliseconds, in microseconds.
pub(super) fn whole(duration: u32) -> u64 {
    u64::from(duration) * 1000
}

/// When a lease that holds until then is to be renewed: a third of it is over.
fn renewal(until: u64, duration: u32) -> u64 {
    until.saturating_sub(whole(duration) / 3 * 2)
}

/// What the scripts want of leases.
pub(crate) fn secrets(leases: &[Lease]) -> Vec<(String, Token)> {
    leases.iter().map(|lease| (lease.name.clone(), lease.token)).collect()
}

/// `lock`.
pub(crate) struct Lock {
    pub(crate) taking: Taking,
    /// Why it is given back.
    pub(crate) ending: Option<Fault>,
}

impl Flow for Lock {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        if let Some(fault) = self.ending.take() {
            return match input {
                Input::Lost(_) => Err(fault),
                _ => Ok(Step::Failed(fault)),
            };
        }
        let step = match input {
            Input::Begin | Input::Go => self.taking.send(context),
            Input::Reply(reply) => self.taking.replied(context, reply)?,
            Input::Lost(lost) => Some(self.taking.lost(context, lost)?),
            Input::Decided(_) => return Err(unasked()),
        };
        match step {
            Some(step) => Ok(step),
            None => Ok(self
                .taking
                .held
                .pop()
                .map_or(Step::Done(Outcome::Nothing), |lease| Step::Done(Outcome::Locked(lease)))),
        }
    }

    fn give_up(&mut self, context: &mut Context<'_>, fault: Fault) -> Step {
        let fault = self.ending.take().unwrap_or(fault);
        match self.taking.release(context) {
            Some(step) => {
                self.ending = Some(fault);
                step
            }
            None => Step::Failed(fault),
        }
    }

    fn late(&self) -> Fault {
        self.taking.late()
    }
}

/// `unlock`.
pub(crate) struct Unlock(pub(crate) Lease);

impl Flow for Unlock {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => {
                let locks = secrets(std::slice::from_ref(&self.0));
                Ok(context.send(plan::release(&context.shared.layout, &locks)))
            }
            Input::Reply(mut reply) => match plan::held(&mut reply)? {
                None => Ok(Step::Done(Outcome::Nothing)),
                Some(_) => Err(Fault::LockLost(std::mem::take(&mut self.0.name))),
            },
            Input::Lost(lost) => Err(lost.fault(false)),
            Input::Go | Input::Decided(_) => Err(unasked()),
        }
    }

    fn unsure(&self, sent: bool) -> bool {
        sent
    }
}

/// `keep`.
pub(crate) struct Keep {
    pub(crate) leases: Vec<Lease>,
    /// Milliseconds.
    pub(crate) duration: u32,
    /// Until when they hold, by the last renewal.
    pub(crate) until: u64,
    pub(crate) sent: u64,
}

impl Flow for Keep {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        let whole = whole(self.duration);
        match input {
            Input::Begin => {
                let until = self.leases.iter().map(|lease| lease.until).min().unwrap_or_default();
                // What is over by this clock may hold by the server's, which is asked.
                self.until = until.max(context.now.saturating_add(whole / 3));
                match renewal(until, self.duration) {
                    due if due > context.now => Ok(Step::Wait(due)),
                    _ => Ok(self.renew(context)),
                }
            }
            Input::Go => Ok(self.renew(context)),
            Input::Reply(mut reply) => match plan::held(&mut reply) {
                Ok(None) => {
                    self.until = self.sent.saturating_add(whole);
                    Ok(Step::Wait(self.sent.saturating_add(whole / 3).max(context.now)))
                }
                Ok(Some(index)) => Err(self.gone(index)),
                // It is held still, and why the server refuses may pass.
                Err(_) => self.unanswered(context),
            },
            Input::Lost(_) => self.unanswered(context),
            Input::Decided(_) => Err(unasked()),
        }
    }
}

impl Keep {
    fn renew(&mut self, context: &Context<'_>) -> Step {
        self.sent = context.now;
        let locks = secrets(&self.leases);
        let step = plan::renew(&context.shared.layout, &locks, self.duration);
        context.send_within(self.until.saturating_sub(context.now).max(1000), step)
    }

    fn unanswered(&self, context: &Context<'_>) -> Result<Step, Fault> {
        if context.now < self.until { Ok(context.wait(whole(self.duration) / 20)) } else { Err(self.gone(0)) }
    }

    fn gone(&self, index: usize) -> Fault {
        Fault::LockLost(self.leases.get(index).map(|lease| lease.name.clone()).unwrap_or_default())
    }
}
