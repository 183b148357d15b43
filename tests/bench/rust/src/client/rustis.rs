//! rustis: its multiplexed client, on its defaults.

use std::sync::Arc;

use anyhow::Result;
use bench_measure::{About, Client, Handle, Kind, Opening, Settings};
use bytes::Bytes;
use futures_util::StreamExt;
use rustis::cache::Cache;
use rustis::client::BatchPreparedCommand;
use rustis::commands::{ClientTrackingOptions, PubSubCommands, StringCommands};
use rustis::resp::{BulkString, RefBulkString};

use super::{CACHE, COMMON, OnRuntime, version};

/// How long cached values are good, where nothing changes them.
const CACHE_SECONDS: u64 = 3600;

pub fn kinds(runtime: OnRuntime) -> Vec<Kind> {
    let about = About {
        name: "rustis".to_owned(),
        about: "defaults".to_owned(),
        workloads: [&COMMON, &CACHE[..], runtime.scale()].concat(),
        quick: true,
        ..About::default()
    };
    vec![runtime.kind(about, version("rustis", ""), Open)]
}

#[derive(Clone)]
struct Open;

#[derive(Clone)]
struct Rustis {
    client: rustis::client::Client,
    cache: Option<Arc<Cache>>,
}

impl Opening for Open {
    type Client = Rustis;

    async fn open(&self, addr: &str, settings: Settings) -> Result<Rustis> {
        let client = rustis::client::Client::connect(format!("redis://{addr}")).await?;
        let cache = match settings.cache {
            true => Some(Cache::new(client.clone(), CACHE_SECONDS, ClientTrackingOptions::default()).await?),
            false => None,
        };
        Ok(Rustis { client, cache })
    }
}

impl Client for Rustis {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let value: BulkString = self.client.get(key).await?;
        Ok(value.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<()> {
        Ok(self.client.set(key, RefBulkString::new(value)).await?)
    }

    async fn set_all(&mut self, keys: &[String], value: &Bytes) -> Result<()> {
        let mut pipeline = self.client.create_pipeline();
        pipeline.reserve(keys.len());
        for key in keys {
            pipeline.set(key, RefBulkString::new(value)).queue();
        }
        let _: Vec<()> = pipeline.execute().await?;
        Ok(())
    }

    async fn get_cached(&mut self, key: &str) -> Result<usize> {
        let Some(cache) = &self.cache else { return self.get(key).await };
        let value: BulkString = cache.get(key).await?;
        Ok(value.len())
    }

    async fn subscribe(&mut self, channel: &'static str, mut handle: impl Handle) -> Result<()> {
        let mut messages = self.client.subscribe(channel).await?;
        let client = self.client.clone();
        tokio::spawn(async move {
            let _client = client;
            while let Some(message) = messages.next().await {
                match message {
                    Ok(message) => handle(message.payload()),
                    Err(error) => panic!("messages were lost: {error}"),
                }
            }
        });
        Ok(())
    }
}
