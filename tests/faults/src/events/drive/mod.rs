//! The Rust agent of the event store's faults: told by lines of JSON what to do, tells by lines what came of it.
//! README.md has both.

mod bank;
mod ends;
mod work;

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use coracle::events::{Cursor, EventStore, Item, Options, Query};
use coracle::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::drive::tally::say;

/// Does what the lines on the input say, until it ends.
pub fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (sender, mut lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    runtime.block_on(async {
        let mut agent = None;
        while let Some(line) = lines.recv().await {
            let order: Value = serde_json::from_str(&line).context("an order that is no JSON")?;
            follow(order, &mut agent).await?;
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_background();
    Ok(())
}

async fn follow(order: Value, agent: &mut Option<Arc<Agent>>) -> Result<()> {
    if order["do"] == "open" {
        *agent = Some(Arc::new(Agent::open(&order).await?));
        say(&json!({ "say": "opened" }));
        return Ok(());
    }
    let agent = agent.as_ref().context("the first order is to open")?;
    if order["do"] == "release" {
        agent.release(text(&order, "tag"));
        return Ok(());
    }
    tokio::spawn(obey(Arc::clone(agent), order));
    Ok(())
}

async fn obey(agent: Arc<Agent>, order: Value) {
    let done = match order["do"].as_str() {
        Some("append") => work::append(&agent, &order).await,
        Some("race") => work::race(&agent, &order).await,
        Some("execute") => work::execute(&agent, &order).await,
        Some("contend") => work::contend(&agent, &order).await,
        Some("follow") => work::follow(&agent, &order).await,
        Some("read") => work::read(&agent, &order).await,
        Some("verify") => work::verify(&agent).await,
        Some("bank") => bank::run(&agent, &order).await,
        _ => Err(anyhow::anyhow!("an order that makes no sense here")),
    };
    if let Err(error) = done {
        say(&json!({ "say": "misunderstood", "order": order, "why": format!("{error:#}") }));
    }
}

/// What all orders share.
pub struct Agent {
    store: EventStore,
    deadline: Duration,
    /// Handlers that wait to be released.
    waiting: Mutex<HashMap<String, oneshot::Sender<()>>>,
}

impl Agent {
    async fn open(order: &Value) -> Result<Self> {
        let deadline = Duration::from_millis(number(order, "deadline_ms"));
        let config = Config::new(text(order, "url"))?.deadline(Some(deadline)).name("events");
        let client: Client = config.start().await?;
        let store = EventStore::open(&client, text(order, "namespace"), Options::new().inspect(false)).await?;
        Ok(Self { store, deadline, waiting: Mutex::default() })
    }

    /// Ends when the handler of this tag is released.
    fn wait(&self, tag: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.to_owned(), sender);
        receiver
    }

    fn release(&self, tag: &str) {
        if let Some(sender) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(tag) {
            // Its deadline may have passed.
            let _ = sender.send(());
        }
    }
}

/// A text of an order; empty where there is none.
fn text<'a>(order: &'a Value, name: &str) -> &'a str {
    order[name].as_str().unwrap_or_default()
}

/// A number of an order; 0 where there is none.
fn number(order: &Value, name: &str) -> u64 {
    order[name].as_u64().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The items of an order; none where it has none.
fn query(order: &Value) -> Option<Query> {
    let items = order["items"].as_array()?.iter();
    Some(
        items
            .map(|item| {
                let types = texts(&item["types"]).into_iter();
                types.fold(Item::tags(texts(&item["tags"])), Item::of_type)
            })
            .collect(),
    )
}

fn cursor(order: &Value, name: &str) -> Result<Cursor> {
    let Some(text) = order[name].as_str() else { bail!("no {name}") };
    text.parse().context("no cursor")
}
