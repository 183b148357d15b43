//! Executing a command.

use crate::event::{Cursor, Event};
use crate::given::{Command, Durability, Retries, invalid};
use crate::plan::append::{self as plan, Condition};
use crate::plan::{lock, marker};
use crate::query::Query;
use crate::reply::Reply;
use crate::step::{Appended, Decision, Fault, Lease, Outcome, Step};
use crate::validate;

use super::append::{Appending, Command as Record, Turn};
use super::lock::{secrets, whole};
use super::locked::Locking;
use super::{Context, Flow, Input, Seen, unasked};

/// `execute`: lets the handler decide, appends; after a conflict again from the handler on.
pub(crate) struct Execute {
    pub(crate) command: Command,
    pub(crate) retries: Retries,
    pub(crate) durability: Durability,
    /// By the caller.
    pub(crate) held: Vec<Lease>,
    /// The command's locks that were not.
    pub(crate) taken: Vec<Lease>,
    pub(crate) attempt: u32,
    pub(crate) state: State,
}

pub(crate) enum State {
    Deciding,
    /// The handler gave an error: whether the command was executed before, as what it did may be why.
    Asking,
    Appending(Box<Appending>),
    /// After a conflict, until then.
    Pausing(u64),
    /// The same, while locks are renewed, which was sent for then.
    Renewing(u64, u64),
}

impl Flow for Execute {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match (&mut self.state, input) {
            (State::Deciding, Input::Begin) => Ok(self.decide(context)),
            (State::Deciding, Input::Decided(Some(events))) => self.decided(context, events),
            (State::Deciding, Input::Decided(None)) => Ok(self.declined(context)),
            (State::Asking, Input::Reply(reply)) => self.told(context, reply),
            // Its refusal would be the last word on a command that may be there.
            (State::Asking, Input::Lost(lost)) => Err(lost.fault(false)),
            (State::Pausing(until), Input::Go) => {
                let until = *until;
                Ok(if until <= context.now { self.decide(context) } else { self.renew(context, until) })
            }
            (State::Renewing(until, sent), Input::Reply(mut reply)) => {
                let (until, sent) = (*until, *sent);
                match lock::held(&mut reply) {
                    Ok(Some(index)) => return Err(self.gone(index)),
                    Ok(None) => self.renewed(sent),
                    // They hold for a while yet, and why the server refuses may pass.
                    Err(_) => {}
                }
                Ok(self.pause(context, until))
            }
            (State::Renewing(until, _), Input::Lost(_)) => {
                let until = *until;
                Ok(self.pause(context, until))
            }
            (State::Appending(appending), input) => {
                let turn = match input {
                    Input::Reply(reply) => appending.replied(context, reply)?,
                    Input::Lost(lost) => Turn::Step(appending.lost(context, lost)?),
                    _ => Turn::Step(appending.again(context)),
                };
                match turn {
                    Turn::Step(step) => Ok(step),
                    Turn::Done(appended) => Ok(Step::Done(Outcome::Appended(appended))),
                    Turn::Conflict(head, position) => self.conflict(context, head, position),
                }
            }
            _ => Err(unasked()),
        }
    }

    fn give_up(&mut self, context: &mut Context<'_>, fault: Fault) -> Step {
        seen(context);
        Step::Failed(match &self.state {
            State::Appending(appending) => appending.cut(fault),
            _ => fault,
        })
    }

    fn unsure(&self, sent: bool) -> bool {
        matches!(&self.state, State::Appending(appending) if appending.unsure(sent))
    }
}

impl Locking for Execute {
    fn hold(&mut self, held: &[Lease]) {
        self.taken = held.to_vec();
    }
}

impl Execute {
    fn decide(&mut self, context: &mut Context<'_>) -> Step {
        self.attempt = self.attempt.saturating_add(1);
        self.state = State::Deciding;
        context.shared.decisions.push(Seen { by: context.flow, query: Query::default(), head: None });
        Step::Decide(Decision { attempt: self.attempt, leases: self.taken.clone() })
    }

    fn decided(&mut self, context: &mut Context<'_>, mut events: Vec<Event>) -> Result<Step, Fault> {
        let seen = seen(context);
        self.check_locks(&mut events)?;
        validate::events(&mut events, true, context.shared.settings.limits())?;
        let mut appending = Appending::new(events, 2, self.durability);
        if let Some((query, after)) = seen {
            appending.condition = Some(Condition { query: validate::query("reads", query.items)?, after });
        }
        appending.marker = Some(self.command.marker(&context.shared.settings));
        appending.command = Some(Record {
            id: self.command.id,
            kind: self.command.kind.clone(),
            metadata: self.command.metadata,
            blob: 0,
        });
        appending.runs = Some(self.attempt);
        appending.locks = secrets(&self.held);
        appending.locks.extend(secrets(&self.taken));
        let step = appending.send(context);
        self.state = State::Appending(Box::new(appending));
        Ok(step)
    }

    /// Those of events have to be the command's, or held: taking more while some are held could wait for ever.
    fn check_locks(&self, events: &mut [Event]) -> Result<(), Fault> {
        for name in validate::lock_tags(events)? {
            if self.held.iter().chain(&self.taken).all(|lease| lease.name != name) {
                let why = format!("have the tag lock:{name}, which is no lock of the command, nor held");
                return Err(invalid("events", &why));
            }
        }
        Ok(())
    }

    fn declined(&mut self, context: &mut Context<'_>) -> Step {
        seen(context);
        self.state = State::Asking;
        context.send(marker::plan(&context.shared.layout, self.command.id))
    }

    fn told(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Step, Fault> {
        let asked = self.command.marker(&context.shared.settings);
        match marker::read(&context.shared.layout, &asked, &mut reply)? {
            Some(plan::Outcome::Repeated(plan::Appended { first, last, command, cursor })) => {
                let appended = Appended { first, last, cursor, command, repeated: true, attempts: self.attempt };
                Ok(Step::Done(Outcome::Appended(appended)))
            }
            Some(_) => Err(Fault::IdReused(asked.id)),
            None => Err(Fault::Cancelled(false)),
        }
    }

    /// A pause drawn from 0 to a bound that doubles, and then the handler again.
    fn conflict(&mut self, context: &mut Context<'_>, head: u64, position: u64) -> Result<Step, Fault> {
        if self.attempt >= self.retries.attempts {
            return Err(Fault::Conflict(head, position));
        }
        let doubled = u64::from(self.retries.backoff) << self.attempt.saturating_sub(1).min(30);
        let bound = doubled.min(self.retries.max_backoff.into()).saturating_mul(1000);
        let delay = context.shared.random.up_to(bound);
        let until = context.now.saturating_add(delay);
        // Nobody has renewed them since the handler decided.
        let long = !self.taken.is_empty() && delay > whole(self.retries.lease) / 6;
        Ok(if long { self.renew(context, until) } else { self.pause(context, until) })
    }

    /// Waits, but not for so long that the locks could not be renewed in time.
    fn pause(&mut self, context: &Context<'_>, until: u64) -> Step {
        self.state = State::Pausing(until);
        let left = until.saturating_sub(context.now);
        let most = if self.taken.is_empty() { left } else { whole(self.retries.lease) / 3 };
        context.wait(left.min(most))
    }

    fn renew(&mut self, context: &Context<'_>, until: u64) -> Step {
        self.state = State::Renewing(until, context.now);
        let duration = self.retries.lease;
        let commands = lock::renew(&context.shared.layout, &secrets(&self.taken), duration);
        context.send_within(whole(duration) / 3, commands)
    }

    fn renewed(&mut self, sent: u64) {
        let until = sent.saturating_add(whole(self.retries.lease));
        self.taken.iter_mut().for_each(|lease| lease.until = until);
    }

    fn gone(&self, index: usize) -> Fault {
        Fault::LockLost(self.taken.get(index).map(|lease| lease.name.clone()).unwrap_or_default())
    }
}

/// What the handler has read, which is forgotten.
fn seen(context: &mut Context<'_>) -> Option<(Query, Cursor)> {
    let at = context.shared.decisions.iter().position(|seen| seen.by == context.flow)?;
    let Seen { query, head, .. } = context.shared.decisions.swap_remove(at);
    Some((query, head?))
}
