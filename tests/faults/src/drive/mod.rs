//! The Rust load driver: told by lines of JSON what to do, tells by lines what happened. README.md has both.

mod caller;
mod news;
pub mod tally;

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use coracle::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use caller::{Caller, Shared};
use news::News;
use tally::{MARGIN, Tally, say};

/// How long the last message may take to the subscriber.
const LAST_WORD: Duration = Duration::from_secs(5);

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
        let mut load = None;
        while let Some(line) = lines.recv().await {
            let order: Value = serde_json::from_str(&line).context("an order that is no JSON")?;
            follow(&order, &mut load).await?;
        }
        anyhow::Ok(())
    })?;
    // Callers that hang are not waited for.
    runtime.shutdown_background();
    Ok(())
}

async fn follow(order: &Value, load: &mut Option<Load>) -> Result<()> {
    match (order["do"].as_str(), load.as_mut()) {
        (Some("start"), None) => *load = Some(Load::start(order).await?),
        (Some("mark"), Some(load)) => {
            load.news.mark();
            load.shared.tally.mark();
        }
        (Some("deaf"), Some(load)) => drop(load.news.deaf.send_replace(true)),
        (Some("hear"), Some(load)) => drop(load.news.deaf.send_replace(false)),
        (Some("stats"), Some(load)) => load.stats(),
        (Some("stop"), Some(_)) => {
            if let Some(load) = load.take() {
                load.stop().await;
            }
        }
        _ => bail!("an order that makes no sense here: {order}"),
    }
    Ok(())
}

/// What runs between start and stop.
struct Load {
    shared: Arc<Shared>,
    news: Arc<News>,
    publisher: Client,
    callers: JoinSet<Value>,
    /// The publisher's task, and the subscriber's.
    publishing: JoinHandle<()>,
    listening: JoinHandle<()>,
}

impl Load {
    async fn start(order: &Value) -> Result<Self> {
        let text = |name: &str| order[name].as_str().with_context(|| format!("no {name} in the order"));
        let number = |name: &str| order[name].as_u64().with_context(|| format!("no {name} in the order"));
        let deadline = Duration::from_millis(number("deadline_ms")?);
        let config = |url| anyhow::Ok(Config::new(url)?.deadline(Some(deadline)));
        let client = config(text("url")?)?.name("load").start().await?;
        let publisher = config(text("publish")?)?.name("publisher").start().await?;
        let shared = Arc::new(Shared { client, tally: Tally::default(), deadline, stop: AtomicBool::new(false) });
        let news = Arc::new(News::new(Arc::clone(&shared)));

        let mut callers = JoinSet::new();
        let subscribed = Arc::new(Notify::new());
        let queue = usize::try_from(number("queue")?)?;
        let listening = tokio::spawn(Arc::clone(&news).listen(queue, Arc::clone(&subscribed)));
        for caller in 0..number("callers")? {
            callers.spawn(Caller::new(caller, Arc::clone(&shared)).run());
        }
        let publishing = tokio::spawn(Arc::clone(&news).publish(publisher.clone(), subscribed));
        say(&json!({ "say": "started" }));
        Ok(Self { shared, news, publisher, callers, publishing, listening })
    }

    fn stats(&self) {
        let (one, other) = (self.shared.client.stats(), self.publisher.stats());
        say(&json!({
            "say": "stats",
            "memory": one.memory + other.memory,
            "tasks": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            "traps": one.traps + other.traps,
            "counts": self.shared.tally.report(),
        }));
    }

    /// Ends the load, and tells all that was counted.
    async fn stop(mut self) {
        self.shared.stop.store(true, Relaxed);
        let mut callers = Vec::new();
        let all = async {
            while let Some(caller) = self.callers.join_next().await {
                callers.extend(caller);
            }
        };
        let bound = self.shared.deadline + MARGIN;
        if tokio::time::timeout(bound, all).await.is_err() {
            let left = self.callers.len();
            self.shared.tally.add("hung", left as u64 - 1);
            self.shared.tally.complain("hung", || format!("{left} callers are still waiting {bound:?} after the end"));
        }
        self.news.quiet();
        if tokio::time::timeout(bound, &mut self.publishing).await.is_err() {
            self.shared.tally.complain("hung", || "the publisher is still waiting".to_owned());
        }
        if !self.news.finish(&self.publisher, LAST_WORD).await {
            self.shared.tally.complain("silent", || "the subscriber hears nothing any more".to_owned());
        }
        self.listening.abort();
        let stats = self.shared.client.stats();
        let mut report = self.shared.tally.report();
        report.insert("say".into(), json!("done"));
        report.insert("traps".into(), json!(stats.traps));
        report.insert("callers".into(), json!(callers));
        say(&Value::Object(report));
    }
}
