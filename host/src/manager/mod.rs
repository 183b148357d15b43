//! The manager task: it alone owns the instance, the sockets and the table of requests. It ends when the last handle is
//! dropped, or when the client was closed or can't go on.

mod effects;
mod events;
mod keyring;
mod life;
mod link;
mod queue;
mod renewal;
mod requests;
mod sessions;
mod signal;
mod sockets;
mod submit;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Sleep};
use tracing::Instrument;

pub(crate) use requests::{Job, MAX_COMMANDS, Replies, Shape};
pub(crate) use signal::{Clock, Signal};

use crate::client::{ClientState, Shared};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::engine::{Effect, Instance, Program};
use crate::error::Error;
use crate::rows::{MAX_FEED, NEVER};
use crate::session::Lease;
use crate::stats::Counters;
use crate::subscription::Wanted;
use keyring::Keyring;
use link::Link;
use queue::{Batch, Queue};
use renewal::{Renewal, Told};
use requests::Table;
use sessions::Held;

/// Jobs taken from the inbox at a time.
const INBOX: usize = 1024;
/// Other messages that may wait for the manager.
pub(crate) const CONTROLS: usize = 64;

/// Why a client is no more, once it is.
pub(crate) type Ended = OnceLock<Error>;

/// What handles ask of the manager beside jobs. It has a queue of its own, so that a client full of commands can be
/// closed.
pub(crate) enum Control {
    Subscribe(Wanted),
    Lease {
        lease: Arc<Lease>,
        /// On the client's clock.
        deadline: u64,
        grant: oneshot::Sender<Result<(), Error>>,
    },
    /// Use these.
    Renew {
        credentials: Credentials,
        told: Told,
    },
    /// Ask the provider.
    Fetch {
        told: Told,
    },
    Close {
        /// On the client's clock.
        deadline: u64,
        done: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Testing {
        function: &'static str,
        argument: Option<u64>,
    },
}

/// The receiving ends of what handles send.
pub(crate) struct Inboxes {
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) controls: mpsc::Receiver<Control>,
    pub(crate) state: watch::Sender<ClientState>,
}

/// Makes the first instance and starts the task.
pub(crate) fn spawn(config: Config, program: Program, shared: &Arc<Shared>, inboxes: Inboxes) -> Result<(), Error> {
    let mut manager = Manager::new(config, program, Arc::clone(shared), inboxes);
    manager.start_instance()?;
    let span = tracing::info_span!("coracle.client");
    tokio::spawn(manager.run().instrument(span));
    Ok(())
}

pub(crate) struct Manager {
    config: Config,
    program: Program,
    shared: Arc<Shared>,
    inboxes: Inboxes,
    arrived: Vec<Job>,
    instance: Option<Instance>,
    /// Why the instance is gone, until another one takes over.
    lost: Option<String>,
    /// Instances lost since a client was last ready.
    losses: u32,
    /// There was a connection once.
    was_ready: bool,
    table: Table,
    queue: Queue,
    batch: Batch,
    /// The core takes no more until it says `room`.
    full: bool,
    links: Vec<Link>,
    closings: Vec<Closing>,
    effects: Vec<Effect>,
    scratch: Vec<u8>,
    /// Numbers the appends to links' outputs; see `Manager::judge`.
    sequence: u64,
    /// The highest number of an append of which a byte was written, on links that are gone.
    touched: u64,
    keyring: Keyring,
    renewal: Renewal,
    sessions: HashMap<u32, Held>,
    subscriptions: HashMap<u64, Wanted>,
    last_subscription: u64,
    wake_at: u64,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    timer_at: u64,
    closing: Option<Draining>,
    finished: Option<Error>,
}

/// A link that must be reported as closed.
struct Closing {
    link: u32,
    reason: crate::engine::Reason,
    detail: String,
}

/// A client that is being closed.
struct Draining {
    done: Vec<oneshot::Sender<()>>,
    /// When to stop without the core's word.
    give_up: u64,
}

/// What one look at all that can happen came to.
enum Turn {
    /// Something happened.
    Again,
    /// Jobs arrived, or the core has room: submit.
    Jobs,
    /// All handles are gone.
    Alone,
}

impl Manager {
    fn new(config: Config, program: Program, shared: Arc<Shared>, inboxes: Inboxes) -> Self {
        let keyring = Keyring::new(config.credentials.clone());
        let renewal = Renewal::new(shared.clock.now(), config.credentials.expires_in);
        Self {
            config,
            program,
            shared,
            inboxes,
            arrived: Vec::with_capacity(INBOX),
            instance: None,
            lost: None,
            losses: 0,
            was_ready: false,
            table: Table::default(),
            queue: Queue::default(),
            batch: Batch::default(),
            full: false,
            links: Vec::new(),
            closings: Vec::new(),
            effects: Vec::new(),
            scratch: vec![0; MAX_FEED],
            sequence: 0,
            touched: 0,
            keyring,
            renewal,
            sessions: HashMap::new(),
            subscriptions: HashMap::new(),
            last_subscription: 0,
            wake_at: NEVER,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            timer_at: 0,
            closing: None,
            finished: None,
        }
    }

    async fn run(mut self) {
        while self.finished.is_none() {
            match poll_fn(|cx| self.poll_turn(cx)).await {
                Turn::Again => {}
                Turn::Jobs => {
                    // Once, so that callers who are about to send get into the same batch.
                    tokio::task::yield_now().await;
                    self.take_jobs();
                    self.submit_all();
                }
                Turn::Alone => {
                    self.finish(Error::closed());
                }
            }
            self.after_loss();
        }
        self.leave();
    }

    /// Looks at everything that can wake the task, so that all of it will.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut happened = self.poll_sockets(cx);
        happened |= self.poll_timer(cx);
        happened |= self.poll_fetch(cx);
        if self.shared.signal.poll(cx) {
            self.look_for_leavers();
            happened = true;
        }
        if self.shared.room.poll(cx) {
            self.release_links();
            happened = true;
        }
        while let Poll::Ready(control) = self.inboxes.controls.poll_recv(cx) {
            let Some(control) = control else { return Poll::Ready(Turn::Alone) };
            self.control(control);
            happened = true;
        }
        if self.queue.len() < self.config.limits.waiting {
            let taken = self.inboxes.jobs.poll_recv_many(cx, &mut self.arrived, INBOX);
            if matches!(taken, Poll::Ready(1..)) {
                return Poll::Ready(Turn::Jobs);
            }
        }
        if !self.queue.is_empty() && !self.full {
            return Poll::Ready(Turn::Jobs);
        }
        if happened { Poll::Ready(Turn::Again) } else { Poll::Pending }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let give_up = self.closing.as_ref().map_or(NEVER, |closing| closing.give_up);
        let next = self.wake_at.min(self.queue.deadline()).min(give_up).min(self.renewal.deadline());
        if next == NEVER {
            return false;
        }
        // A timer that is set too early costs less than one that is set anew at each call.
        if next < self.timer_at || self.timer_at <= self.shared.clock.now() {
            self.timer_at = next;
            self.timer.as_mut().reset(self.shared.clock.instant(next));
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        let now = self.shared.clock.now();
        if self.queue.deadline() <= now {
            self.expire(now);
        }
        if self.wake_at <= now {
            self.elapsed();
        }
        if self.renewal.deadline() <= now {
            self.fetch_credentials(None);
        }
        if give_up <= now {
            self.finish(Error::closed());
        }
        true
    }

    fn take_jobs(&mut self) {
        let room = self.config.limits.waiting.saturating_sub(self.queue.len());
        while self.arrived.len() < room.max(1)
            && let Ok(job) = self.inboxes.jobs.try_recv()
        {
            self.arrived.push(job);
        }
        let mut arrived = std::mem::take(&mut self.arrived);
        for job in arrived.drain(..) {
            self.enqueue(job);
        }
        self.arrived = arrived;
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Subscribe(wanted) => self.subscribe(wanted),
            Control::Lease { lease, deadline, grant } => self.lease(lease, deadline, grant),
            Control::Renew { credentials, told } => self.renew(credentials, vec![told]),
            Control::Fetch { told } => self.fetch_credentials(Some(told)),
            Control::Close { deadline, done } => self.close(deadline, done),
            #[cfg(test)]
            Control::Testing { function, argument } => self.test(function, argument),
        }
    }

    fn counters(&self) -> &Counters {
        &self.shared.counters
    }
}
