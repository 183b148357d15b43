//! Following the log: what is there, then what comes.

use crate::pieces::Commands;
use crate::step::{Fault, Lost, Step};

use super::listen::{Rest, SLACK};
use super::read::{Reading, Turn};
use super::{Context, Flow, Input, unasked};

/// How long a page is waited for. Microseconds.
const PATIENCE: u64 = 30_000_000 + SLACK;
/// Errors of the server in a row that end it.
const MOST_ERRORS: u32 = 10;
/// How errors begin that do not count as such: the server will do what it is asked for, in a while.
const PASSING: [&str; 5] = ["BUSY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"];
/// So often in a row the client may say that it is being closed, until it is believed.
const MOST_CLOSINGS: u32 = 4;

/// `subscribe`: rounds of pages up to the head, between which it is parked: see `Listen`. What rings while a page is
/// read is not missed, as the bell is asked for what is behind the round's head; what was appended before it was asked
/// to ring is found by one more round.
pub(crate) struct Subscribe {
    reading: Reading,
    state: State,
    /// Attempts in a row that came to nothing.
    failures: u32,
    /// Those of them that the server refused for a reason that may not pass.
    refusals: u32,
    closings: u32,
    /// How often the bell had been asked to ring when this round's head was asked for.
    asked: u64,
    /// While this listener waited, the last round was one more.
    looked: u64,
    /// Rounds in a row after which the listener might hear nothing.
    doubts: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// A page was sent for, or given.
    Page,
    /// It goes on when it is told.
    Rest,
}

impl Flow for Subscribe {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        let turn = match (input, self.state) {
            (Input::Begin, _) => self.round(context),
            (Input::Reply(reply), _) => match self.reading.replied(context, reply) {
                Ok(turn) => {
                    (self.failures, self.refusals, self.closings) = (0, 0, 0);
                    turn
                }
                Err(Fault::Ahead(_) | Fault::Rewritten(_)) if self.reading.resume() => self.round(context),
                Err(fault) => return self.failed(context, fault),
            },
            (Input::Go, State::Page) => self.reading.more(context)?,
            (Input::Go, State::Rest) => self.round(context),
            (Input::Lost(lost), _) => {
                // A client that is replaced has another in a moment; one that is closed never has.
                self.closings = if lost.cause == Lost::CLOSING { self.closings.saturating_add(1) } else { 0 };
                if self.closings > MOST_CLOSINGS {
                    return Err(lost.fault(false));
                }
                context.shared.bell.lost(&lost);
                return Ok(self.pause(context));
            }
            (Input::Decided(_), _) => return Err(unasked()),
        };
        Ok(match turn {
            Turn::Send(commands) => self.ask(context, commands),
            Turn::Page(page) => Step::Events(page),
            Turn::End => self.end(context),
        })
    }
}

impl Subscribe {
    pub(crate) fn new(reading: Reading) -> Self {
        Self { reading, state: State::Page, failures: 0, refusals: 0, closings: 0, asked: 0, looked: 0, doubts: 0 }
    }

    /// A round ended at the head.
    fn end(&mut self, context: &mut Context<'_>) -> Step {
        self.reading.again();
        let rest = context.shared.bell.rest(self.reading.head.position, self.asked, self.looked);
        self.looked = if let Rest::Look(listener) = rest { listener } else { 0 };
        self.doubts = if matches!(rest, Rest::Later) { self.doubts.saturating_add(1) } else { 0 };
        self.state = State::Rest;
        match rest {
            Rest::Park(listener) => Step::Park(listener),
            Rest::Later => context.back_off(self.doubts),
            Rest::Look(_) => {
                self.state = State::Page;
                let commands = self.reading.plan(context);
                self.ask(context, commands)
            }
        }
    }

    /// With a deadline of its own: the flow has none.
    fn ask(&mut self, context: &Context<'_>, commands: Commands) -> Step {
        if self.reading.until.is_none() {
            self.asked = context.shared.bell.asked;
        }
        context.send_within(PATIENCE, commands)
    }

    fn round(&mut self, context: &mut Context<'_>) -> Turn {
        self.state = State::Page;
        Turn::Send(self.reading.plan(context))
    }

    fn failed(&mut self, context: &mut Context<'_>, fault: Fault) -> Result<Step, Fault> {
        match fault {
            Fault::Server(text) if passes(&text) => Ok(self.pause(context)),
            Fault::Server(_) if self.refusals < MOST_ERRORS => {
                self.refusals = self.refusals.saturating_add(1);
                Ok(self.pause(context))
            }
            Fault::Rebuilding => Ok(self.pause(context)),
            fault => Err(fault),
        }
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Step {
        self.state = State::Rest;
        self.reading.lost();
        let step = context.back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        step
    }
}

fn passes(error: &str) -> bool {
    PASSING.contains(&error.split(' ').next().unwrap_or_default())
}
