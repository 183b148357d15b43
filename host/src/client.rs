//! The handle that callers hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;

use crate::cache::CacheStats;
use crate::call::Until;
use crate::clock::{Clock, from_now};
use crate::command::{Command, IntoArgument};
use crate::config::Config;
use crate::credentials::{self, Credentials};
use crate::engine::store::Template;
use crate::engine::{Binary, Program};
use crate::error::{Cause, Error, Outcome};
use crate::lanes::{Lane, Lanes};
use crate::manager::{self, CONTROLS, Control, Inboxes, Swap};
use crate::notices::{Names, SubscribeOptions};
use crate::session;
use crate::shared::Shared;
use crate::signal::Signal;
use crate::states::{ClientState, States};
use crate::stats::{Counters, Stats};
use crate::subscription::Subscription;
use crate::ticket::{Replies, Shape};

/// A client of a Redis or Valkey server. Clones share its connections, and its last handle ends it: subscriptions count
/// as handles too.
///
/// It implements [`redis::aio::ConnectionLike`], so `AsyncCommands`, `pipe()`, `Script` and all else that is built on
/// that trait work with it.
///
/// Its task runs on the runtime of tokio that it was started on, which has to have time and I/O enabled, and ends with
/// that: what is under way ends with [`Cause::Closing`](crate::Cause::Closing) then, and so does all that follows.
/// Handles can be used on other runtimes, of tokio or not.
#[derive(Clone)]
pub struct Client {
    /// Of the first lane, or of the one that this handle is tied to.
    pub(crate) shared: Arc<Shared>,
    pub(crate) controls: mpsc::Sender<Control>,
    /// Where there are several.
    pub(crate) lanes: Option<Arc<Lanes>>,
    /// All that it asks for goes on its lane.
    pub(crate) tied: bool,
    pub(crate) deadline: Option<Duration>,
    /// Set in a session: its calls go on that link.
    pub(crate) session: Option<Arc<session::Handle>>,
    /// Its callers do so much between their calls that to wait until others come along would keep the server waiting.
    pub(crate) prompt: bool,
}

impl Config {
    /// Starts a client, and waits until it is ready or known not to be: no longer than [`Config::connect_timeout`] for
    /// each server, and five seconds more; and, where there is a provider of credentials, the 30 seconds that it may
    /// take. The first client of a process compiles the component before, unless [`Config::code_cache`] has it.
    pub async fn connect(self) -> Result<Client, Error> {
        let client = self.start().await?;
        client.all_ready().await?;
        Ok(client)
    }

    /// Starts a client without waiting: calls wait until it is connected, or fail once it is known that it can't be.
    pub async fn start(self) -> Result<Client, Error> {
        self.check()?;
        Client::start(self).await
    }

    /// The core that the client is to run.
    fn program(&self) -> Result<Program, Error> {
        #[cfg(feature = "foreign-core")]
        if let Some(factory) = &self.foreign {
            return Ok(Program::Foreign(Arc::clone(factory)));
        }
        Program::load(&self.component, &self.code_cache)
    }
}

impl Client {
    /// A client of the server at `url` (see [`Config::new`]), connected. It takes no longer than 10 seconds, and 5 more
    /// for each further host: see [`Config::connect`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Config::new(url)?.connect().await
    }

    pub(crate) async fn start(mut config: Config) -> Result<Self, Error> {
        let outside = |_| Error::config("a client has to be started on a runtime of tokio");
        let runtime = Handle::try_current().map_err(outside)?;
        if let Some(provider) = &config.provider {
            config.credentials = credentials::fetch(Arc::clone(provider)).await?;
        }
        let chosen = config.clone();
        let program = load(&runtime, move || chosen.program()).await?;
        let states = States::new(config.lanes);
        let (clock, counters) = (Clock::start(), Arc::new(Counters::of_new_client()));
        if let Some(cache) = &mut config.cache {
            cache.bytes /= config.lanes;
        }
        let mut lanes = Vec::new();
        for place in 0..config.lanes {
            let shared = Arc::new(Shared::new(&config, clock, Arc::clone(&counters), &states, runtime.clone()));
            let (controls, inbox) = mpsc::channel(CONTROLS);
            let inboxes = Inboxes { controls: inbox, place: states.place(place) };
            manager::spawn(config.clone(), program.clone(), &shared, inboxes)?;
            lanes.push(Lane { shared, controls });
        }
        let deadline = config.deadline;
        let Some(Lane { shared, controls }) = lanes.first().cloned() else { return Err(Error::config("no lanes")) };
        let lanes = (lanes.len() > 1).then(|| Arc::new(Lanes::new(lanes)));
        Ok(Self { shared, controls, lanes, tied: false, deadline, session: None, prompt: false })
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
        match self.shared.timeout(self.shared.ready_within, watched.wait_for(is_known)).await {
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
        let deadline = from_now(within);
        let mut closing = Vec::new();
        for (lane, controls) in self.each_lane() {
            let (done, closed) = oneshot::channel();
            let control = Control::Close { deadline: lane.clock.until(deadline), done };
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
    /// commands. Clients of a process can have 16 different ones in use at a time.
    pub async fn swap(&self, component: impl Into<Bytes>) -> Result<(), Error> {
        let (component, cache) = (Binary::new(component.into()), self.shared.code_cache.clone());
        let program = load(&self.shared.runtime, move || Program::load(&component, &cache)).await?;
        match &self.lanes {
            Some(lanes) => lanes.swap(program, &self.shared.runtime).await,
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
        load(&self.shared.runtime, move || Template::load(&component, &cache)).await
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
}

/// A component, compiled if it is the first time in this process, which takes a while.
async fn load<T: Send + 'static>(
    runtime: &Handle,
    load: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    runtime
        .spawn_blocking(load)
        .await
        .map_err(|error| Error::config(format!("the component was not loaded: {error}")))?
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}
