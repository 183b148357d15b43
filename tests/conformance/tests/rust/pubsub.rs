//! Subscriptions.

use std::time::Duration;

use coracle::{Cache, Command, Limits, Message, Names, Notice, SubscribeOptions, Subscription, WhenFull};
use redis::AsyncCommands;

use crate::on_servers;
use crate::targets::{Target, in_time, pattern};

on_servers! {
    channels_and_patterns
    a_ten_mebibyte_message;
    real only: pushes_between_replies messages_over_resp2 a_full_queue_drops_the_oldest a_full_queue_closes
        a_full_queue_waits shard_channels dropping_unsubscribes names_longer_than_what_passes_by
}

async fn next(subscription: &mut Subscription) -> Notice {
    in_time(subscription.next()).await.expect("the subscription goes on").unwrap()
}

fn message(channel: &str, payload: impl Into<bytes::Bytes>) -> Notice {
    Notice::Message(Message { channel: channel.to_owned().into(), pattern: None, payload: payload.into() })
}

async fn channels_and_patterns(target: Target) {
    // miniredis takes no other commands on a connection that subscribed, not even with RESP3.
    let mut publisher = target.client().await;
    let client = target.client().await;
    let mut channels = client.subscribe(Names::channels(["cp:a", "cp:b"]), SubscribeOptions::default()).await.unwrap();
    let mut patterns = client.subscribe(Names::patterns(["cp:*"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut channels).await, Notice::Subscribed);
    assert_eq!(next(&mut patterns).await, Notice::Subscribed);
    for (channel, payload) in [("cp:a", "1"), ("cp:c", "2"), ("cp:b", "3")] {
        let _: i64 = publisher.publish(channel, payload).await.unwrap();
    }
    assert_eq!(next(&mut channels).await, message("cp:a", "1"));
    assert_eq!(next(&mut channels).await, message("cp:b", "3"));
    for (channel, payload) in [("cp:a", "1"), ("cp:c", "2"), ("cp:b", "3")] {
        let wanted = Message { channel: channel.into(), pattern: Some("cp:*".into()), payload: payload.into() };
        assert_eq!(next(&mut patterns).await, Notice::Message(wanted));
    }
}

async fn a_ten_mebibyte_message(target: Target) {
    let mut publisher = target.client().await;
    let client = target.client().await;
    let mut subscription = client.subscribe(Names::channels(["large"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    let payload = pattern(10 << 20, 7);
    let _: i64 = in_time(publisher.publish("large", &payload)).await.unwrap();
    let Notice::Message(got) = next(&mut subscription).await else { panic!("it is no message") };
    assert!(got.payload == payload);
}

async fn names_longer_than_what_passes_by(target: Target) {
    let mut publisher = target.client().await;
    let limits = Limits { pass_above: 64, ..Limits::default() };
    for config in [target.config(), target.config().resp2(true)] {
        let client = in_time(config.limits(limits).connect()).await.unwrap();
        let (long, longest) = ("n".repeat(50_000), "m".repeat(65_536));
        let names = Names::channels([long.clone(), longest.clone()]);
        let mut subscription = in_time(client.subscribe(names, SubscribeOptions::default())).await.unwrap();
        assert_eq!(next(&mut subscription).await, Notice::Subscribed);
        for (name, payload) in [(&long, "1".to_owned()), (&longest, "2".repeat(100_000)), (&long, "3".to_owned())] {
            let _: i64 = in_time(publisher.publish(name, &payload)).await.unwrap();
            assert_eq!(next(&mut subscription).await, message(name, payload));
        }
    }
}

/// What was cached is forgotten by pushes, which come on the link of the replies, here with large and small strings:
/// one behind each reply to SET.
async fn pushes_between_replies(target: Target) {
    const COUNT: u64 = 200;
    let limits = Limits { pass_above: 64, ..Limits::default() };
    let config = target.config().limits(limits).cache(Cache::opt_in(1 << 20));
    let mut client = in_time(config.connect()).await.unwrap();
    let large = pattern(100_000, 5);
    let () = client.mset(&[("l", &large), ("s", &b"small".to_vec())]).await.unwrap();
    let mut pipe = redis::pipe();
    for number in 0..COUNT {
        let () = client.set(number, "old").await.unwrap();
        let old: String = client.cached(Duration::from_secs(60)).get(number).await.unwrap();
        assert_eq!(old, "old");
        pipe.mget(&["s", "l", "missing", "s"]).set(number, "new");
    }
    let before = client.stats().cache;
    assert_eq!(before.entries, COUNT);
    type Row = (Vec<Option<Vec<u8>>>, String);
    let values: Vec<redis::Value> = in_time(pipe.query_async(&mut client)).await.unwrap();
    assert_eq!(values.len() as u64, 2 * COUNT);
    for pair in values.chunks(2) {
        let (row, written): Row = redis::from_redis_value(redis::Value::Array(pair.to_vec())).unwrap();
        let small = Some(b"small".to_vec());
        assert!(row == [small.clone(), Some(large.clone()), None, small] && written == "OK");
    }
    // The last push comes behind the last reply, and before this one's.
    in_time(client.command(["PING"])).await.unwrap();
    let stats = client.stats();
    assert_eq!((stats.cache.entries, stats.cache.invalidations - before.invalidations), (0, COUNT));
    assert_eq!(stats.links_lost, 0);
}

async fn messages_over_resp2(target: Target) {
    let mut client = target.config().resp2(true).connect().await.unwrap();
    let mut subscription = client.subscribe(Names::channels(["two"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    let large = pattern(1 << 20, 8);
    for payload in [b"small".to_vec(), large] {
        let _: i64 = client.publish("two", &payload).await.unwrap();
        assert_eq!(next(&mut subscription).await, message("two", payload));
    }
}

async fn a_full_queue_drops_the_oldest(target: Target) {
    let client = target.client().await;
    let options = SubscribeOptions { messages: 10, ..SubscribeOptions::default() };
    let mut subscription = client.subscribe(Names::channels(["full"]), options).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    publish(&target, "full", 100).await;
    in_time(async {
        while client.stats().messages_dropped < 90 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(next(&mut subscription).await, Notice::Dropped(90));
    assert_eq!(client.stats().messages_dropped, 90);
    for number in 90..100 {
        assert_eq!(next(&mut subscription).await, message("full", number.to_string()));
    }
}

async fn a_full_queue_closes(target: Target) {
    let client = target.client().await;
    let options = SubscribeOptions { messages: 2, when_full: WhenFull::Close, ..SubscribeOptions::default() };
    let mut subscription = client.subscribe(Names::channels(["close"]), options).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    publish(&target, "close", 3).await;
    // Nothing is taken before the queue was full: the subscription is over then.
    let subscribers = async || {
        let counts = client.command(["PUBSUB", "NUMSUB", "close"]).await.unwrap();
        redis::from_redis_value::<Vec<(String, u64)>>(counts).unwrap().iter().map(|(_, count)| count).sum::<u64>()
    };
    in_time(async { while subscribers().await > 0 {} }).await;
    for number in 0..2 {
        assert_eq!(next(&mut subscription).await, message("close", number.to_string()));
    }
    assert!(in_time(subscription.next()).await.unwrap().is_err());
    assert_eq!(in_time(subscription.next()).await, None);
}

/// Its link stands still, and nobody else's; then nothing is missing.
async fn a_full_queue_waits(target: Target) {
    const COUNT: usize = 10_000;
    const SIZE: usize = 500;
    let client = target.client().await;
    let publisher = target.client().await;
    let options = SubscribeOptions { messages: 50, when_full: WhenFull::Wait, ..SubscribeOptions::default() };
    let mut waiting = client.subscribe(Names::channels(["waits"]), options).await.unwrap();
    let options = SubscribeOptions { messages: COUNT, ..SubscribeOptions::default() };
    let mut other = client.subscribe(Names::channels(["waits"]), options).await.unwrap();
    assert_eq!(next(&mut waiting).await, Notice::Subscribed);
    assert_eq!(next(&mut other).await, Notice::Subscribed);
    let before = client.stats().bytes_read;
    let payload = |number: usize| format!("{number:0SIZE$}");
    for thousand in 0..COUNT / 1000 {
        let publish = |number| Command::new("PUBLISH").arg("waits").arg(payload(thousand * 1000 + number));
        let receivers = in_time(publisher.pipeline((0..1000).map(publish))).await.unwrap();
        assert!(receivers.iter().all(|receivers| *receivers == Ok(redis::Value::Int(2))), "{receivers:?}");
        assert!(in_time(client.command(["PING"])).await.is_ok());
    }
    for number in 0..COUNT {
        assert_eq!(next(&mut other).await, message("waits", payload(number)));
    }
    assert!(in_time(client.command(["PING"])).await.is_ok());
    let read = client.stats().bytes_read - before;
    let once = (COUNT * (SIZE + 50)) as u64;
    assert!(read < once + 200_000, "the other one's messages, and a few: {read} of {once}");
    for number in 0..COUNT {
        assert_eq!(next(&mut waiting).await, message("waits", payload(number)));
    }
    let stats = client.stats();
    assert_eq!((stats.messages_dropped, stats.links_lost), (0, 0));
}

/// Publishes so many numbers. They come on another link than any reply.
async fn publish(target: &Target, channel: &str, count: usize) {
    let mut publisher = target.client().await;
    let mut pipe = redis::pipe();
    for number in 0..count {
        pipe.publish(channel, number).ignore();
    }
    let () = in_time(pipe.query_async(&mut publisher)).await.unwrap();
}

async fn shard_channels(target: Target) {
    let mut client = target.client().await;
    let mut subscription = client.subscribe(Names::shards(["shard"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    let _: i64 = redis::cmd("SPUBLISH").arg("shard").arg("x").query_async(&mut client).await.unwrap();
    assert_eq!(next(&mut subscription).await, message("shard", "x"));
}

async fn dropping_unsubscribes(target: Target) {
    let mut client = target.client().await;
    let mut subscription = client.subscribe(Names::channels(["gone"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    drop(subscription);
    in_time(async {
        loop {
            let receivers: i64 = client.publish("gone", "").await.unwrap();
            if receivers == 0 {
                break;
            }
        }
    })
    .await;
}
