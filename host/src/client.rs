//! The handle that callers hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::cache::{CacheStats, Shelf};
use crate::call::{Until, in_time};
use crate::command::{Command, IntoArgument};
use crate::config::{Config, Repeat};
use crate::credentials::{self, Credentials};
use crate::engine::store::Template;
use crate::engine::{CodeCache, Program};
use crate::error::{Cause, Error, Outcome};
use crate::inbox::Inbox;
use crate::lanes::{Lane, Lanes, States};
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
    /// Of the first lane, or of the one that this handle is tied to.
    pub(crate) shared: Arc<Shared>,
    pub(crate) controls: mpsc::Sender<Control>,
    /// Where there are several.
    pub(crate) lanes: Option<Arc<Lanes>>,
    /// All that it asks for goes on its lane.
    tied: bool,
    pub(crate) deadline: Option<Duration>,
    /// Set in a session: its calls go on that link.
    pub(crate) session: Option<Arc<Handle>>,
}

/// What all handles of a client have in common; where it has several lanes, there is one of these for each.
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
    /// This lane has a connection.
    ready: AtomicBool,
    /// The client's state, not that of one lane.
    state: watch::Receiver<ClientState>,
    /// The states of all lanes.
    states: watch::Receiver<Vec<ClientState>>,
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
        let states = States::new(config.lanes);
        let (clock, counters) = (Clock::start(), Arc::new(Counters::of_new_client()));
        if let Some(cache) = &mut config.cache {
            cache.bytes /= config.lanes;
        }
        let mut lanes = Vec::new();
        for place in 0..config.lanes {
            let shared = Arc::new(Shared::new(&config, clock, Arc::clone(&counters), &states));
            let (controls, inbox) = mpsc::channel(CONTROLS);
            let inboxes = Inboxes { controls: inbox, place: states.place(place) };
            manager::spawn(config.clone(), program.clone(), &shared, inboxes)?;
            lanes.push(Lane { shared, controls });
        }
        let deadline = config.deadline;
        let Some(Lane { shared, controls }) = lanes.first().cloned() else { return Err(Error::config("no lanes")) };
        let lanes = (lanes.len() > 1).then(|| Arc::new(Lanes::new(lanes)));
        Ok(Self { shared, controls, lanes, tied: false, deadline, session: None })
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
        let lane = self.lanes.as_ref().and_then(|lanes| lanes.of(names.list()));
        let client = self.tied_to(lane);
        let (subscription, control) = Subscription::new(names, options, client.clone())?;
        client.control(control).await?;
        Ok(subscription)
    }

    /// Waits until the client is ready; gives the error if it turns out that it can't be.
    pub async fn ready(&self) -> Result<(), Error> {
        let known = |state: &ClientState| *state != ClientState::Connecting;
        let state = self.known(self.shared.state.clone(), known).await?;
        state.error().map_or(Ok(()), Err)
    }

    /// The same of all its lanes.
    pub(crate) async fn all_ready(&self) -> Result<(), Error> {
        let known = |states: &Vec<ClientState>| {
            let failed = states.iter().any(|state| state.error().is_some());
            failed || states.iter().all(|state| *state == ClientState::Ready)
        };
        let states = self.known(self.shared.states.clone(), known).await?;
        states.iter().find_map(ClientState::error).map_or(Ok(()), Err)
    }

    async fn known<T: Clone>(
        &self,
        mut watched: watch::Receiver<T>,
        is_known: impl FnMut(&T) -> bool,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.shared.ready_within, watched.wait_for(is_known)).await {
            Ok(Ok(known)) => Ok(known.clone()),
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
        let mut closing = Vec::new();
        for (lane, controls) in self.each_lane() {
            let (done, closed) = oneshot::channel();
            let control = Control::Close { deadline: lane.clock.at(deadline), done };
            closing.extend(controls.send(control).await.is_ok().then_some(closed));
        }
        for closed in closing {
            // An error means that the manager is gone, which is as good.
            let _ = closed.await;
        }
    }

    /// Uses these credentials from now on: connections authenticate again in place. Waits until the server has answered
    /// on all of them, and gives its error if it refused; a connection goes on then with what it had.
    pub async fn renew(&self, credentials: Credentials) -> Result<(), Error> {
        self.on_each_lane(|told| Control::Renew { credentials: credentials.clone(), told }).await
    }

    /// As [`Client::renew`], with what the client's provider gives.
    pub async fn renew_credentials(&self) -> Result<(), Error> {
        self.on_each_lane(|told| Control::Fetch { told }).await
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
        match &self.lanes {
            Some(lanes) => lanes.swap(program).await,
            None => {
                let swap = |told| Swap { program: program.clone(), told, consent: None };
                self.on_each_lane(|told| Control::Swap(Box::new(swap(told)))).await
            }
        }
    }

    /// Counters of this client.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shelves = self.each_lane().filter_map(|(lane, _)| lane.shelf.as_ref());
        let cache = shelves.map(|shelf| shelf.stats()).fold(CacheStats::default(), CacheStats::plus);
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

    /// A handle whose calls go on this lane.
    #[cfg(test)]
    pub(crate) fn at(&self, lane: usize) -> Self {
        self.tied_to(self.lanes.as_ref().and_then(|lanes| lanes.all().get(lane)))
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
        self.send_control(&self.shared, &self.controls, control).await
    }

    /// Why the client is no more.
    pub(crate) fn end(&self) -> Error {
        self.shared.end()
    }

    /// The lane that a call goes on.
    #[inline]
    pub(crate) fn lane(&self) -> &Shared {
        self.picked().map_or(&self.shared, |lane| &lane.shared)
    }

    /// A handle whose calls all go on one lane.
    pub(crate) fn on_one_lane(&self) -> Self {
        self.tied_to(self.picked())
    }

    /// The lane of a key whose replies are kept; nothing if that has no connection, and another lane has one.
    pub(crate) fn lane_of(&self, key: &[u8]) -> Option<&Shared> {
        let Some(lanes) = self.lanes.as_ref().filter(|_| !self.tied) else { return Some(&self.shared) };
        let lane = &lanes.of(&[key])?.shared;
        (lane.is_ready() || *self.shared.state.borrow() != ClientState::Ready).then_some(lane)
    }

    fn picked(&self) -> Option<&Lane> {
        self.lanes.as_ref().filter(|_| !self.tied)?.pick()
    }

    fn tied_to(&self, lane: Option<&Lane>) -> Self {
        let lane =
            lane.cloned().unwrap_or_else(|| Lane { shared: Arc::clone(&self.shared), controls: self.controls.clone() });
        Self { shared: lane.shared, controls: lane.controls, tied: true, ..self.clone() }
    }

    fn each_lane(&self) -> impl Iterator<Item = (&Arc<Shared>, &mpsc::Sender<Control>)> {
        let several = self.lanes.iter().flat_map(|lanes| lanes.all()).map(|lane| (&lane.shared, &lane.controls));
        several.chain(self.lanes.is_none().then_some((&self.shared, &self.controls)))
    }

    /// Asks for the same on all lanes, at the same time. Gives the first error.
    async fn on_each_lane(&self, control: impl Fn(oneshot::Sender<Result<(), Error>>) -> Control) -> Result<(), Error> {
        let (mut asked, mut outcome) = (Vec::new(), Ok(()));
        for (lane, controls) in self.each_lane() {
            let (told, heard) = oneshot::channel();
            match self.send_control(lane, controls, control(told)).await {
                Ok(()) => asked.push((lane, heard)),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        for (lane, heard) in asked {
            outcome = outcome.and(heard.await.unwrap_or_else(|_| Err(lane.end())));
        }
        outcome
    }

    async fn send_control(
        &self,
        lane: &Shared,
        controls: &mpsc::Sender<Control>,
        control: Control,
    ) -> Result<(), Error> {
        let deadline = self.deadline.map(|deadline| Instant::now() + deadline);
        in_time(deadline, controls.send(control)).await?.map_err(|_| lane.end())
    }
}

impl ClientState {
    /// Why there is no connection, and none to be expected soon.
    fn error(&self) -> Option<Error> {
        match self {
            Self::Ready | Self::Connecting => None,
            Self::Down(error) | Self::Denied(error) | Self::Closed(error) => Some(error.clone()),
        }
    }
}

/// A component, compiled if it is the first time in this process, which takes a while.
async fn load<T: Send + 'static>(load: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(load)
        .await
        .map_err(|error| Error::config(format!("the component was not loaded: {error}")))?
}

impl Shared {
    fn new(config: &Config, clock: Clock, counters: Arc<Counters>, states: &States) -> Self {
        let large_limit = config.limits.waiting_bytes.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let endpoints = u32::try_from(config.endpoints.len()).unwrap_or(u32::MAX);
        Self {
            inbox: Inbox::new(config.limits.waiting),
            clock,
            counters,
            signal: Arc::new(Signal::default()),
            room: Signal::default(),
            ended: Ended::default(),
            ready: AtomicBool::new(false),
            state: states.best(),
            states: states.each(),
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
        }
    }

    /// Whether this lane has a connection.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Why the lane is no more.
    pub(crate) fn end(&self) -> Error {
        self.ended.get().cloned().unwrap_or_else(Error::closed)
    }

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
