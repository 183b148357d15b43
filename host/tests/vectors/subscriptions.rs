//! Subscriptions of a vector.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use coracle::{Client, Error, Names, Notice, SubscribeOptions, Subscription};
use futures_util::FutureExt;
use vectors::{End, Step, Value};

use crate::values::{check_failure, check_message, check_reply};

pub struct Subscriptions {
    client: Client,
    /// `None` once nobody reads it any more.
    all: HashMap<u64, Option<Subscription>>,
}

impl Subscriptions {
    pub fn new(client: Client) -> Self {
        Self { client, all: HashMap::new() }
    }

    pub async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Subscribe { id, kind, names } => {
                let subscription = self.client.subscribe(to_names(kind, names)?, SubscribeOptions::default()).await?;
                self.all.insert(*id, Some(subscription));
                Ok(())
            }
            Step::Unsubscribe(id) => {
                let subscription = self.all.get_mut(id).and_then(Option::take);
                drop(subscription.context("no such subscription")?);
                Ok(())
            }
            Step::Subscribed(id) => self.notice(*id, &Notice::Subscribed).await,
            Step::Gap(id) => self.notice(*id, &Notice::Gap).await,
            Step::Message { id, value } => self.message(*id, value).await,
            Step::Ended { id, end, value } => self.ended(*id, end.as_ref(), value.as_ref()).await,
            _ => bail!("a step of a kind that this runner does not know"),
        }
    }

    pub fn nothing_left(&mut self) -> Result<()> {
        for (id, subscription) in &mut self.all {
            let more = subscription.as_mut().and_then(|subscription| subscription.next().now_or_never());
            ensure!(more.is_none() || matches!(more, Some(None)), "subscription {id} gives {more:?}");
        }
        Ok(())
    }

    async fn notice(&mut self, id: u64, wanted: &Notice) -> Result<()> {
        match self.next(id).await? {
            Some(Some(Ok(notice))) if notice == *wanted => Ok(()),
            None => Ok(()),
            other => bail!("{other:?} instead of {wanted:?}"),
        }
    }

    async fn message(&mut self, id: u64, wanted: &Value) -> Result<()> {
        match self.next(id).await? {
            Some(Some(Ok(Notice::Message(message)))) => check_message(&message, wanted),
            Some(other) => bail!("{other:?} instead of a message"),
            None => Ok(()),
        }
    }

    async fn ended(&mut self, id: u64, end: Option<&End>, value: Option<&Value>) -> Result<()> {
        match (self.next(id).await?, value) {
            (Some(Some(Err(Error::Server(error)))), Some(value)) => check_reply(&Err(Error::Server(error)), value),
            (Some(Some(Err(error))), None) => {
                let names = end.map(|end| (end.failure.as_str(), end.cause.as_str()));
                check_failure(&error, names.map(|names| names.0), names.map(|names| names.1))
            }
            (Some(other), _) => bail!("{other:?} instead of its end"),
            (None, _) => Ok(()),
        }
    }

    /// What the subscription gives next; `None` if it was dropped.
    async fn next(&mut self, id: u64) -> Result<Option<Option<Result<Notice, Error>>>> {
        match self.all.get_mut(&id).context("no such subscription")? {
            Some(subscription) => Ok(Some(subscription.next().await)),
            None => Ok(None),
        }
    }
}

fn to_names(kind: &str, names: &[Vec<u8>]) -> Result<Names> {
    let names = names.iter().cloned();
    match kind {
        "channel" => Ok(Names::channels(names)),
        "pattern" => Ok(Names::patterns(names)),
        "shard" => Ok(Names::shards(names)),
        "monitor" => Ok(Names::monitor()),
        other => bail!("{other} is no kind of subscription"),
    }
}
