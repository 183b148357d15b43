//! Waiting for what comes, for all who follow the log: one connection of the client waits, however many they are.

use crate::plan::bell;
use crate::step::{Fault, Lost, Outcome, Step};

use super::{Context, Flow, Input, unasked};

/// How long the server is asked to wait for an event, milliseconds.
const BLOCK: u64 = 30_000;
/// As long as it refuses to ring, as one that is full, or where the user may only read: how often the log is looked at.
const POLL: u64 = 1000;
/// How much later its answer is waited for. Microseconds.
pub(super) const SLACK: u64 = 10_000_000;
/// For how long it is asked to ring, milliseconds.
const LISTEN: u64 = 120_000;

/// `listen`: has the bell ring, or waits for it, once. It rings at each append while somebody listens. Whoever is
/// parked then looks at the log, parks again, and the host begins the next.
#[derive(Default)]
pub(crate) struct Listen {
    state: State,
    /// Until when it will ring, if the server answers that.
    until: u64,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// Appends are to ring.
    #[default]
    Asking,
    /// The bell is waited for.
    Waiting,
    /// Something failed; it ends after a while.
    Pause,
}

/// What is known of the bell by all who follow the log.
#[derive(Default)]
pub(crate) struct Bell {
    /// Until when it rings, by the host's clock. Microseconds.
    until: u64,
    /// The server refused that.
    silent: bool,
    /// How often it was asked to ring. What was looked at before that may have missed what did not.
    pub(super) asked: u64,
    /// The lowest head that somebody parked at who waits for the next listener.
    parked: Option<u64>,
    /// How many there were. A host may hear of one's end before another one who parked has joined it: so he is told
    /// which he may wait for, as the next waits for more than he has seen.
    listeners: u64,
    listener: Option<Listener>,
    /// Of listeners, one after the other.
    failures: u32,
}

/// The flow that listens.
struct Listener {
    flow: u64,
    /// Counted from 1.
    number: u64,
    /// For what is behind this.
    behind: u64,
    /// Since it began a link broke: what it waits for may be the bell of a server that nobody appends to any more.
    doubtful: bool,
}

/// What one may do who looked at all of the log.
pub(super) enum Rest {
    /// Wait for the end of the listener of this number.
    Park(u64),
    /// Look again: something is there that may not ring. If it is not found, it does not keep him from this listener.
    Look(u64),
    /// Look again in a while: the listener may hear nothing.
    Later,
}

impl Bell {
    /// What one may do whose round found this head, and began when the bell had been asked as often. `looked`: he
    /// looked once more while this listener waited.
    pub(super) fn rest(&mut self, head: u64, asked: u64, looked: u64) -> Rest {
        match &self.listener {
            Some(listener) if asked != self.asked => Rest::Look(listener.number),
            None if asked != self.asked => Rest::Look(0),
            Some(listener) if listener.doubtful => Rest::Later,
            // A log that lost its end stays behind.
            Some(listener) if head < listener.behind && looked != listener.number => Rest::Look(listener.number),
            Some(listener) => Rest::Park(listener.number),
            None => {
                self.parked = Some(self.parked.map_or(head, |lowest| lowest.min(head)));
                Rest::Park(self.listeners + 1)
            }
        }
    }

    /// It was asked to ring until then. Where a link broke since, that may have been another server's.
    fn answered(&mut self, until: u64, refused: bool) {
        if self.listener.as_ref().is_none_or(|listener| !listener.doubtful) {
            (self.until, self.silent) = (until, refused);
        }
        self.asked += 1;
    }

    /// This was not answered. Unless nobody wanted to know, there may be another server now, which nobody has asked to
    /// ring.
    pub(super) fn lost(&mut self, lost: &Lost) {
        if lost.cause == Lost::CANCELLED {
            return;
        }
        (self.until, self.silent) = (0, false);
        if let Some(listener) = &mut self.listener {
            listener.doubtful = true;
        }
    }

    /// Whether somebody listens.
    pub(crate) fn has_listener(&self) -> bool {
        self.listener.is_some()
    }

    /// This flow does not listen any more: who waits for its end is told so.
    fn left(&mut self, flow: u64) {
        self.listener.take_if(|listener| listener.flow == flow);
    }
}

impl Flow for Listen {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        Ok(match (input, self.state) {
            (Input::Begin, _) => self.begin(context),
            (Input::Reply(mut reply), State::Asking) => {
                context.shared.bell.answered(self.until, bell::read(&mut reply).is_err());
                over(context)
            }
            (Input::Reply(mut reply), _) => match bell::read(&mut reply) {
                Ok(()) => {
                    context.shared.bell.failures = 0;
                    over(context)
                }
                Err(_) => self.pause(context),
            },
            (Input::Lost(lost), _) => {
                context.shared.bell.lost(&lost);
                self.pause(context)
            }
            (Input::Go, _) => over(context),
            (Input::Decided(_), _) => return Err(unasked()),
        })
    }

    fn give_up(&mut self, context: &mut Context<'_>, fault: Fault) -> Step {
        context.shared.bell.left(context.flow);
        Step::Failed(fault)
    }
}

impl Listen {
    fn begin(&mut self, context: &mut Context<'_>) -> Step {
        let (now, flow) = (context.now, context.flow);
        let bell = &mut context.shared.bell;
        bell.listeners += 1;
        // If nobody is parked, it ends at once.
        let behind = bell.parked.take().unwrap_or_default();
        bell.listener = Some(Listener { flow, number: bell.listeners, behind, doubtful: false });
        let time = if bell.silent { POLL } else { BLOCK };
        let commands = if bell.until >= now.saturating_add(time * 1000 + SLACK) {
            self.state = State::Waiting;
            bell::wait(&context.shared.layout, behind, time)
        } else {
            self.until = now.saturating_add(LISTEN * 1000);
            bell::listen(&context.shared.layout, LISTEN)
        };
        context.send_within(BLOCK * 1000 + SLACK, commands)
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Step {
        self.state = State::Pause;
        let failures = context.shared.bell.failures;
        context.shared.bell.failures = failures.saturating_add(1);
        context.back_off(failures)
    }
}

fn over(context: &mut Context<'_>) -> Step {
    context.shared.bell.left(context.flow);
    Step::Done(Outcome::Nothing)
}
