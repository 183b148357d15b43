//! The loads, with a client that answers at once and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;

use super::closed::{Closed, Step};
use super::*;
use crate::client::Settings;

#[derive(Clone, Default)]
struct Fake {
    calls: Arc<Mutex<HashMap<&'static str, u64>>>,
}

impl Fake {
    fn note(&self, what: &'static str) {
        *self.calls.lock().unwrap().entry(what).or_default() += 1;
    }

    fn count(&self, what: &str) -> u64 {
        self.calls.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

impl Client for Fake {
    async fn get(&mut self, _key: &str) -> Result<usize> {
        self.note("get");
        tokio::task::yield_now().await;
        Ok(64)
    }

    async fn set(&mut self, _key: &str, value: &Bytes) -> Result<()> {
        assert_eq!(value.len(), 64);
        self.note("set");
        tokio::task::yield_now().await;
        Ok(())
    }
}

struct Twice;

impl Step<Fake> for Twice {
    async fn step(&mut self, client: &mut Fake) -> Result<()> {
        read(client, "a", 64).await?;
        client.set("a", &value(64)).await
    }
}

#[tokio::test]
async fn a_closed_load_counts_what_was_done() {
    let fake = Fake::default();
    let load = Closed { each: 2, ..Closed::new(3) };
    let (per, ops) = load.drive(|_| fake.clone(), |_| Twice, Duration::from_millis(20)).await.unwrap();
    assert_eq!(ops, fake.count("get") + fake.count("set"));
    assert_eq!(per.iter().map(crate::histogram::Histogram::count).sum::<u64>(), ops / 2);
    assert_eq!(per.len(), 3);
}

#[tokio::test]
async fn a_value_of_the_wrong_size_ends_the_run() {
    let mut fake = Fake::default();
    assert!(read(&mut fake, "a", 65).await.is_err());
    assert!(fake.subscribe("c", |_: &[u8]| {}).await.is_err(), "what a client can't do is an error");
}

#[test]
fn loads_have_their_names() {
    for load in Load::ALL {
        assert_eq!(Load::named(load.name()).unwrap(), load);
        assert_eq!(load.about().name, load.name());
    }
    assert!(Load::named("W0").is_err());
    assert!(!Settings::default().cache);
}

#[tokio::test]
async fn four_reads_for_each_write() {
    let mut fake = Fake::default();
    let mut task = super::mixed::Mixed::of(crate::random::key_names(100, "64").into(), 64).task(0);
    for _ in 0..10_000 {
        task.step(&mut fake).await.unwrap();
    }
    assert!((1900..2100).contains(&fake.count("set")), "{}", fake.count("set"));
    assert_eq!(fake.count("get") + fake.count("set"), 10_000);
}
