//! A lane: one instance of the core, with its links, its table of requests and its subscriptions.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use tokio::time::{Instant, Sleep};

use super::batch::Batch;
use super::keyring::Keyring;
use super::link::Link;
use super::looks::Watch;
use super::messages::Pieces;
use super::queue::Queue;
use super::renewal::Told;
use super::requests::Table;
use super::sessions::Held;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::engine::{Effect, Instance, Program, Reason, Report};
use crate::error::Error;
use crate::event::Event;
use crate::notices::Wanted;
use crate::rows::{MAX_FEED, NEVER};
use crate::shared::Shared;
use crate::states::ClientState;
use crate::states::Place;
use crate::stats::{Counters, add};

/// What a lane is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It has what is new, and tells the client's state.
    Present,
    /// It is to be the present one once it is ready.
    Candidate,
    /// It was the present one, and goes on with what it has until then.
    Retired { until: u64 },
}

pub(super) struct Lane {
    pub(super) config: Arc<Config>,
    pub(super) program: Program,
    pub(super) shared: Arc<Shared>,
    /// Where the client's state is told.
    pub(super) states: Place,
    pub(super) role: Role,
    pub(super) state: ClientState,
    pub(super) instance: Option<Instance>,
    /// Why the instance is gone, until another one takes over.
    pub(super) lost: Option<String>,
    /// Instances lost since a client was last ready.
    pub(super) losses: u32,
    /// There was a connection once.
    pub(super) was_ready: bool,
    pub(super) table: Table,
    pub(super) queue: Queue,
    pub(super) batch: Batch,
    /// The core takes no more until it says `room`.
    pub(super) full: bool,
    pub(super) links: Vec<Link>,
    pub(super) watch: Watch,
    pub(super) closings: Vec<Closing>,
    pub(super) effects: Vec<Effect>,
    /// What the last call reported; kept for its memory.
    pub(super) report: Report,
    pub(super) scratch: Vec<u8>,
    /// Numbers the appends to links' outputs; see `Lane::outcome`.
    pub(super) sequence: u64,
    /// The highest number of an append of which a byte was written, on links that are gone.
    pub(super) touched: u64,
    pub(super) keyring: Keyring,
    /// Those who wait for servers to accept a generation of credentials.
    pub(super) told: Vec<(u32, Told)>,
    pub(super) sessions: HashMap<u32, Held>,
    /// Sessions in use that the client's counters know of.
    pub(super) sessions_counted: u64,
    pub(super) subscriptions: HashMap<u64, Wanted>,
    pub(super) last_subscription: u64,
    pub(super) pieces: Pieces,
    /// Messages that were dropped since that was told.
    pub(super) dropped: u64,
    pub(super) wake_at: u64,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    timer_at: u64,
    /// Its time came, or it was never set.
    fired: bool,
    /// Set once it drains: when to stop without the core's word.
    pub(super) give_up: Option<u64>,
    pub(super) finished: Option<Error>,
}

/// A link that must be reported as closed.
pub(super) struct Closing {
    pub(super) link: u32,
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// What all lanes of a client have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) config: Arc<Config>,
    pub(super) shared: Arc<Shared>,
    pub(super) states: Place,
}

impl Lane {
    pub(super) fn new(common: Common, program: Program, credentials: Credentials, role: Role) -> Self {
        Self {
            config: common.config,
            program,
            shared: common.shared,
            states: common.states,
            role,
            state: ClientState::Connecting,
            instance: None,
            lost: None,
            losses: 0,
            was_ready: false,
            table: Table::default(),
            queue: Queue::default(),
            batch: Batch::default(),
            full: false,
            links: Vec::new(),
            watch: Watch::new(),
            closings: Vec::new(),
            effects: Vec::new(),
            report: Report::default(),
            scratch: vec![0; MAX_FEED],
            sequence: 0,
            touched: 0,
            keyring: Keyring::new(credentials),
            told: Vec::new(),
            sessions: HashMap::new(),
            sessions_counted: 0,
            subscriptions: HashMap::new(),
            last_subscription: 0,
            pieces: Pieces::default(),
            dropped: 0,
            wake_at: NEVER,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            timer_at: 0,
            fired: true,
            give_up: None,
            finished: None,
        }
    }

    /// Looks at the sockets and the time, so that both will wake the task; `first` says that it was woken since this
    /// was last called. Says whether anything happened.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, first: bool) -> bool {
        if self.finished.is_some() {
            return false;
        }
        let happened = self.poll_sockets(cx);
        self.poll_timer(cx, first) || happened
    }

    /// Whether there is something to submit, and somebody who takes it.
    pub(super) fn can_submit(&self) -> bool {
        // What a retired lane has left when it drains is for the next one.
        if matches!(self.role, Role::Retired { .. }) && self.give_up.is_some() {
            return false;
        }
        !self.full && !self.queue.is_empty() && self.instance.is_some() && self.finished.is_none()
    }

    pub(super) fn is_present(&self) -> bool {
        self.role == Role::Present
    }

    /// Notes the state of this lane's core, and what it means for the client if the lane is the present one. `since` is
    /// when a connection was lost, if one was.
    pub(super) fn tell_state(&mut self, state: ClientState, since: Option<u64>) {
        if self.is_present() {
            let ready = state == ClientState::Ready;
            self.shared.set_ready(ready);
            let was_ready = self.was_ready;
            self.was_ready |= ready;
            self.states.set(
                state.clone(),
                |client| self.count_client_state(client, since, was_ready),
                |client, new, reconnected| self.tell_client_state(client, new, reconnected),
            );
        }
        self.state = state;
    }

    /// Whether the client has a connection again.
    fn count_client_state(&self, state: &ClientState, since: Option<u64>, was_ready: bool) -> bool {
        let counters = self.counters();
        if *state != ClientState::Ready {
            since.into_iter().for_each(|since| counters.down_from(since));
            return false;
        }
        let reconnected = counters.up() && was_ready;
        if reconnected {
            add(&counters.reconnects, 1);
        }
        reconnected
    }

    fn tell_client_state(&self, state: &ClientState, new: bool, reconnected: bool) {
        if reconnected {
            self.tell(|| Event::Reconnected);
        }
        if new {
            let down_since = self.counters().down_since(self.shared.clock);
            self.tell(|| Event::State { state: state.clone(), down_since });
        }
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        self.config.hook.tell(event);
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, first: bool) -> bool {
        let give_up = self.give_up.unwrap_or(NEVER);
        let expelled = match self.role {
            Role::Retired { until } if self.give_up.is_none() => until,
            _ => NEVER,
        };
        let next = self.wake_at.min(self.queue.deadline()).min(give_up).min(expelled);
        if next == NEVER {
            return false;
        }
        // A timer that is set too early costs less than one that is set anew at each call.
        let set = next < self.timer_at || self.fired;
        if set {
            self.timer_at = next;
            self.timer.as_mut().reset(self.shared.clock.instant(next));
            self.fired = false;
        }
        if !(set || first) || self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.fired = true;
        let now = self.shared.clock.now();
        if self.queue.deadline() <= now {
            self.expire(now);
        }
        if self.wake_at <= now {
            self.elapsed();
        }
        if expelled <= now {
            self.expel(now);
        }
        if give_up <= now {
            self.finish(Error::closed());
        }
        true
    }
}
