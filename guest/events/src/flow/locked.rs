//! Flows that hold locks meanwhile.

use crate::step::{Fault, Lease, Step};

use super::lock::Taking;
use super::{Context, Flow, Input, unasked};

/// A flow that needs locks.
pub(crate) trait Locking: Flow {
    /// It has them, and begins next.
    fn hold(&mut self, held: &[Lease]);
}

/// Takes locks, does what needs them, and gives them back, however that ends.
pub(crate) struct Locked {
    pub(crate) taking: Taking,
    pub(crate) inner: Box<dyn Locking>,
    pub(crate) state: State,
}

pub(crate) enum State {
    Taking,
    Held,
    /// They are given back; then it ends so.
    Releasing(Option<Step>),
}

impl Locked {
    pub(crate) fn new(taking: Taking, inner: Box<dyn Locking>) -> Self {
        Self { taking, inner, state: State::Taking }
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<Step, Fault> {
        self.state = State::Held;
        self.inner.hold(&self.taking.held);
        self.inner.next(context, Input::Begin)
    }

    fn end(&mut self, context: &mut Context<'_>, ending: Step) -> Step {
        match self.taking.release(context) {
            Some(step) => {
                self.state = State::Releasing(Some(ending));
                step
            }
            None => ending,
        }
    }
}

impl Flow for Locked {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match (&mut self.state, input) {
            (State::Taking, input) => {
                let step = match input {
                    Input::Begin | Input::Go => self.taking.send(context),
                    Input::Reply(reply) => self.taking.replied(context, reply)?,
                    Input::Lost(lost) => Some(self.taking.lost(context, lost)?),
                    Input::Decided(_) => return Err(unasked()),
                };
                step.map_or_else(|| self.begin(context), Ok)
            }
            (State::Held, input) => match self.inner.next(context, input)? {
                ending @ (Step::Done(_) | Step::Failed(_)) => Ok(self.end(context, ending)),
                step => Ok(step),
            },
            // Whether they were given back is not what the caller asked.
            (State::Releasing(ending), Input::Lost(_)) => {
                let ending = over(ending);
                Ok(self.end(context, ending))
            }
            (State::Releasing(ending), _) => Ok(over(ending)),
        }
    }

    fn give_up(&mut self, context: &mut Context<'_>, fault: Fault) -> Step {
        let ending = match &mut self.state {
            State::Releasing(ending) => over(ending),
            State::Held => self.inner.give_up(context, fault),
            State::Taking => Step::Failed(fault),
        };
        self.end(context, ending)
    }

    fn unsure(&self, sent: bool) -> bool {
        matches!(self.state, State::Held) && self.inner.unsure(sent)
    }

    fn late(&self) -> Fault {
        match self.state {
            State::Taking => self.taking.late(),
            _ => self.inner.late(),
        }
    }
}

fn over(ending: &mut Option<Step>) -> Step {
    ending.take().unwrap_or_else(|| Step::Failed(unasked()))
}
