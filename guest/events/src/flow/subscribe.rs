//! Following the log: what is there, then what comes.

use crate::pieces::Commands;
use crate::plan::bell;
use crate::step::{Fault, Step};

use super::read::{Reading, Turn};
use super::{Context, Flow, Input, unasked};

/// How long the server is asked to wait for an event, milliseconds.
const BLOCK: u64 = 30_000;
/// As long as it refuses to ring, as one that is full, or where the user may only read: how often the log is looked at.
const POLL: u64 = 1000;
/// How much later its answer is waited for. Microseconds.
const SLACK: u64 = 10_000_000;
/// For how long it is asked to ring, milliseconds.
const LISTEN: u64 = 120_000;
/// Errors of the server in a row that end it.
const MOST_ERRORS: u32 = 10;

/// `subscribe`: rounds of pages up to the head, and between them the wait for the bell, which rings at each append while
/// somebody listens. What rings while a page is read is not missed, as the bell is asked for what is behind the round's
/// head; what was appended before it was listened to is found by one more round.
pub(crate) struct Subscribe {
    reading: Reading,
    state: State,
    failures: u32,
    bell: Bell,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// A page was sent for, or given.
    Page,
    /// Appends are to ring.
    Listen,
    /// The bell is waited for.
    Bell,
    /// Something failed; it goes on after a while.
    Pause,
}

/// Whether it rings.
#[derive(Clone, Copy, Default)]
struct Bell {
    /// Until when it does, by the host's clock. Microseconds.
    until: u64,
    /// The server refused that.
    silent: bool,
}

impl Flow for Subscribe {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        let turn = match (input, self.state) {
            (Input::Begin, _) => Turn::Send(self.reading.plan(context)),
            (Input::Reply(reply), State::Page) => match self.reading.replied(context, reply) {
                Ok(turn) => {
                    self.failures = 0;
                    turn
                }
                Err(fault) => return self.failed(context, fault),
            },
            (Input::Reply(mut reply), State::Listen) => {
                self.bell.silent = bell::read(&mut reply).is_err();
                self.round(context)
            }
            (Input::Reply(mut reply), _) => match bell::read(&mut reply) {
                Ok(()) => self.round(context),
                Err(fault) => return self.failed(context, fault.into()),
            },
            (Input::Go, State::Page) => self.reading.more(context)?,
            (Input::Go, _) => self.round(context),
            (Input::Lost(_), _) => return Ok(self.pause(context)),
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
        Self { reading, state: State::Page, failures: 0, bell: Bell::default() }
    }

    /// A round ended at the head.
    fn end(&mut self, context: &Context<'_>) -> Step {
        self.reading.again();
        let (layout, time) = (&context.shared.layout, if self.bell.silent { POLL } else { BLOCK });
        if self.bell.until >= context.now.saturating_add(time * 1000 + SLACK) {
            self.state = State::Bell;
            return self.ask(context, bell::wait(layout, self.reading.head.position, time));
        }
        self.state = State::Listen;
        self.bell.until = context.now.saturating_add(LISTEN * 1000);
        self.ask(context, bell::listen(layout, LISTEN))
    }

    /// With a deadline of its own: the flow has none.
    fn ask(&self, context: &Context<'_>, commands: Commands) -> Step {
        context.send_within(BLOCK * 1000 + SLACK, commands)
    }

    fn round(&mut self, context: &Context<'_>) -> Turn {
        self.state = State::Page;
        Turn::Send(self.reading.plan(context))
    }

    fn failed(&mut self, context: &mut Context<'_>, fault: Fault) -> Result<Step, Fault> {
        match fault {
            Fault::Server(_) if self.failures < MOST_ERRORS => Ok(self.pause(context)),
            Fault::Rebuilding => Ok(self.pause(context)),
            fault => Err(fault),
        }
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Step {
        self.state = State::Pause;
        // Behind a lost link may be another server.
        self.bell = Bell::default();
        self.reading.lost();
        let step = context.back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        step
    }
}
