//! The handle that callers hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::cache::Shelf;
use crate::call::{Until, in_time};
use crate::command::{Command, IntoArgument};
use crate::config::{Config, Repeat};
use crate::credentials::{self, Credentials};
use crate::engine::store::Template;
use crate::engine::{CodeCache, Program};
use crate::error::{Cause, Error, Outcome};
use crate::inbox::Inbox;
use crate::manager::{self, CONTROLS, Clock, Control, Ended, Inboxes, Replies, Shape, Signal, Swap};
use crate::session::Handle;
use crate::stats::{Counters, Stats};
use crate::subscription::{Names, SubscribeOptions, Subscription};

/// How much longer than its connections `ready` waits, at most.
const READY_GRACE: Duration = Duration::from_secs(5);

/// A client of a Redis or Valkey server. Clones share its connections, and its last handle ends it: subscriptions count
/// as handles too.
///
/// It implements [`redis::aio::ConnectionLike`], so `AsyncCommands`, `pipe()`, `Script` and all else that is built on
/// that trait work with it.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) controls: mpsc::Sender<Control>,
    pub(crate) deadline: Option<Duration>,
    /// Set in a session: its calls go on that link.
    pub(crate) session: Option<Arc<Handle>>,
}

/// What all handles of a client have in common.
pub(crate) struct Shared {
    /// Jobs on their way to the manager.
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    /// A caller, a reader or the holder of a session went away.
    pub(crate) signal: Arc<Signal>,
    /// A reader made room in a queue whose link is held.
    pub(crate) room: Signal,
    pub(crate) ended: Ended,
    state: watch::Receiver<ClientState>,
    pub(crate) large: Arc<Semaphore>,
    pub(crate) large_limit: u32,
    pub(crate) hold_above: usize,
    pub(crate) repeat: Repeat,
    /// What is kept, if anything is to be.
    pub(crate) shelf: Option<Arc<Shelf>>,
    /// What the client began with, if it is not the crate's own.
    component: Option<Bytes>,
    code_cache: CodeCache,
    sessions: AtomicU32,
    database: u32,
    ready_within: Duration,
}

/// What a client is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientState {
    /// Connecting, for the first time or again. Calls wait.
    Connecting,
    /// Commands are sent.
    Ready,
    /// The server can't be reached. The client goes on trying; calls fail meanwhile.
    Down(Error),
    /// The server does not let this client in. The client goes on trying; calls fail meanwhile.
    Denied(Error),
    /// Closed, by whatever the error says.
    Closed(Error),
}

impl Client {
    /// A client of the server at `url` (see [`Config::new`]), connected.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Config::new(url)?.connect().await
    }

    pub(crate) async fn start(mut config: Config) -> Result<Self, Error> {
        if let Some(provider) = &config.provider {
            config.credentials = credentials::fetch(Arc::clone(provider)).await?;
        }
        let chosen = config.clone();
        let program = load(move || Program::of(&chosen)).await?;
        let (controls, controls_inbox) = mpsc::channel(CONTROLS);
        let (state_sender, state) = watch::channel(ClientState::Connecting);
        let large_limit = config.limits.waiting_bytes.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let endpoints = u32::try_from(config.endpoints.len()).unwrap_or(u32::MAX);
        let shared = Arc::new(Shared {
            inbox: Inbox::new(config.limits.waiting),
            clock: Clock::start(),
            counters: Arc::new(Counters::of_new_client()),
            signal: Arc::new(Signal::default()),
            room: Signal::default(),
            ended: Ended::default(),
            state,
            large: Arc::new(Semaphore::new(large_limit as usize)),
            large_limit,
            hold_above: config.limits.hold_above as usize,
            repeat: config.repeat,
            shelf: config.cache.clone().map(|cache| Arc::new(Shelf::new(cache))),
            component: config.component.clone(),
            code_cache: config.code_cache.clone(),
            sessions: AtomicU32::new(0),
            database: config.database,
            ready_within: config.connect_timeout.saturating_mul(endpoints).saturating_add(READY_GRACE),
        });
        let deadline = config.deadline;
        let inboxes = Inboxes { controls: controls_inbox, state: state_sender };
        manager::spawn(config, program, &shared, inboxes)?;
        Ok(Self { shared, controls, deadline, session: None })
    }

    /// A handle of the same client whose calls may take this long unless a command says otherwise.
    #[must_use]
    pub fn with_deadline(&self, deadline: Option<Duration>) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// Sends a command and waits for its reply. An error reply is an `Err`; errors inside of a reply are values.
    ///
    /// Dropping the future gives the command up: it may be executed or not.
    pub fn call(&self, command: Command) -> impl Future<Output = Result<Value, Error>> + Send + '_ {
        let until = Until::of(&command, self.deadline);
        self.call_one(command, until, None)
    }

    /// Sends a command given by its raw arguments, the name first.
    pub async fn command<A: IntoArgument>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Value, Error> {
        self.call(Command::from_args(arguments)).await
    }

    /// Sends commands in one go, and waits for all their replies, which come in the same order. The deadline is that of
    /// the first command.
    pub async fn pipeline(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        let Some((columns, until)) = self.columns(commands)? else { return Ok(Vec::new()) };
        let span = tracing::debug_span!("coracle.pipeline", commands = columns.commands());
        match self.submit(columns, Shape::Pipeline, until).instrument(span).await? {
            Replies::Many(replies) => Ok(replies),
            Replies::One(reply) => Ok(vec![reply]),
        }
    }

    /// Sends commands as a transaction, and waits for its end: the reply of EXEC, `Value::Nil` if a watched key was
    /// touched. The deadline is that of the first command.
    pub async fn transaction(&self, commands: impl IntoIterator<Item = Command>) -> Result<Value, Error> {
        let Some((columns, until)) = self.columns(commands)? else { return Ok(Value::Array(Vec::new())) };
        let span = tracing::debug_span!("coracle.transaction", commands = columns.commands());
        match self.submit(columns, Shape::Transaction, until).instrument(span).await? {
            Replies::One(reply) => reply,
            Replies::Many(_) => Err(Error::core(Outcome::MaybeExecuted, "one reply expected, not many")),
        }
    }

    /// Subscribes to channels, patterns or shard channels. The stream begins with
    /// [`crate::Notice::Subscribed`] once the server has confirmed, or with the error that it gave.
    pub async fn subscribe(&self, names: Names, options: SubscribeOptions) -> Result<Subscription, Error> {
        let (subscription, control) = Subscription::new(names, options, self.clone())?;
        self.control(control).await?;
        Ok(subscription)
    }

    /// Waits until the client is ready; gives the error if it turns out that it can't be.
    pub async fn ready(&self) -> Result<(), Error> {
        let mut state = self.shared.state.clone();
        let known = state.wait_for(|state| *state != ClientState::Connecting);
        match tokio::time::timeout(self.shared.ready_within, known).await {
            Ok(Ok(state)) => match &*state {
                ClientState::Ready | ClientState::Connecting => Ok(()),
                ClientState::Down(error) | ClientState::Denied(error) | ClientState::Closed(error) => {
                    Err(error.clone())
                }
            },
            Ok(Err(_)) => Err(self.end()),
            Err(_) => Err(Error::not_sent(Cause::Deadline, "the client is still connecting")),
        }
    }

    /// What the client is doing.
    #[must_use]
    pub fn state(&self) -> ClientState {
        self.shared.state.borrow().clone()
    }

    /// Changes of the client's state; a slow reader sees the newest only.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<ClientState> {
        self.shared.state.clone()
    }

    /// Takes no more commands, waits for those under way for at most `within`, and closes all connections. Calls after
    /// that fail. Returns when all is closed.
    pub async fn close(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let (done, closed) = oneshot::channel();
        let control = Control::Close { deadline: self.shared.clock.at(deadline), done };
        if self.controls.send(control).await.is_ok() {
            // An error means that the manager is gone, which is as good.
            let _ = closed.await;
        }
    }

    /// Uses these credentials from now on: connections authenticate again in place. Waits until the server has answered
    /// on all of them, and gives its error if it refused; a connection goes on then with what it had.
    pub async fn renew(&self, credentials: Credentials) -> Result<(), Error> {
        let (told, heard) = oneshot::channel();
        self.control(Control::Renew { credentials, told }).await?;
        heard.await.map_err(|_| self.end())?
    }

    /// As [`Client::renew`], with what the client's provider gives.
    pub async fn renew_credentials(&self) -> Result<(), Error> {
        let (told, heard) = oneshot::channel();
        self.control(Control::Fetch { told }).await?;
        heard.await.map_err(|_| self.end())?
    }

    /// Exchanges the component while the client runs. An instance of the new one connects, and takes over once it is
    /// ready; an error says why it can't, and the old one goes on then.
    ///
    /// No call fails for that. What the old one has under way it ends itself, sessions and blocking commands for as
    /// long as [`Config::retire_within`] says. Subscriptions are moved: each one is told of a gap, as it may have
    /// missed something. Dropping the future does not undo it. As for [`Config::component`], a component sees all
    /// commands.
    pub async fn swap(&self, component: impl Into<Bytes>) -> Result<(), Error> {
        let (component, cache) = (component.into(), self.shared.code_cache.clone());
        let program = load(move || Program::load(&component, &cache)).await?;
        let (told, heard) = oneshot::channel();
        self.control(Control::Swap(Box::new(Swap { program, told }))).await?;
        heard.await.map_err(|_| self.end())?
    }

    /// Counters of this client.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let cache = self.shared.shelf.as_ref().map(|shelf| shelf.stats()).unwrap_or_default();
        Stats { cache, ..self.shared.counters.snapshot(self.shared.clock) }
    }

    pub(crate) fn database(&self) -> u32 {
        self.shared.database
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// What an event store's instances are made of: the component that the client began with.
    pub(crate) async fn store_template(&self) -> Result<Template, Error> {
        let (component, cache) = (self.shared.component.clone(), self.shared.code_cache.clone());
        load(move || Template::load(component.as_ref(), &cache)).await
    }

    pub(crate) fn signal(&self) -> &Arc<Signal> {
        &self.shared.signal
    }

    #[cfg(test)]
    pub(crate) async fn testing(&self, function: &'static str, argument: Option<u64>) -> Result<(), Error> {
        self.control(Control::Testing { function, argument, lane: 0 }).await
    }

    /// As `testing`, in the other instance while there are two.
    #[cfg(test)]
    pub(crate) async fn testing_other(&self, function: &'static str) -> Result<(), Error> {
        self.control(Control::Testing { function, argument: None, lane: 1 }).await
    }

    pub(crate) async fn control(&self, control: Control) -> Result<(), Error> {
        let deadline = self.deadline.map(|deadline| Instant::now() + deadline);
        in_time(deadline, self.controls.send(control)).await?.map_err(|_| self.end())
    }

    /// Why the client is no more.
    pub(crate) fn end(&self) -> Error {
        self.shared.ended.get().cloned().unwrap_or_else(Error::closed)
    }
}

/// A component, compiled if it is the first time in this process, which takes a while.
async fn load<T: Send + 'static>(load: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(load)
        .await
        .map_err(|error| Error::config(format!("the component was not loaded: {error}")))?
}

impl Shared {
    /// How long an instance may take until it is ready.
    pub(crate) fn ready_within(&self) -> Duration {
        self.ready_within
    }

    /// A number that no session of this client has: never 0.
    pub(crate) fn next_session(&self) -> u32 {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if number == 0 { self.next_session() } else { number }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}
