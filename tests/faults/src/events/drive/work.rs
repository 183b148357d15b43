//! What an agent does at once: races, contests, commands that wait, reads.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use coracle::events::{
    AppendOptions, Command, Condition, Cursor, Decision, Durability, Event, EventError, ExecuteError, ExecuteOptions,
    Id, Query,
};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::ends::{end, executed, fields, how};
use super::{Agent, cursor, number, query, text, texts};
use crate::drive::tally::say;

/// Appends an order's events, on its condition.
pub async fn append(agent: &Agent, order: &Value) -> Result<()> {
    let event = || Event::new(text(order, "type")).tags(texts(&order["tags"])).data(text(order, "data").to_owned());
    let events: Vec<Event> = (0..number(order, "events").max(1)).map(|_| event()).collect();
    let mut options = AppendOptions::new();
    if let Some(query) = query(order) {
        options = options.condition(Condition::new(query, cursor(order, "after")?));
    }
    if let Some(count) = order["replicas"].as_u64() {
        let within = Duration::from_millis(number(order, "within_ms"));
        options = options.durability(Durability::Replicas { count: u32::try_from(count)?, within });
    }
    tell("appended", order, end(&agent.store.append(events, options).await));
    Ok(())
}

/// Has all writers append at the same place at once.
pub async fn race(agent: &Agent, order: &Value) -> Result<()> {
    let condition = Condition::new(query(order).context("no items")?, cursor(order, "after")?);
    let once = order["once"] == true;
    let writers = (0..number(order, "writers")).map(|writer| {
        let (writer, condition) = (writer + number(order, "base"), condition.clone());
        async move {
            let data = json!({ "round": order["round"], "w": writer }).to_string();
            let event = Event::new("Won").tags(texts(&order["tags"])).data(data);
            let mut options = AppendOptions::from(condition);
            if once {
                options = options.once(Id::new());
            }
            let store = agent.store.clone();
            // Tasks of their own, so that they are as concurrent as the runtime lets them be.
            let result = tokio::spawn(async move { store.append([event], options).await }).await;
            let mut fields = end(&result.unwrap_or_else(|error| Err(EventError::Misuse(error.to_string()))));
            fields.insert("w".to_owned(), json!(writer));
            Value::Object(fields)
        }
    });
    let ends = join_all(writers).await;
    tell("raced", order, fields(json!({ "round": order["round"], "ends": ends })));
    Ok(())
}

/// Executes a command whose handler reads, says so, and waits to be released.
pub async fn execute(agent: &Agent, order: &Value) -> Result<()> {
    let locks = texts(&order["locks"]);
    let mut command = Command::new("Waited");
    for lock in &locks {
        command = command.lock(lock.clone());
    }
    let options = ExecuteOptions::new()
        .attempts(1)
        .lease(Duration::from_millis(number(order, "lease_ms").max(1000)))
        .deadline(Duration::from_millis(number(order, "deadline_ms")));
    let result = agent
        .store
        .execute(command, options, |decision: Decision| {
            let lock = locks.first().cloned().unwrap_or_default();
            async move {
                if let Some(query) = query(order) {
                    decision.read(query).all().await?;
                }
                let fence = decision.fence(&lock);
                let released = agent.wait(text(order, "tag"));
                say(&json!({ "say": "deciding", "tag": order["tag"], "fence": fence }));
                let _ = released.await;
                let data = json!({ "fence": fence, "tag": order["tag"] }).to_string();
                Ok::<_, EventError>(vec![Event::new("Waited").tags(texts(&order["tags"])).data(data)])
            }
        })
        .await;
    tell("executed", order, executed(&result));
    Ok(())
}

/// Has all workers execute commands with the same lock, each so many times.
pub async fn contend(agent: &Agent, order: &Value) -> Result<()> {
    let lock = text(order, "lock");
    let workers = (0..number(order, "workers")).map(|worker| async move {
        let mut ends = Vec::new();
        for round in 0..number(order, "rounds") {
            let worker = worker + number(order, "base");
            let options = ExecuteOptions::new().lease(Duration::from_secs(2)).deadline(agent.deadline * 10);
            let result = agent
                .store
                .execute(Command::new("Contended").lock(lock), options, async |decision: Decision| {
                    let data = json!({ "fence": decision.fence(lock), "w": worker, "round": round }).to_string();
                    Ok::<_, Infallible>(vec![Event::new("Contended").tags(texts(&order["tags"])).data(data)])
                })
                .await;
            let mut fields = executed(&result);
            fields.extend([("w".to_owned(), json!(worker)), ("round".to_owned(), json!(round))]);
            ends.push(Value::Object(fields));
        }
        ends
    });
    let ends: Vec<Value> = join_all(workers).await.into_iter().flatten().collect();
    tell("contended", order, fields(json!({ "ends": ends })));
    Ok(())
}

/// Follows the log, and tells each event until it ends.
pub async fn follow(agent: &Agent, order: &Value) -> Result<()> {
    let mut subscription = agent.store.subscribe(query(order).context("no items")?, cursor(order, "after")?);
    while let Some(event) = subscription.next().await {
        match event {
            Ok(event) => {
                tell("followed", order, fields(json!({ "at": event.position, "cursor": event.cursor().to_string() })));
            }
            Err(error) => tell("left", order, fields(json!({ "how": how(&error), "why": error.to_string() }))),
        }
    }
    Ok(())
}

/// Reads from a place on.
pub async fn read(agent: &Agent, order: &Value) -> Result<()> {
    let after: Cursor = cursor(order, "after")?;
    let told = match agent.store.read(Query::all()).after(after).all().await {
        Ok(events) => json!({ "how": "done", "events": events.len() }),
        Err(error) => json!({ "how": how(&error), "why": error.to_string() }),
    };
    tell("read", order, fields(told));
    Ok(())
}

/// Has the store check itself.
pub async fn verify(agent: &Agent) -> Result<()> {
    let told = match agent.store.verify(|_, _| {}).await {
        Ok(found) => json!({ "how": "done", "events": found.events, "faults": found.faults, "texts": found.texts }),
        Err(error) => json!({ "how": how(&error), "why": error.to_string() }),
    };
    tell("verified", &Value::Null, fields(told));
    Ok(())
}

fn tell(what: &str, order: &Value, mut fields: Map<String, Value>) {
    fields.insert("say".to_owned(), json!(what));
    if !order["tag"].is_null() {
        fields.insert("tag".to_owned(), order["tag"].clone());
    }
    say(&Value::Object(fields));
}

/// Keeps the type in one place.
pub type Told = Result<coracle::events::Appended, ExecuteError<String>>;
