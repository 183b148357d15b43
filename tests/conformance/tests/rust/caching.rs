//! Replies that are kept until the server says that their keys changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coracle::{Cache, CacheStats, Client, Command, Repeat};
use redis::AsyncCommands;

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: a_hit_sends_nothing others_writes_are_told_of ones_own_writes_are_told_of a_broken_connection_forgets
        a_hundred_misses_send_one_command what_is_no_read_is_sent_each_time the_budget_holds age_is_the_callers_choice
        a_broadcast_covers_its_prefixes nothing_is_kept_over_resp2 only_reads_of_one_key_are_kept
        no_reader_sees_time_run_backwards
}

const MINUTE: Duration = Duration::from_secs(60);
const BUDGET: usize = 1 << 20;

async fn caching(target: &Target, cache: Cache) -> Client {
    in_time(target.config().cache(cache).connect()).await.unwrap()
}

async fn read(client: &Client, key: &str) -> Option<String> {
    in_time(client.cached(MINUTE).get(key)).await.unwrap()
}

/// How often the server has executed this command.
async fn calls(target: &Target, name: &str) -> u64 {
    let mut admin = target.client().await;
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut admin).await.unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// All that the server had to say before this has been heard: it answers in order.
async fn settle(client: &Client) {
    in_time(client.command(["PING"])).await.unwrap();
}

fn stats(client: &Client) -> CacheStats {
    client.stats().cache
}

async fn a_hit_sends_nothing(target: Target) {
    let mut admin = target.client().await;
    let () = admin.set("k", "v").await.unwrap();
    let () = admin.hset("h", "f", "g").await.unwrap();
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    let mut cached = client.cached(MINUTE);
    for _ in 0..10 {
        let value: String = cached.get("k").await.unwrap();
        let field: String = cached.hget("h", "f").await.unwrap();
        let missing: Option<String> = cached.get("missing").await.unwrap();
        assert_eq!((value.as_str(), field.as_str(), missing), ("v", "g", None));
    }
    assert_eq!((calls(&target, "get").await, calls(&target, "hget").await), (2, 1));
    assert_eq!((stats(&client).hits, stats(&client).misses, stats(&client).entries), (27, 3, 3));
}

async fn others_writes_are_told_of(target: Target) {
    let mut admin = target.client().await;
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    for (write, after) in [
        (vec!["SET", "k", "w"], Some("w")),
        (vec!["APPEND", "k", "x"], Some("vx")),
        (vec!["EXPIRE", "k", "100"], Some("v")),
        (vec!["DEL", "k"], None),
        (vec!["FLUSHALL"], None),
    ] {
        let () = admin.set("k", "v").await.unwrap();
        settle(&client).await;
        assert_eq!(read(&client, "k").await.as_deref(), Some("v"));
        assert_eq!(read(&client, "k").await.as_deref(), Some("v"));
        let before = stats(&client);
        assert_eq!(before.entries, 1);
        in_time(admin.command(write.clone())).await.unwrap();
        settle(&client).await;
        assert_eq!(stats(&client).entries, 0, "{write:?}");
        assert_eq!(read(&client, "k").await.as_deref(), after, "{write:?}");
        assert_eq!(stats(&client).hits, before.hits, "{write:?}");
    }
    assert!(stats(&client).invalidations >= 4 && stats(&client).flushes >= 1);
}

async fn ones_own_writes_are_told_of(target: Target) {
    let mut client = caching(&target, Cache::opt_in(BUDGET)).await;
    for round in 0..100 {
        let () = client.cached(MINUTE).set("k", round).await.unwrap();
        settle(&client).await;
        assert_eq!(read(&client, "k").await, Some(round.to_string()));
        assert_eq!(read(&client, "k").await, Some(round.to_string()));
    }
    let () = client.del("k").await.unwrap();
    settle(&client).await;
    assert_eq!((read(&client, "k").await, stats(&client).hits), (None, 100));
}

async fn a_broken_connection_forgets(target: Target) {
    let mut admin = target.client().await;
    let client = in_time(target.config().cache(Cache::opt_in(BUDGET)).repeat(Repeat::Allowed).connect()).await.unwrap();
    for round in 1..=3 {
        let () = admin.set("k", round).await.unwrap();
        settle(&client).await;
        assert_eq!(read(&client, "k").await, Some(round.to_string()));
        assert_eq!(stats(&client).entries, 1);
        admin.command(["CLIENT", "KILL", "SKIPME", "yes"]).await.unwrap();
        in_time(async {
            while stats(&client).flushes < round {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!((stats(&client).entries, stats(&client).bytes), (0, 0));
        // The next one tracks too.
        assert_eq!(read(&client, "k").await, Some(round.to_string()));
        assert_eq!(stats(&client).entries, 1);
    }
}

async fn a_hundred_misses_send_one_command(target: Target) {
    let mut admin = target.client().await;
    let () = admin.set("k", "v").await.unwrap();
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    for round in 1..=20 {
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { read(&client, "k").await })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.await.unwrap().as_deref(), Some("v"));
        }
        assert_eq!(calls(&target, "get").await, round);
        let () = admin.set("k", "v").await.unwrap();
        settle(&client).await;
    }
    assert!(stats(&client).shared > 0, "{:?}", stats(&client));
}

async fn what_is_no_read_is_sent_each_time(target: Target) {
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let mut cached = client.cached(MINUTE);
            tokio::spawn(async move { cached.incr::<_, _, i64>("n", 1).await.unwrap() })
        })
        .collect();
    let mut counted = Vec::new();
    for caller in callers {
        counted.push(in_time(caller).await.unwrap());
    }
    counted.sort_unstable();
    assert_eq!(counted, (1..=100).collect::<Vec<i64>>());
    assert_eq!(stats(&client).entries, 0);
}

async fn the_budget_holds(target: Target) {
    const COUNT: u64 = 50;
    const SMALL: usize = 16 << 10;
    let mut admin = target.client().await;
    let key = |number: u64| format!("k{number}");
    for number in 0..COUNT {
        let () = admin.set(key(number), "x".repeat(1000)).await.unwrap();
    }
    let () = admin.set("large", "x".repeat(SMALL / 4)).await.unwrap();
    let client = caching(&target, Cache::opt_in(SMALL)).await;
    for number in 0..COUNT {
        read(&client, &key(number)).await;
        read(&client, &key(0)).await;
        let stats = stats(&client);
        assert!(stats.bytes <= SMALL as u64 && stats.bytes >= 1000 * stats.entries, "{stats:?}");
        assert_eq!(stats.entries + stats.evictions, number + 1);
    }
    let before = stats(&client);
    assert!((8..16).contains(&before.entries), "{before:?}");
    for (number, kept) in [(0, true), (COUNT - 1, true), (1, false)] {
        let hits = stats(&client).hits;
        read(&client, &key(number)).await;
        assert_eq!(stats(&client).hits > hits, kept, "{number}");
    }
    let before = stats(&client);
    for _ in 0..2 {
        read(&client, "large").await;
    }
    let after = stats(&client);
    assert_eq!((after.hits, after.entries, after.evictions), (before.hits, before.entries, before.evictions));
}

async fn age_is_the_callers_choice(target: Target) {
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    read(&client, "k").await;
    for _ in 0..3 {
        let _: Option<String> = client.cached(Duration::ZERO).get("k").await.unwrap();
    }
    assert_eq!(calls(&target, "get").await, 4);
    read(&client, "k").await;
    assert_eq!((calls(&target, "get").await, stats(&client).hits), (4, 1));
}

async fn a_broadcast_covers_its_prefixes(target: Target) {
    let mut admin = target.client().await;
    let client = caching(&target, Cache::broadcast(BUDGET, ["a:", "b:"])).await;
    for key in ["a:1", "b:1", "c:1"] {
        let () = admin.set(key, "v").await.unwrap();
        settle(&client).await;
        for _ in 0..3 {
            assert_eq!(read(&client, key).await.as_deref(), Some("v"));
        }
    }
    assert_eq!((calls(&target, "get").await, stats(&client).entries, stats(&client).hits), (5, 2, 4));
    for key in ["a:1", "b:1", "c:1"] {
        let () = admin.set(key, "w").await.unwrap();
        settle(&client).await;
        assert_eq!(read(&client, key).await.as_deref(), Some("w"));
    }
    let all = caching(&target, Cache::broadcast(BUDGET, [""; 0])).await;
    read(&all, "c:1").await;
    assert_eq!((read(&all, "c:1").await.as_deref(), stats(&all).hits), (Some("w"), 1));
}

async fn nothing_is_kept_over_resp2(target: Target) {
    let client = in_time(target.config().resp2(true).cache(Cache::opt_in(BUDGET)).connect()).await.unwrap();
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { read(&client, "k").await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), None);
    }
    assert_eq!((stats(&client).hits, stats(&client).shared, stats(&client).entries), (0, 0, 0));
    assert_eq!(calls(&target, "get").await, 100);
}

async fn only_reads_of_one_key_are_kept(target: Target) {
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    let cached = client.cached(MINUTE);
    for words in
        [vec!["MGET", "a", "b"], vec!["DBSIZE"], vec!["ECHO", "x"], vec!["OBJECT", "HELP"], vec!["GETDEL", "a"]]
    {
        let before = client.stats().rows;
        for _ in 0..2 {
            in_time(cached.command(words.clone())).await.unwrap();
        }
        assert_eq!(client.stats().rows - before, 2, "{words:?}");
    }
    let mut cached = cached;
    for _ in 0..2 {
        let both: (Option<String>, i64) = redis::pipe().get("a").strlen("a").query_async(&mut cached).await.unwrap();
        assert_eq!(both, (None, 0));
    }
    assert_eq!((stats(&client).entries, calls(&target, "strlen").await), (0, 2));
}

/// Writers count up under readers; nobody sees a count go back, and in the end all see the last ones.
async fn no_reader_sees_time_run_backwards(target: Target) {
    const WRITERS: usize = 4;
    const READERS: usize = 64;
    const KEYS: usize = 4;
    const ROUNDS: u64 = 1500;
    let client = caching(&target, Cache::opt_in(BUDGET)).await;
    let done = Arc::new(AtomicBool::new(false));
    let key = |writer: usize, key: usize| format!("{writer}:{key}");
    let keys: Vec<String> = (0..WRITERS).flat_map(|writer| (0..KEYS).map(move |number| key(writer, number))).collect();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (client, keys, done) = (client.clone(), keys.clone(), done.clone());
            tokio::spawn(async move {
                let mut seen: HashMap<&str, u64> = HashMap::new();
                let mut at = reader;
                while !done.load(Ordering::Relaxed) {
                    at = (at * 5 + 1) % keys.len();
                    let key = &keys[at];
                    // Of some keys more than one thing is kept.
                    let command = Command::new(if at % 3 == 0 { "GETRANGE" } else { "GET" }).arg(key);
                    let command = if at % 3 == 0 { command.arg("0").arg("-1") } else { command };
                    let value = in_time(client.cached(MINUTE).call(command)).await.unwrap();
                    let value = redis::from_redis_value::<Option<String>>(value).unwrap().unwrap_or_default();
                    let version = if value.is_empty() { 0 } else { value.parse().unwrap() };
                    let last = seen.entry(key).or_default();
                    assert!(version >= *last, "{key}: {version} after {last}");
                    *last = version;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut client = target.client().await;
        writers.push(tokio::spawn(async move {
            for round in 1..=ROUNDS {
                let () = client.set(key(writer, round as usize % KEYS), round).await.unwrap();
            }
        }));
    }
    for writer in writers {
        tokio::time::timeout(MINUTE * 5, writer).await.unwrap().unwrap();
    }
    settle(&client).await;
    let mut admin = target.client().await;
    for key in &keys {
        let (cached, server) = (read(&client, key).await, admin.get::<_, Option<String>>(key).await.unwrap());
        assert_eq!(cached, server, "{key}");
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        in_time(reader).await.unwrap();
    }
    let stats = stats(&client);
    println!("{stats:?}");
    assert!(stats.hits > 1000 && stats.invalidations > 100, "{stats:?}");
}
