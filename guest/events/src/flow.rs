//! Flows: state machines over `plan`, one for each kind of operation. What they share is here.

pub mod append;
pub mod care;
pub mod checkpoint;
pub mod commands;
pub mod execute;
pub mod inspect;
pub mod listen;
pub mod lock;
pub mod locked;
pub mod read;
pub mod stats;
pub mod subscribe;

use crate::event::{Cursor, Event};
use crate::given::Settings;
use crate::layout::{Layout, Meta, Segments};
use crate::pieces::Commands;
use crate::plan::lock::Token;
use crate::plan::meta;
use crate::query::Query;
use crate::random::Random;
use crate::reply::Reply;
use crate::step::{Batch, Fault, Lost, Step};
use listen::Bell;

/// How often in a row a flow asks for the segments anew before it gives up.
const MOST_STALE: u8 = 16;

/// What a flow is told.
pub(crate) enum Input<'a> {
    /// It begins.
    Begin,
    /// What it sent is answered.
    Reply(Reply<'a>),
    /// What it sent is not.
    Lost(Lost),
    /// The time that it waits for is there, or its caller wants more.
    Go,
    /// Its handler decided, or gave an error.
    Decided(Option<Vec<Event>>),
}

/// An operation under way. Tests have stores in several threads.
pub(crate) trait Flow: Send {
    /// What comes next; a fault goes to `give_up`. The store sees to it that the input is one that the last step asked
    /// for.
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault>;

    /// What is left to do before the flow fails.
    fn give_up(&mut self, _context: &mut Context<'_>, fault: Fault) -> Step {
        Step::Failed(fault)
    }

    /// Whether the flow may have changed the store, and does not know; `sent`: what it sent is not answered.
    fn unsure(&self, _sent: bool) -> bool {
        false
    }

    /// Why it fails when its deadline passes between two steps.
    fn late(&self) -> Fault {
        Fault::Deadline(self.unsure(false))
    }
}

/// What all flows of a store share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) layout: Layout,
    /// As the scripts said last.
    pub(crate) segments: Segments,
    pub(crate) random: Random,
    /// Two streams of their own, which tokens are drawn from.
    pub(crate) tokens: (Random, Random),
    /// By what it answered.
    pub(crate) fsyncs: Fsyncs,
    /// For all who follow the log.
    pub(crate) bell: Bell,
    /// Of `execute` flows whose handlers run.
    pub(crate) decisions: Vec<Seen>,
}

/// Which append-only files a server is known to wait for: its own, and those of replicas alone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fsyncs {
    local: bool,
    replicas: bool,
}

impl Fsyncs {
    pub(crate) fn has(self, local: bool) -> bool {
        if local { self.local } else { self.replicas }
    }

    pub(crate) fn add(&mut self, local: bool) {
        *if local { &mut self.local } else { &mut self.replicas } = true;
    }
}

/// What a handler has read.
pub(crate) struct Seen {
    /// The flow that executes it.
    pub(crate) by: u64,
    pub(crate) query: Query,
    /// The log's head at the first read, which all others stop at.
    pub(crate) head: Option<Cursor>,
}

impl Shared {
    pub(crate) fn token(&mut self) -> Token {
        let (high, low) = (self.tokens.0.up_to(u64::MAX), self.tokens.1.up_to(u64::MAX));
        Token(u128::from(high) << 64 | u128::from(low))
    }

    /// What the handler of this flow has read, if it runs.
    pub(crate) fn seen(&self, by: u64) -> Option<&Seen> {
        self.decisions.iter().find(|seen| seen.by == by)
    }
}

/// One call of one flow.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a mut Shared,
    pub(crate) now: u64,
    pub(crate) flow: u64,
    pub(crate) deadline: u64,
}

impl Context<'_> {
    pub(crate) fn send(&self, commands: Commands) -> Step {
        Step::Send(Batch { commands, session: false, deadline: self.deadline })
    }

    pub(crate) fn send_on_session(&self, commands: Commands) -> Step {
        Step::Send(Batch { commands, session: true, deadline: self.deadline })
    }

    /// To be answered within so long, whatever the deadline is.
    pub(crate) fn send_within(&self, time: u64, commands: Commands) -> Step {
        Step::Send(Batch { commands, session: false, deadline: self.now.saturating_add(time) })
    }

    /// For so long, but not beyond the deadline.
    pub(crate) fn wait(&self, delay: u64) -> Step {
        Step::Wait(self.now.saturating_add(delay).min(self.deadline))
    }

    /// Before the attempt of this number, counted from 0: up to 10 ms, doubled each time, at most a second.
    pub(crate) fn back_off(&mut self, attempt: u32) -> Step {
        let bound = 10_000_u64.saturating_mul(1 << attempt.min(7)).min(1_000_000);
        let delay = self.shared.random.up_to(bound);
        self.wait(delay)
    }
}

/// Asking for the table of segments, when a script says that it is not what it was.
#[derive(Default)]
pub(crate) struct Refresh {
    asking: bool,
    tries: u8,
}

impl Refresh {
    /// What to send for it.
    pub(crate) fn ask(&mut self, context: &Context<'_>) -> Result<Commands, Fault> {
        self.tries = self.tries.saturating_add(1);
        if self.tries > MOST_STALE {
            return Err(Fault::Corrupt("h".to_owned(), "the segments are not where it says".to_owned()));
        }
        self.asking = true;
        Ok(meta::plan(&context.shared.layout))
    }

    /// Whether this reply was to that; then what was to be sent is to be sent again.
    pub(crate) fn answered(&mut self, context: &mut Context<'_>, reply: &mut Reply<'_>) -> Result<bool, Fault> {
        Ok(self.told(context, reply)?.is_some())
    }

    /// As `answered`: what the reply says.
    pub(crate) fn told(&mut self, context: &mut Context<'_>, reply: &mut Reply<'_>) -> Result<Option<Meta>, Fault> {
        if !std::mem::take(&mut self.asking) {
            return Ok(None);
        }
        let meta = meta::read(&context.shared.layout, reply)?;
        context.shared.segments.clone_from(&meta.segments);
        Ok(Some(meta))
    }

    /// What was to be sent came to something.
    pub(crate) fn fresh(&mut self) {
        self.tries = 0;
    }

    /// What was sent was not answered.
    pub(crate) fn lost(&mut self) {
        self.asking = false;
    }
}

/// A call that is not of this flow's: the store has sorted them out before.
pub(crate) fn unasked() -> Fault {
    Fault::Misuse("this was not asked for".to_owned())
}
