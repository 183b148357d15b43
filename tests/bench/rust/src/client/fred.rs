//! fred: one connection, and its defaults but for Nagle's delay.

use anyhow::Result;
use bench_measure::{About, Client, Handle, Kind, Opening, Settings};
use bytes::Bytes;
use fred::prelude::*;

use super::{COMMON, OnRuntime, version};

/// Room for messages that the subscriber has not seen: more than are ever under way.
const QUEUE: usize = 4096;

pub fn kinds(runtime: OnRuntime) -> Vec<Kind> {
    let about = About {
        name: "fred".to_owned(),
        about: "one connection, defaults, no Nagle's delay".to_owned(),
        workloads: [&COMMON[..], runtime.scale()].concat(),
        ..About::default()
    };
    vec![runtime.kind(about, version("fred", ""), Open)]
}

#[derive(Clone)]
struct Open;

#[derive(Clone)]
struct Fred {
    client: fred::clients::Client,
    builder: Builder,
}

impl Opening for Open {
    type Client = Fred;

    async fn open(&self, addr: &str, _: Settings) -> Result<Fred> {
        let mut builder = Builder::from_config(Config::from_url(&format!("redis://{addr}"))?);
        builder.with_connection_config(|config| config.tcp.nodelay = Some(true));
        builder.with_performance_config(|config| config.broadcast_channel_capacity = QUEUE);
        let client = builder.build()?;
        client.init().await?;
        Ok(Fred { client, builder })
    }
}

impl Client for Fred {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let value: Bytes = self.client.get(key).await?;
        Ok(value.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<()> {
        Ok(self.client.set(key, value.clone(), None, None, false).await?)
    }

    async fn set_all(&mut self, keys: &[String], value: &Bytes) -> Result<()> {
        let pipeline = self.client.pipeline();
        for key in keys {
            let () = pipeline.set(key, value.clone(), None, None, false).await?;
        }
        let _: Vec<Value> = pipeline.all().await?;
        Ok(())
    }

    async fn subscribe(&mut self, channel: &'static str, mut handle: impl Handle) -> Result<()> {
        let subscriber = self.builder.build_subscriber_client()?;
        subscriber.init().await?;
        let mut messages = subscriber.message_rx();
        subscriber.subscribe(channel).await?;
        tokio::spawn(async move {
            let _subscriber = subscriber;
            loop {
                match messages.recv().await.map(|message| message.value) {
                    Ok(Value::Bytes(payload)) => handle(&payload),
                    Ok(Value::String(payload)) => handle(payload.as_bytes()),
                    other => panic!("messages were lost: {other:?}"),
                }
            }
        });
        Ok(())
    }
}
