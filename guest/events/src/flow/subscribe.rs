//! Following the log: what is there, then what comes.

use crate::pieces::Commands;
use crate::step::{Fault, Step};

use super::read::{Reading, Turn};
use super::{Context, Flow, Input, unasked};
use crate::reply::{Node, Reply};

/// How long the server is asked to wait for an event, milliseconds.
const BLOCK: u64 = 30_000;
/// How much later its answer is waited for. Microseconds.
const SLACK: u64 = 10_000_000;
/// Errors of the server in a row that end it.
const MOST_ERRORS: u32 = 10;

/// `subscribe`: rounds of pages up to the head, and between them the wait for the bell, which rings at each append.
/// What rings while a page is read is not missed, as the bell is asked for what is behind the round's head.
pub(crate) struct Subscribe {
    pub(crate) reading: Reading,
    pub(crate) state: State,
    pub(crate) failures: u32,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// A page was sent for, or given.
    Page,
    /// The bell is waited for.
    Bell,
    /// Something failed; it goes on after a while.
    Pause,
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
            (Input::Reply(mut reply), _) => match rung(&mut reply) {
                Ok(()) => self.round(context),
                Err(fault) => return self.failed(context, fault),
            },
            (Input::Go, State::Page) => self.reading.more(context)?,
            (Input::Go, _) => self.round(context),
            (Input::Lost(_), _) => return Ok(self.pause(context)),
            (Input::Decided(_), _) => return Err(unasked()),
        };
        Ok(match turn {
            Turn::Send(commands) => self.ask(context, commands),
            Turn::Page(page) => Step::Events(page),
            Turn::End => self.listen(context),
        })
    }
}

impl Subscribe {
    fn listen(&mut self, context: &Context<'_>) -> Step {
        self.reading.again();
        self.state = State::Bell;
        // Not to be repeated: behind a broken link may be another server, whose log lost its end, and whose bell would not
        // ring before it has as many events again. A page finds that out.
        let mut commands = Commands::default();
        commands.command("XREAD");
        commands.text(b"COUNT");
        commands.number(1);
        commands.text(b"BLOCK");
        commands.number(BLOCK);
        commands.text(b"STREAMS");
        commands.text(context.shared.layout.bell().as_bytes());
        commands.number(self.reading.head.position);
        self.ask(context, commands)
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
        self.reading.lost();
        let step = context.back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        step
    }
}

fn rung(reply: &mut Reply<'_>) -> Result<(), Fault> {
    match reply.node()? {
        Node::Error(text) => Err(Fault::Server(String::from_utf8_lossy(text.bytes).into_owned())),
        _ => Ok(()),
    }
}
