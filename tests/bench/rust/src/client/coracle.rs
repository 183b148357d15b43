//! Ours, and the same driver on the native core.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bench_measure::{About, Client, Handle, Kind, Opening, Settings};
use bytes::Bytes;
use coracle::redis::{AsyncCommands, Value};
use coracle::{Cache, Command, Config, Names, Notice, SubscribeOptions};

use super::{CACHE, COMMON, OnRuntime, version};
use crate::native::Native;

/// How many messages a subscriber's queue has room for: more than are ever under way.
const QUEUE: usize = 4096;
/// Room for the values that are cached.
const CACHE_BYTES: usize = 64 << 20;
/// How long cached values are good, where nothing changes them.
const CACHE_AGE: Duration = Duration::from_secs(3600);

pub fn kinds(runtime: OnRuntime) -> Vec<Kind> {
    let version = version("coracle", "");
    let sandboxed = About {
        name: "coracle".to_owned(),
        about: "defaults".to_owned(),
        ours: true,
        native: runtime.name("coracle-native"),
        workloads: [&COMMON, &CACHE[..], runtime.scale(), runtime.first()].concat(),
        quick: true,
        ..About::default()
    };
    let native = About {
        name: "coracle-native".to_owned(),
        about: "the same driver on the native core, in no sandbox".to_owned(),
        baseline: true,
        workloads: COMMON.to_vec(),
        quick: !runtime.current_thread,
        ..About::default()
    };
    // No peer, and none that marks are for: they are for defaults. Its lanes are by threads, so one thread has one.
    let lanes = About {
        name: "coracle-lanes2".to_owned(),
        about: "two lanes".to_owned(),
        baseline: true,
        workloads: vec!["W2", "W3"],
        ..About::default()
    };
    let mut kinds = vec![
        runtime.kind(sandboxed, version.clone(), Open { native: false, lanes: 1 }),
        runtime.kind(native, version.clone(), Open { native: true, lanes: 1 }),
    ];
    if !runtime.current_thread {
        kinds.push(runtime.kind(lanes, version, Open { native: false, lanes: 2 }));
    }
    kinds
}

#[derive(Clone)]
struct Open {
    native: bool,
    lanes: usize,
}

#[derive(Clone)]
struct Coracle(coracle::Client);

impl Opening for Open {
    type Client = Coracle;

    async fn open(&self, addr: &str, settings: Settings) -> Result<Coracle> {
        let mut config = Config::new(&format!("redis://{addr}"))?.lanes(self.lanes);
        if settings.cache {
            config = config.cache(Cache::opt_in(CACHE_BYTES));
        }
        if self.native {
            config = config.foreign_core(Arc::new(|| Box::new(Native::default())));
        }
        Ok(Coracle(config.connect().await?))
    }
}

impl Client for Coracle {
    async fn get(&mut self, key: &str) -> Result<usize> {
        size(self.0.call(Command::new("GET").arg(key)).await?)
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<()> {
        self.0.call(Command::new("SET").arg(key).arg(value.clone())).await?;
        Ok(())
    }

    async fn set_all(&mut self, keys: &[String], value: &Bytes) -> Result<()> {
        let commands = keys.iter().map(|key| Command::new("SET").arg(key).arg(&**value));
        for reply in self.0.pipeline(commands).await? {
            reply?;
        }
        Ok(())
    }

    async fn get_cached(&mut self, key: &str) -> Result<usize> {
        let value: Vec<u8> = self.0.cached(CACHE_AGE).get(key).await?;
        Ok(value.len())
    }

    async fn subscribe(&mut self, channel: &'static str, mut handle: impl Handle) -> Result<()> {
        let options = SubscribeOptions { messages: QUEUE, ..SubscribeOptions::default() };
        let mut messages = self.0.subscribe(Names::channels([channel]), options).await?;
        match messages.next().await {
            Some(Ok(Notice::Subscribed)) => {}
            other => bail!("not subscribed: {other:?}"),
        }
        tokio::spawn(async move {
            while let Some(notice) = messages.next().await {
                match notice {
                    Ok(Notice::Message(message)) => handle(&message.payload),
                    other => panic!("messages were lost: {other:?}"),
                }
            }
        });
        Ok(())
    }

    fn batches(&self) -> (u64, u64) {
        let stats = self.0.stats();
        (stats.batches, stats.rows)
    }
}

fn size(value: Value) -> Result<usize> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.len()),
        other => bail!("no string: {other:?}"),
    }
}
