//! redis 1: `MultiplexedConnection` and `ConnectionManager`, on their defaults.

use anyhow::{Result, bail};
use bench_measure::{About, Client, Handle, Kind, Opening, Settings};
use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::caching::CacheConfig;
use redis::{AsyncCommands, AsyncConnectionConfig, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use super::{CACHE, COMMON, OnRuntime, version};

const MAJOR: &str = "1.";

pub fn kinds(runtime: OnRuntime) -> Vec<Kind> {
    let version = version("redis", MAJOR);
    let multiplexed = About {
        name: "redis1-mc".to_owned(),
        about: "MultiplexedConnection; messages by PubSub".to_owned(),
        workloads: [&COMMON, &CACHE[..]].concat(),
        ..About::default()
    };
    let managed = About {
        name: "redis1-cm".to_owned(),
        about: "ConnectionManager; messages by a push sender".to_owned(),
        workloads: [&COMMON, &CACHE[..], runtime.scale()].concat(),
        quick: false,
        ..About::default()
    };
    vec![runtime.kind(multiplexed, version.clone(), Multiplexed), runtime.kind(managed, version, Managed)]
}

#[derive(Clone)]
struct Multiplexed;

#[derive(Clone)]
struct Managed;

/// A client on one of the two.
#[derive(Clone)]
struct Redis<C> {
    client: redis::Client,
    connection: C,
    managed: bool,
}

impl Opening for Multiplexed {
    type Client = Redis<MultiplexedConnection>;

    async fn open(&self, addr: &str, settings: Settings) -> Result<Self::Client> {
        let client = client(addr, settings)?;
        let mut config = AsyncConnectionConfig::new();
        if settings.cache {
            config = config.set_cache_config(CacheConfig::new());
        }
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Redis { client, connection, managed: false })
    }
}

impl Opening for Managed {
    type Client = Redis<ConnectionManager>;

    async fn open(&self, addr: &str, settings: Settings) -> Result<Self::Client> {
        let client = client(addr, settings)?;
        let mut config = ConnectionManagerConfig::new();
        if settings.cache {
            config = config.set_cache_config(CacheConfig::new());
        }
        let connection = ConnectionManager::new_with_config(client.clone(), config).await?;
        Ok(Redis { client, connection, managed: true })
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Client for Redis<C> {
    async fn get(&mut self, key: &str) -> Result<usize> {
        let value: Vec<u8> = self.connection.get(key).await?;
        Ok(value.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<()> {
        Ok(self.connection.set(key, &**value).await?)
    }

    async fn set_all(&mut self, keys: &[String], value: &Bytes) -> Result<()> {
        let mut pipeline = redis::Pipeline::with_capacity(keys.len());
        for key in keys {
            pipeline.set(key, &**value).ignore();
        }
        Ok(pipeline.query_async(&mut self.connection).await?)
    }

    async fn get_cached(&mut self, key: &str) -> Result<usize> {
        self.get(key).await
    }

    async fn subscribe(&mut self, channel: &'static str, handle: impl Handle) -> Result<()> {
        if self.managed {
            self.subscribe_by_push(channel, handle).await
        } else {
            self.subscribe_by_pubsub(channel, handle).await
        }
    }
}

impl<C> Redis<C> {
    async fn subscribe_by_pubsub(&self, channel: &str, mut handle: impl Handle) -> Result<()> {
        let mut pubsub = self.client.get_async_pubsub().await?;
        pubsub.subscribe(channel).await?;
        let mut messages = pubsub.into_on_message();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                handle(message.get_payload_bytes());
            }
        });
        Ok(())
    }

    async fn subscribe_by_push(&self, channel: &str, mut handle: impl Handle) -> Result<()> {
        let (sender, mut messages) = mpsc::unbounded_channel::<PushInfo>();
        let config = ConnectionManagerConfig::new().set_push_sender(sender);
        let client = resp3(&self.client)?;
        let mut connection = ConnectionManager::new_with_config(client, config).await?;
        connection.subscribe(channel).await?;
        match messages.recv().await {
            Some(push) if push.kind == PushKind::Subscribe => {}
            other => bail!("not subscribed: {other:?}"),
        }
        tokio::spawn(async move {
            let _connection = connection;
            while let Some(push) = messages.recv().await {
                match push.data.last() {
                    Some(Value::BulkString(payload)) if push.kind == PushKind::Message => handle(payload),
                    other => panic!("no message: {other:?}"),
                }
            }
        });
        Ok(())
    }
}

/// The cache needs RESP3.
fn client(addr: &str, settings: Settings) -> Result<redis::Client> {
    let client = redis::Client::open(format!("redis://{addr}"))?;
    if settings.cache { resp3(&client) } else { Ok(client) }
}

fn resp3(client: &redis::Client) -> Result<redis::Client> {
    let info = client.get_connection_info().clone();
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(redis::Client::open(info.into_connection_info()?.set_redis_settings(redis))?)
}
