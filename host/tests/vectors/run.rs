//! A vector's steps, done with a client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use coracle::{Client, ClientState, Config};
use vectors::{Step, Vector};

use crate::network::{Link, Network};
use crate::requests::Requests;
use crate::settings::{config, is_server};
use crate::subscriptions::Subscriptions;
use crate::values::check_failure;

/// What a step may wait for, on a clock that only moves when all else stands still.
const PATIENCE: Duration = Duration::from_secs(40);

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
pub async fn run(vector: &Vector, split: Split, common: &Config) -> Result<()> {
    let network = Network::default();
    let client = config(common, &vector.settings, network.clone())?.start().await?;
    settle().await;
    let mut runner = Runner {
        requests: Requests::new(client.clone()),
        subscriptions: Subscriptions::new(client.clone()),
        client,
        network,
        split,
        said: 0,
        link: 1,
        opened: 0,
    };
    for (place, step) in vector.steps.iter().enumerate() {
        let step_done = tokio::time::timeout(PATIENCE, runner.step(step));
        let done = step_done.await.unwrap_or_else(|_| bail!("nothing happens"));
        done.with_context(|| format!("step {} ({})", place + 1, name(step)))?;
        settle().await;
    }
    runner.end().context("at the end")
}

struct Runner {
    client: Client,
    requests: Requests,
    subscriptions: Subscriptions,
    network: Network,
    split: Split,
    /// Bytes that the server said.
    said: usize,
    /// The link that steps mean, and how many were opened.
    link: usize,
    opened: usize,
}

impl Runner {
    async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Open { link, endpoint } => self.open(*link, *endpoint, Ok(())).await?,
            Step::Refuse { link, reason } => self.open(*link, None, Err(refusal(reason)?)).await?,
            Step::Link(number) => self.link = *number,
            Step::Client(bytes) => self.client_sends(bytes).await?,
            Step::Server(bytes) => self.server_says(bytes).await?,
            Step::HangUp => self.current().await?.hang_up(),
            Step::Stall(room) => self.current().await?.stall(*room),
            Step::Closes(number) => self.closes(*number).await,
            Step::Drain(within) => {
                let (client, within) = (self.client.clone(), Duration::from_millis(*within));
                tokio::spawn(async move { client.close(within).await });
            }
            Step::State { state, cause } => self.state(state, cause.as_deref()).await?,
            Step::Subscribe { .. }
            | Step::Unsubscribe(_)
            | Step::Subscribed(_)
            | Step::Gap(_)
            | Step::Ended { .. }
            | Step::Message { .. } => self.subscriptions.step(step).await?,
            _ => self.requests.step(step).await?,
        }
        Ok(())
    }

    /// Lets the client have its next link, or not.
    async fn open(&mut self, number: usize, endpoint: Option<usize>, answer: io::Result<()>) -> Result<()> {
        ensure!(self.opened == number - 1, "{} links were opened before", self.opened);
        let link = self.network.link(number).await;
        ensure!(endpoint.is_none_or(|wanted| is_server(&link.endpoint, wanted)), "it leads to {:?}", link.endpoint);
        (self.link, self.opened) = (number, number);
        ensure!(!link.decide(answer), "it was opened before");
        Ok(())
    }

    async fn closes(&mut self, number: usize) {
        self.network.link(number).await.closed().await;
        // One that was never given counts.
        self.opened = self.opened.max(number);
    }

    async fn client_sends(&mut self, bytes: &[u8]) -> Result<()> {
        let link = self.current().await?;
        let sent = tokio::time::timeout(PATIENCE / 8 * 7, link.take(bytes.len())).await;
        let sent = sent.unwrap_or_else(|_| link.rest());
        ensure!(sent == bytes, "the client sent {:?}", String::from_utf8_lossy(&sent));
        Ok(())
    }

    async fn server_says(&mut self, bytes: &[u8]) -> Result<()> {
        let link = self.current().await?;
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
        Ok(())
    }

    async fn state(&mut self, wanted: &str, cause: Option<&str>) -> Result<()> {
        let mut states = self.client.states();
        let state = states.wait_for(|state| state_name(state) == wanted).await?.clone();
        match state {
            ClientState::Down(error) | ClientState::Denied(error) | ClientState::Closed(error) => {
                check_failure(&error, None, cause)
            }
            ClientState::Connecting | ClientState::Ready => Ok(()),
        }
    }

    async fn current(&mut self) -> Result<Arc<Link>> {
        if self.opened == 0 {
            self.open(1, None, Ok(())).await?;
        }
        Ok(self.network.link(self.link).await)
    }

    /// Nothing may be left that no step spoke of.
    fn end(mut self) -> Result<()> {
        self.requests.nothing_left()?;
        self.subscriptions.nothing_left()?;
        self.network.nothing_left()
    }
}

/// Lets everything happen that can: the runtime's clock is paused, and moves on to this only when all tasks are idle.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn refusal(reason: &str) -> Result<io::Error> {
    match reason {
        "refused" => Ok(io::ErrorKind::ConnectionRefused.into()),
        "denied" => Ok(io::ErrorKind::PermissionDenied.into()),
        other => bail!("{other} is no reason"),
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
