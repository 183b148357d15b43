//! The event store against real servers.

mod appending;
mod care;
mod courses;
mod dcb;
mod executing;
mod following;
mod locking;
mod races;
mod reading;

use coracle::events::{Cursor, Event, EventError, EventStore, Options, Query, Recorded};

use crate::targets::{Target, in_time};

/// A store of its own for a test: a shared server has many.
async fn open(target: &Target, namespace: &str) -> EventStore {
    open_with(target, namespace, Options::new()).await
}

async fn open_with(target: &Target, namespace: &str, options: Options) -> EventStore {
    let client = target.client().await;
    in_time(EventStore::open(&client, namespace, options)).await.unwrap()
}

async fn append(store: &EventStore, events: impl IntoIterator<Item = Event>) -> Cursor {
    in_time(store.append(events, coracle::events::AppendOptions::new())).await.unwrap().cursor
}

async fn read(store: &EventStore, query: Query) -> Vec<Recorded> {
    in_time(store.read(query).all()).await.unwrap()
}

fn positions(events: &[Recorded]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

/// Such as `E1`, with a tag.
fn event(type_: &str, tag: &str) -> Event {
    Event::new(type_).tag(tag)
}

/// The head of the log.
async fn head(store: &EventStore) -> u64 {
    in_time(store.stats()).await.unwrap().head
}

fn is_conflict<T>(result: &Result<T, EventError>) -> bool {
    matches!(result, Err(EventError::Conflict { .. }))
}
