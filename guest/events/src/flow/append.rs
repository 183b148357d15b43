//! Appending events.

use crate::event::{Event, Id};
use crate::given::invalid;
use crate::given::{Acknowledgements, Durability};
use crate::pieces::Commands;
use crate::plan::append::{self as plan, Append as Plan, Condition, Marker, Order};
use crate::plan::lock::Token;
use crate::reply::{Node, Reply};
use crate::step::{Appended, Batch, Failure, Fault, Lease, Lost, Outcome, Step};

use super::lock::secrets;
use super::locked::Locking;
use super::{Context, Flow, Fsyncs, Input, Refresh, unasked};

/// An append on its way: sent, sent again where its marker makes that safe, and acknowledged.
pub(crate) struct Appending {
    pub(crate) events: Vec<Event>,
    /// The number of the first event's data.
    pub(crate) blob: u32,
    pub(crate) condition: Option<Condition>,
    pub(crate) marker: Option<Marker>,
    pub(crate) command: Option<Command>,
    pub(crate) locks: Vec<(String, Token)>,
    pub(crate) durability: Durability,
    /// How often its handler ran, if it has one.
    pub(crate) runs: Option<u32>,
    refresh: Refresh,
    /// Whether the server can wait for append-only files is being asked.
    asking: bool,
    sent: u32,
    /// When it was sent first: what a marker answers later is not its own.
    since: u64,
    /// The first attempt of which nobody knows whether it was executed.
    lost: Option<Lost>,
    /// It is there, and to be acknowledged.
    written: Option<Appended>,
}

/// What the record of a command needs.
pub(crate) struct Command {
    pub(crate) id: Id,
    pub(crate) kind: String,
    pub(crate) metadata: u32,
    /// The number of its data.
    pub(crate) blob: u32,
}

/// What comes of a reply.
pub(crate) enum Turn {
    Step(Step),
    /// It is there.
    Done(Appended),
    /// The head, and the last event known to conflict.
    Conflict(u64, u64),
}

impl Appending {
    pub(crate) fn new(events: Vec<Event>, blob: u32, durability: Durability) -> Self {
        Self {
            events,
            blob,
            condition: None,
            marker: None,
            command: None,
            locks: Vec::new(),
            durability,
            runs: None,
            refresh: Refresh::default(),
            asking: false,
            sent: 0,
            since: 0,
            lost: None,
            written: None,
        }
    }

    /// Whether it may have been executed; `sent`: what was sent last is not answered.
    pub(crate) fn unsure(&self, sent: bool) -> bool {
        (sent && !self.asking) || self.lost.is_some() || self.written.is_some()
    }

    pub(crate) fn send(&mut self, context: &Context<'_>) -> Step {
        if let (0, Durability::Fsynced(local, _)) = (self.sent, self.durability)
            && !context.shared.fsyncs.has(local)
        {
            self.asking = true;
            return context.send_on_session(can_wait(local));
        }
        if self.sent == 0 {
            self.since = context.now;
        }
        self.sent = self.sent.saturating_add(1);
        let settings = &context.shared.settings;
        let append = Plan {
            events: &self.events,
            blob: self.blob,
            condition: self.condition.as_ref(),
            marker: self.marker,
            command: self.command.as_ref().map(|command| Order {
                id: command.id,
                kind: &command.kind,
                metadata: command.metadata,
                blob: command.blob,
            }),
            locks: &self.locks,
            budget: settings.scan_budget,
            segment_bytes: settings.segment_bytes,
        };
        let mut commands = plan::plan(&context.shared.layout, &context.shared.segments, &append);
        // This flow does it, so that it knows which answer is to its own attempt.
        commands.may_repeat = false;
        self.submit(context, commands)
    }

    pub(crate) fn replied(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Turn, Fault> {
        if let Some(written) = self.written {
            if matches!(reply.clone().node(), Ok(Node::Error(_))) {
                self.forget_files(context);
            }
            return acknowledged(&mut reply, self.durability, written).map(Turn::Done);
        }
        if std::mem::take(&mut self.asking) {
            self.told_of_files(context, &mut reply)?;
            return Ok(Turn::Step(self.send(context)));
        }
        let answered = self.refresh.answered(context, &mut reply);
        if answered.map_err(|fault| self.doubtful(fault))? {
            self.sent = self.sent.saturating_sub(1);
            return Ok(Turn::Step(self.send(context)));
        }
        match plan::read(&mut reply).map_err(|fault| self.doubtful(fault.into()))? {
            plan::Outcome::Appended(appended) => Ok(self.settle(context, appended, false)),
            plan::Outcome::Repeated(appended) => Ok(self.settle(context, appended, true)),
            plan::Outcome::Conflict { head, position } => Ok(Turn::Conflict(head, position)),
            plan::Outcome::Stale => {
                let commands = self.refresh.ask(context)?;
                Ok(Turn::Step(self.submit(context, commands)))
            }
            plan::Outcome::IdReused => Err(Fault::IdReused(self.marker.map(|marker| marker.id).unwrap_or_default())),
            plan::Outcome::Ahead(head) => Err(Fault::Ahead(head)),
            plan::Outcome::Rewritten(position) => Err(Fault::Rewritten(position)),
            plan::Outcome::TooBroad => Err(Fault::TooBroad),
            plan::Outcome::TooManyTypes => Err(Fault::TooManyTypes),
            plan::Outcome::LockLost(index) => {
                Err(Fault::LockLost(self.locks.get(index).map(|(name, _)| name.clone()).unwrap_or_default()))
            }
            plan::Outcome::Rebuilding => Err(self.doubtful(Fault::Rebuilding)),
        }
    }

    /// A server that can't wait is found out before anything is written.
    fn told_of_files(&self, context: &mut Context<'_>, reply: &mut Reply<'_>) -> Result<(), Fault> {
        if let Node::Error(text) = reply.node()? {
            let line = String::from_utf8_lossy(text.bytes);
            return Err(invalid("durability", &format!("this server can't wait for append-only files: {line}")));
        }
        if let Durability::Fsynced(local, _) = self.durability {
            context.shared.fsyncs.add(local);
        }
        Ok(())
    }

    /// The server is, or may be, another one than was asked: the next append asks again.
    fn forget_files(&self, context: &mut Context<'_>) {
        if let Durability::Fsynced(..) = self.durability {
            context.shared.fsyncs = Fsyncs::default();
        }
    }

    /// A fault that says nothing of the marker: the attempt before, of which nobody knows, may have been executed.
    fn doubtful(&self, fault: Fault) -> Fault {
        match &self.lost {
            Some(lost) => lost.clone().fault(true),
            None => fault,
        }
    }

    /// Waits, and sends it again, as long as its marker is sure to say whether this attempt was executed.
    pub(crate) fn lost(&mut self, context: &mut Context<'_>, lost: Lost) -> Result<Step, Fault> {
        self.refresh.lost();
        self.forget_files(context);
        if std::mem::take(&mut self.asking) {
            return Err(Lost { failure: Failure::NotSent, ..lost }.fault(false));
        }
        if let Some(written) = self.written {
            return Err(Fault::TooFewAcknowledgements(0, 0, written));
        }
        let (cause, certain) = (lost.cause, lost.failure != Failure::MaybeExecuted);
        if self.lost.is_none() && certain {
            return Err(lost.fault(false));
        }
        // Half of its time, as the next attempt takes some.
        let window = self.marker_ends(2);
        let first = self.lost.get_or_insert(lost);
        if cause == Lost::DEADLINE || cause == Lost::CLOSING || context.now >= window.min(context.deadline) {
            let first = first.clone();
            return Err(Lost { cause, ..first }.fault(true));
        }
        Ok(context.back_off(self.sent))
    }

    /// Why it ends early. What is written stays so, whatever nobody waits for any more.
    pub(crate) fn cut(&self, fault: Fault) -> Fault {
        match (self.written, fault) {
            (Some(written), Fault::Cancelled(_)) => Fault::TooFewAcknowledgements(0, 0, written),
            (_, fault) => fault,
        }
    }

    /// Time has passed: the next attempt.
    pub(crate) fn again(&mut self, context: &mut Context<'_>) -> Step {
        self.send(context)
    }

    /// When such a part of its marker's time is over.
    fn marker_ends(&self, part: u64) -> u64 {
        match self.marker {
            None => 0,
            Some(Marker { ttl: 0, .. }) => u64::MAX,
            Some(Marker { ttl, .. }) => self.since.saturating_add(ttl.saturating_mul(1000) / part),
        }
    }

    fn submit(&self, context: &Context<'_>, commands: Commands) -> Step {
        let session = self.durability != Durability::None;
        // What comes after its marker would be executed twice.
        let deadline = if self.lost.is_some() { self.marker_ends(1) } else { u64::MAX };
        Step::Send(Batch { commands, session, deadline: deadline.min(context.deadline) })
    }

    fn settle(&mut self, context: &Context<'_>, appended: plan::Appended, repeated: bool) -> Turn {
        let plan::Appended { first, last, command, mut cursor } = appended;
        if let (false, Some(event)) = (repeated, self.events.last()) {
            cursor.id = event.id;
        }
        let appended = Appended { first, last, cursor, command, repeated, attempts: self.runs.unwrap_or(self.sent) };
        let Some(commands) = wait(context, self.durability) else { return Turn::Done(appended) };
        self.written = Some(appended);
        Turn::Step(context.send_on_session(commands))
    }
}

/// Whether the server knows WAITAOF, and has a file of its own if it is to wait for that: at once, as it waits for
/// none.
fn can_wait(local: bool) -> Commands {
    let mut commands = Commands::default();
    commands.command("WAITAOF");
    for number in [local.into(), 0, 1] {
        commands.number(number);
    }
    commands
}

/// What makes the server wait for acknowledgements of all that it has written so far: a repeated append's, too. It has
/// to answer in time, to say how many there are.
fn wait(context: &Context<'_>, durability: Durability) -> Option<Commands> {
    let mut commands = Commands::default();
    let Acknowledgements { count, timeout } = match durability {
        Durability::None => return None,
        Durability::Replicas(acknowledgements) => {
            commands.command("WAIT");
            acknowledgements
        }
        Durability::Fsynced(local, acknowledgements) => {
            commands.command("WAITAOF");
            commands.number(local.into());
            acknowledgements
        }
    };
    commands.number(count.into());
    let left = context.deadline.saturating_sub(context.now) / 1000;
    commands.number(u64::from(timeout).min(left / 10 * 9).max(1));
    Some(commands)
}

/// An error counts as no acknowledgement: the events are written.
fn acknowledged(reply: &mut Reply<'_>, durability: Durability, written: Appended) -> Result<Appended, Fault> {
    let mut number = || match reply.node() {
        Ok(Node::Integer(number)) => u32::try_from(number).unwrap_or(0),
        _ => 0,
    };
    let (local, replicas, enough) = match durability {
        Durability::None => (0, 0, true),
        Durability::Replicas(wanted) => {
            let replicas = number();
            (0, replicas, replicas >= wanted.count)
        }
        Durability::Fsynced(wants_local, wanted) => {
            // Past the array.
            number();
            let (local, replicas) = (number(), number());
            (local, replicas, local >= u32::from(wants_local) && replicas >= wanted.count)
        }
    };
    if enough { Ok(written) } else { Err(Fault::TooFewAcknowledgements(local, replicas, written)) }
}

/// `append`.
pub(crate) struct Append(pub(crate) Appending);

impl Flow for Append {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => Ok(self.0.send(context)),
            Input::Reply(reply) => match self.0.replied(context, reply)? {
                Turn::Step(step) => Ok(step),
                // Without an attempt that was lost, somebody else sent it before.
                Turn::Done(appended) if appended.repeated && self.0.lost.is_none() => {
                    Err(Fault::Duplicate(appended.first, appended.last))
                }
                Turn::Done(appended) => Ok(Step::Done(Outcome::Appended(appended))),
                Turn::Conflict(head, position) => Err(Fault::Conflict(head, position)),
            },
            Input::Lost(lost) => self.0.lost(context, lost),
            Input::Go => Ok(self.0.again(context)),
            Input::Decided(_) => Err(unasked()),
        }
    }

    fn give_up(&mut self, _: &mut Context<'_>, fault: Fault) -> Step {
        Step::Failed(self.0.cut(fault))
    }

    fn unsure(&self, sent: bool) -> bool {
        self.0.unsure(sent)
    }
}

impl Locking for Append {
    fn hold(&mut self, held: &[Lease]) {
        self.0.locks.extend(secrets(held));
    }
}
