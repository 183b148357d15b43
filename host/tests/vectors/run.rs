//! A vector's steps, done with a client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use coracle::{
    Client, ClientState, Command, Config, Error, Limits, Names, Notice, SubscribeOptions, Subscription, redis,
};
use futures_util::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use vectors::{Settings, Step, Vector};

use crate::network::{Link, Network};
use crate::values::{check_failure, check_message, check_reply};

/// What a step may wait for, on a clock that only moves when all else stands still.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the server's bytes are cut into reads.
#[derive(Clone, Copy, Debug)]
pub enum Split {
    /// A read for each `server` step.
    Whole,
    /// A read for each byte.
    Bytes,
    /// One cut, behind so many bytes of all that the server says.
    At(usize),
}

/// Runs a vector. The error says which step is not as it should be.
pub async fn run(vector: &Vector, split: Split, component: Option<&Bytes>) -> Result<()> {
    let network = Network::default();
    let client = config(&vector.settings, network.clone(), component)?.start().await?;
    let mut runner = Runner {
        client,
        network,
        split,
        said: 0,
        link: 1,
        opened: 1,
        closed: Vec::new(),
        calls: HashMap::new(),
        subscriptions: HashMap::new(),
    };
    for (place, step) in vector.steps.iter().enumerate() {
        let step_done = tokio::time::timeout(PATIENCE, runner.step(step));
        let done = step_done.await.unwrap_or_else(|_| bail!("nothing happens"));
        done.with_context(|| format!("step {} ({})", place + 1, name(step)))?;
    }
    runner.end().await.context("at the end")
}

struct Runner {
    client: Client,
    network: Network,
    split: Split,
    /// Bytes that the server said.
    said: usize,
    /// The link that steps mean, and how many were opened.
    link: usize,
    opened: usize,
    closed: Vec<usize>,
    calls: HashMap<u64, Call>,
    subscriptions: HashMap<u64, Option<Subscription>>,
}

type Call = Option<JoinHandle<Result<redis::Value, Error>>>;

impl Runner {
    async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Open(number) => {
                self.network.link(*number).await;
                (self.link, self.opened) = (*number, *number);
            }
            Step::Link(number) => self.link = *number,
            Step::Client(bytes) => self.client_sends(bytes).await?,
            Step::Server(bytes) => self.server_says(bytes).await,
            Step::HangUp => {
                self.closed.push(self.link);
                self.current().await.hang_up();
            }
            Step::Closes(number) => {
                self.closed.push(*number);
                self.network.link(*number).await.closed().await;
            }
            Step::Call { id, args } => {
                let (client, command) = (self.client.clone(), Command::from_args(args));
                self.call(*id, async move { client.call(command).await }).await;
            }
            Step::Transaction { id, commands } => {
                let client = self.client.clone();
                let commands = commands.iter().map(Command::from_args).collect();
                self.call(*id, async move { client.transaction(commands).await }).await;
            }
            Step::Cancel(id) => {
                let call = self.calls.get_mut(id).and_then(Option::take).context("no such call")?;
                call.abort();
                settle().await;
            }
            Step::Reply { id, value } => check_reply(&self.result(*id).await?.context("it was cancelled")?, value)?,
            Step::Failed { id, failure, cause } => match self.result(*id).await? {
                Some(Err(error)) => check_failure(&error, Some(failure), Some(cause))?,
                Some(Ok(value)) => bail!("it has a reply: {value:?}"),
                // Its caller gave up, and so sees nothing.
                None => {}
            },
            other => return self.subscription_step(other).await,
        }
        Ok(())
    }

    async fn subscription_step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Subscribe { id, kind, names } => {
                let subscription = self.client.subscribe(to_names(kind, names)?, SubscribeOptions::default()).await?;
                self.subscriptions.insert(*id, Some(subscription));
                settle().await;
            }
            Step::Unsubscribe(id) => {
                let subscription = self.subscriptions.get_mut(id).and_then(Option::take);
                drop(subscription.context("no such subscription")?);
                settle().await;
            }
            Step::Subscribed(id) => self.notice(*id, &Notice::Subscribed).await?,
            Step::Gap(id) => self.notice(*id, &Notice::Gap).await?,
            Step::Message { id, value } => match self.next(*id).await? {
                Some(Some(Ok(Notice::Message(message)))) => check_message(&message, value)?,
                Some(other) => bail!("{other:?} instead of a message"),
                // Nobody reads it any more.
                None => {}
            },
            Step::Ended { id, failure, cause, value } => match (self.next(*id).await?, value) {
                (Some(Some(Err(Error::Server(error)))), Some(value)) => check_reply(&Err(Error::Server(error)), value)?,
                (Some(Some(Err(error))), None) => check_failure(&error, failure.as_deref(), cause.as_deref())?,
                (Some(other), _) => bail!("{other:?} instead of its end"),
                (None, _) => {}
            },
            Step::State { state, cause } => self.state(state, cause.as_deref()).await?,
            _ => bail!("a step of a kind that this runner does not know"),
        }
        Ok(())
    }

    async fn client_sends(&mut self, bytes: &[u8]) -> Result<()> {
        let link = self.current().await;
        let sent = tokio::time::timeout(PATIENCE / 2, link.take(bytes.len())).await;
        let sent = sent.unwrap_or_else(|_| link.rest());
        ensure!(sent == bytes, "the client sent {:?}", String::from_utf8_lossy(&sent));
        Ok(())
    }

    async fn server_says(&mut self, bytes: &[u8]) {
        let link = self.current().await;
        let from = self.said;
        self.said += bytes.len();
        match self.split {
            Split::Bytes => bytes.iter().for_each(|byte| link.say(vec![*byte])),
            Split::At(cut) if from < cut && cut < self.said => {
                let (first, second) = bytes.split_at(cut - from);
                link.say(first.to_vec());
                link.say(second.to_vec());
            }
            Split::Whole | Split::At(_) => link.say(bytes.to_vec()),
        }
        settle().await;
    }

    async fn call(&mut self, id: u64, call: impl Future<Output = Result<redis::Value, Error>> + Send + 'static) {
        self.calls.insert(id, Some(tokio::spawn(call)));
        settle().await;
    }

    /// How the call ended; `None` if it was cancelled.
    async fn result(&mut self, id: u64) -> Result<Option<Result<redis::Value, Error>>> {
        match self.calls.remove(&id).context("no such call")? {
            Some(call) => Ok(Some(call.await?)),
            None => Ok(None),
        }
    }

    async fn notice(&mut self, id: u64, wanted: &Notice) -> Result<()> {
        match self.next(id).await? {
            Some(Some(Ok(notice))) if notice == *wanted => Ok(()),
            None => Ok(()),
            other => bail!("{other:?} instead of {wanted:?}"),
        }
    }

    /// What the subscription gives next; `None` if it was dropped.
    async fn next(&mut self, id: u64) -> Result<Option<Option<Result<Notice, Error>>>> {
        match self.subscriptions.get_mut(&id).context("no such subscription")? {
            Some(subscription) => Ok(Some(subscription.next().await)),
            None => Ok(None),
        }
    }

    async fn state(&mut self, wanted: &str, cause: Option<&str>) -> Result<()> {
        let mut states = self.client.states();
        let state = states.wait_for(|state| state_name(state) == wanted).await?.clone();
        match state {
            ClientState::Down(error) | ClientState::Denied(error) => check_failure(&error, None, cause),
            _ => Ok(()),
        }
    }

    async fn current(&self) -> Arc<Link> {
        self.network.link(self.link).await
    }

    /// Nothing may be left that no step spoke of.
    async fn end(mut self) -> Result<()> {
        settle().await;
        ensure!(self.calls.values().all(Option::is_none), "calls are open");
        for (id, subscription) in &mut self.subscriptions {
            let more = subscription.as_mut().and_then(|subscription| subscription.next().now_or_never());
            ensure!(more.is_none() || matches!(more, Some(None)), "subscription {id} gives {more:?}");
        }
        for (place, link) in self.network.links().iter().enumerate().take(self.opened) {
            let rest = link.rest();
            ensure!(rest.is_empty(), "the client also sent {:?}", String::from_utf8_lossy(&rest));
            let closed = self.closed.contains(&(place + 1));
            ensure!(closed || !link.is_closed(), "the client closed link {}", place + 1);
        }
        // A link that broke last may have been replaced already: nothing waits for that.
        let broken = self.closed.len();
        ensure!(self.network.links().len() <= self.opened + broken, "the client opened more links");
        Ok(())
    }
}

/// Lets everything happen that can: the runtime's clock is paused, and moves on to this only when all tasks are idle.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn config(settings: &Settings, network: Network, component: Option<&Bytes>) -> Result<Config> {
    let mut config = Config::new("redis://vectors:6379")?
        .database(settings.database)
        .name(&settings.name)
        .library("vectors", "1")
        .resp2(settings.resp2)
        .limits(limits(&settings.limits)?)
        .connector(network);
    if settings.username.is_some() || settings.password.is_some() {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        config = config.credentials(&text(&settings.username), &text(&settings.password));
    }
    if let Some(component) = component {
        config = config.component(component.clone());
    }
    Ok(config)
}

fn limits(wanted: &[(String, u64)]) -> Result<Limits> {
    let mut limits = Limits::default();
    for (name, value) in wanted {
        let small = || u32::try_from(*value);
        match name.replace('_', "-").as_str() {
            "queued" => limits.queued = small()?,
            "queued-bytes" => limits.queued_bytes = small()?,
            "inflight" => limits.inflight = small()?,
            "inflight-bytes" => limits.inflight_bytes = small()?,
            "links" => limits.links = small()?,
            "depth" => limits.depth = small()?,
            "elements" => limits.elements = *value,
            "reply-bytes" => limits.reply_bytes = *value,
            "hold-above" => limits.hold_above = small()?,
            "pass-above" => limits.pass_above = small()?,
            other => bail!("{other} is no limit"),
        }
    }
    Ok(limits)
}

fn to_names(kind: &str, names: &[Vec<u8>]) -> Result<Names> {
    let names = names.iter().cloned();
    match kind {
        "channel" => Ok(Names::channels(names)),
        "pattern" => Ok(Names::patterns(names)),
        "shard" => Ok(Names::shards(names)),
        other => bail!("{other} is no kind of subscription"),
    }
}

fn state_name(state: &ClientState) -> &'static str {
    match state {
        ClientState::Connecting => "connecting",
        ClientState::Ready => "ready",
        ClientState::Down(_) => "down",
        ClientState::Denied(_) => "denied",
        ClientState::Closed(_) => "closed",
    }
}

/// The step without its bytes.
fn name(step: &Step) -> String {
    let text = format!("{step:?}");
    text.chars().take(120).collect()
}
