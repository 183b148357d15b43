//! The component is exchanged under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use coracle::{Client, Names, Notice, SubscribeOptions};
use redis::{AsyncCommands, Value};

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: many_callers_notice_nothing who_is_blocked_is_answered subscribers_are_told
}

/// Another component than the one that clients begin with.
fn component() -> Bytes {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../components/coracle-testing.wasm");
    std::fs::read(path).expect("cargo xtask component writes the component for tests").into()
}

/// The one that the crate ships.
fn shipped() -> Bytes {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host/core/coracle.wasm");
    std::fs::read(path).expect("cargo xtask component writes the component").into()
}

async fn one_instance(client: &Client) {
    in_time(async {
        while client.stats().instances > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Each one reads what it wrote, and nothing is executed twice.
async fn many_callers_notice_nothing(target: Target) {
    const CALLERS: usize = 64;
    const SWAPS: u64 = 10;
    let client = target.client().await;
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS).map(|caller| tokio::spawn(call(client.clone(), caller, done.clone()))).collect();
    for number in 0..SWAPS {
        // Enough happens between any two.
        let until = client.stats().rows + 1000;
        in_time(async {
            while client.stats().rows < until {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let component = if number % 2 == 0 { component() } else { shipped() };
        in_time(client.swap(component)).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        in_time(caller).await.unwrap();
    }
    one_instance(&client).await;
    let stats = client.stats();
    assert_eq!((stats.swaps, stats.traps, stats.reconnects, stats.links_lost), (SWAPS, 0, 0, 0), "{stats:?}");
}

async fn call(mut client: Client, caller: usize, done: Arc<AtomicBool>) {
    let (key, counter, large) = (format!("swap:{caller}"), format!("count:{caller}"), format!("large:{caller}"));
    let mut round = 0_u64;
    while !done.load(Ordering::Relaxed) {
        round += 1;
        let () = client.set(&key, round).await.unwrap();
        let read: u64 = client.get(&key).await.unwrap();
        let counted: u64 = client.incr(&counter, 1).await.unwrap();
        assert_eq!((read, counted), (round, round));
        let mut pipe = redis::pipe();
        pipe.atomic().incr(&key, 1).ignore().set(&large, vec![b'x'; 20_000]).ignore().get(&key).strlen(&large);
        let last: (u64, usize) = pipe.query_async(&mut client).await.unwrap();
        assert_eq!(last, (round + 1, 20_000));
    }
}

async fn who_is_blocked_is_answered(target: Target) {
    let client = target.client().await;
    let session = in_time(client.session()).await.unwrap();
    in_time(session.command(["WATCH", "k"])).await.unwrap();
    let blocked = tokio::spawn({
        let client = client.clone();
        async move { client.command(["BLPOP", "queue", "0"]).await }
    });
    let is_blocked = async || {
        let info = client.command(["INFO", "clients"]).await.unwrap();
        redis::from_redis_value::<String>(info).unwrap().contains("blocked_clients:1\r\n")
    };
    in_time(async { while !is_blocked().await {} }).await;
    in_time(client.swap(component())).await.unwrap();
    in_time(client.command(["SET", "k", "touched"])).await.unwrap();
    let set = coracle::Command::from_args(["SET", "k", "mine"]);
    assert_eq!(in_time(session.transaction(vec![set])).await, Ok(Value::Nil), "it watches what it watched");
    drop(session);
    assert_eq!(client.stats().instances, 2);
    in_time(client.command(["RPUSH", "queue", "x"])).await.unwrap();
    let popped = in_time(blocked).await.unwrap().unwrap();
    assert_eq!(popped, Value::Array(vec![Value::BulkString(b"queue".to_vec()), Value::BulkString(b"x".to_vec())]));
    one_instance(&client).await;
}

/// After each exchange a gap, then all that is published once the subscription is confirmed.
async fn subscribers_are_told(target: Target) {
    let client = target.client().await;
    let mut publisher = target.client().await;
    let mut subscription = client.subscribe(Names::channels(["swap"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
    for component in [component(), shipped()] {
        let receivers: i64 = publisher.publish("swap", "before").await.unwrap();
        assert_eq!(receivers, 1);
        let Some(Ok(Notice::Message(message))) = in_time(subscription.next()).await else { panic!("no message") };
        assert_eq!(message.payload, "before");
        in_time(client.swap(component)).await.unwrap();
        assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Gap)));
        assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
        one_instance(&client).await;
        // The old one's connection may live for a moment.
        in_time(async { while subscribers(&mut publisher, "swap").await > 1 {} }).await;
    }
}

/// How many connections subscribe to this channel.
async fn subscribers(client: &mut Client, channel: &str) -> i64 {
    let (_, count): (String, i64) = redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(client).await.unwrap();
    count
}
