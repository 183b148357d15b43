//! Locks: taking, renewing, giving back.

use crate::plan::lock as plan;
use crate::plan::lock::Token;
use crate::reply::Reply;
use crate::step::{Failure, Fault, Lease, Lost, Outcome, Step};

use super::{Context, Flow, Input, unasked};

/// How long it may take to give locks back, beyond the deadline. Microseconds.
const GRACE: u64 = 1_000_000;

/// Takes locks, one after the other in their order.
pub(crate) struct Taking {
    names: Vec<String>,
    /// Milliseconds.
    duration: u32,
    pub(crate) held: Vec<Lease>,
    /// Of the next one, so that an attempt whose reply was lost is no other's.
    token: Option<Token>,
    sent: u64,
    attempt: u32,
    /// What is to be given back, and how often that may yet be sent.
    given: Vec<(String, Token)>,
    left: u8,
}

impl Taking {
    pub(crate) fn new(names: Vec<String>, duration: u32) -> Self {
        Self { names, duration, held: Vec::new(), token: None, sent: 0, attempt: 0, given: Vec::new(), left: 2 }
    }

    /// None when all are held.
    pub(crate) fn send(&mut self, context: &mut Context<'_>) -> Option<Step> {
        let name = self.names.get(self.held.len())?;
        let token = *self.token.get_or_insert_with(|| context.shared.token());
        self.sent = context.now;
        Some(context.send(plan::take(&context.shared.layout, name, token, self.duration)))
    }

    pub(crate) fn replied(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Option<Step>, Fault> {
        match plan::taken(&mut reply)? {
            plan::Outcome::Held(_) => Ok(Some(self.pause(context))),
            plan::Outcome::Taken(fence) => {
                let name = self.names.get(self.held.len()).cloned().unwrap_or_default();
                let token = self.token.take().unwrap_or(Token(0));
                let until = self.sent.saturating_add(u64::from(self.duration) * 1000);
                self.held.push(Lease { name, fence, token, until });
                self.attempt = 0;
                Ok(self.send(context))
            }
        }
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
        context.back_off(self.attempt)
    }
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
        let whole = u64::from(self.duration) * 1000;
        match input {
            Input::Begin => {
                self.until = context.now.saturating_add(whole);
                Ok(context.wait(whole / 3))
            }
            Input::Go => {
                self.sent = context.now;
                let locks = secrets(&self.leases);
                let step = plan::renew(&context.shared.layout, &locks, self.duration);
                Ok(context.send_within(self.until.saturating_sub(context.now).max(1000), step))
            }
            Input::Reply(mut reply) => match plan::held(&mut reply)? {
                None => {
                    self.until = self.sent.saturating_add(whole);
                    Ok(Step::Wait(self.sent.saturating_add(whole / 3).max(context.now)))
                }
                Some(index) => Err(self.gone(index)),
            },
            Input::Lost(_) if context.now < self.until => Ok(context.wait(whole / 20)),
            Input::Lost(_) => Err(self.gone(0)),
            Input::Decided(_) => Err(unasked()),
        }
    }
}

impl Keep {
    fn gone(&self, index: usize) -> Fault {
        Fault::LockLost(self.leases.get(index).map(|lease| lease.name.clone()).unwrap_or_default())
    }
}
