//! Several lanes of one client.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use coracle::{
    Cache, Cause, Client, ClientState, Command, Connecting, Connector, Endpoint, Names, Notice, Sockets,
    SubscribeOptions,
};
use futures_util::FutureExt;
use redis::{AsyncCommands, Value};
use tokio::sync::watch;

use crate::events::Counts;
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: calls_spread_over_lanes what_belongs_together_is_on_one_lane subscriptions_of_a_channel_share_a_lane
        cached_reads_of_a_key_share_a_lane the_budget_is_for_all_lanes lanes_that_lose_their_connections a_client_has_all_its_lanes_or_none
        closing_drains_all_lanes all_lanes_exchange_the_component or_none_does
}

const LANES: usize = 3;

/// Lets connections be made, or has them wait, or refuses them.
#[derive(Clone)]
struct Gate(watch::Sender<Way>);

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    Shut,
    /// Open for so many, then for none.
    Admits(usize),
}

impl Gate {
    fn new(way: Way) -> Self {
        Self(watch::Sender::new(way))
    }

    fn set(&self, way: Way) {
        self.0.send_replace(way);
    }
}

impl Connector for Gate {
    fn connect(&self, endpoint: &Endpoint) -> Connecting {
        let mut refused = false;
        self.0.send_modify(|way| match way {
            Way::Admits(0) => refused = true,
            Way::Admits(left) => *left -= 1,
            Way::Open | Way::Shut => {}
        });
        let (mut way, connecting) = (self.0.subscribe(), Sockets.connect(endpoint));
        Box::pin(async move {
            if refused {
                return Err(io::Error::other("nobody may pass any more"));
            }
            way.wait_for(|way| *way != Way::Shut).await.map_err(io::Error::other)?;
            connecting.await
        })
    }
}

async fn client(target: &Target) -> Client {
    in_time(target.config().lanes(LANES).connect()).await.unwrap()
}

/// Polled by a thread of its own, so that it may go on any lane.
async fn elsewhere<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || handle.block_on(in_time(future)));
    tokio::task::spawn_blocking(|| thread.join().expect("it does not panic")).await.unwrap()
}

async fn connection(client: Client) -> i64 {
    redis::from_redis_value(client.command(["CLIENT", "ID"]).await.unwrap()).unwrap()
}

/// The shared connections of so many lanes, as the server numbers them.
async fn connections(client: &Client, lanes: usize) -> BTreeSet<i64> {
    let mut connections = BTreeSet::new();
    in_time(async {
        while connections.len() < lanes {
            connections.insert(elsewhere(connection(client.clone())).await);
        }
    })
    .await;
    connections
}

async fn calls_spread_over_lanes(target: Target) {
    let client = client(&target).await;
    assert_eq!(client.stats().instances, LANES as u64);
    let callers: Vec<_> = (0..32_u64)
        .map(|number| {
            let mut client = client.clone();
            elsewhere(async move {
                let key = format!("k{number}");
                let () = client.set(&key, number).await.unwrap();
                let read: u64 = client.get(&key).await.unwrap();
                assert_eq!(read, number);
            })
        })
        .collect();
    futures_util::future::join_all(callers).await;
    let all = connections(&client, LANES).await;
    for _ in 0..32 {
        assert!(all.contains(&elsewhere(connection(client.clone())).await), "there are no more than {LANES}");
    }
    for lanes in [0, 65] {
        let error = target.config().lanes(lanes).connect().await.unwrap_err();
        assert_eq!(error.to_string(), "a client has from 1 to 64 lanes");
    }
}

async fn what_belongs_together_is_on_one_lane(target: Target) {
    let client = client(&target).await;
    let shared = connections(&client, LANES).await;
    let id = || Command::from_args(["CLIENT", "ID"]);
    let session = in_time(client.session()).await.unwrap();
    let own = in_time(session.call(id())).await.unwrap();
    for _ in 0..16 {
        let (client, session) = (client.clone(), session.clone());
        let (of_session, of_pipeline, of_transaction) = elsewhere(async move {
            let of_session = session.call(id()).await.unwrap();
            let of_pipeline: Vec<_> = client.pipeline((0..9).map(|_| id())).await.unwrap();
            (of_session, of_pipeline, client.transaction(vec![id(); 9]).await.unwrap())
        })
        .await;
        assert_eq!(of_session, own);
        assert_eq!(of_pipeline, vec![of_pipeline[0].clone(); 9]);
        assert_eq!(of_transaction, Value::Array(vec![of_transaction_id(&of_transaction); 9]));
    }
    assert!(!shared.contains(&redis::from_redis_value(own).unwrap()), "a session has a connection of its own");
}

fn of_transaction_id(replies: &Value) -> Value {
    let Value::Array(replies) = replies else { panic!("{replies:?}") };
    replies[0].clone()
}

/// So they share a subscription of the server's. Others are on other lanes.
async fn subscriptions_of_a_channel_share_a_lane(target: Target) {
    const CHANNELS: usize = 24;
    let (client, mut admin) = (client(&target).await, target.client().await);
    let mut subscriptions = Vec::new();
    for number in 0..2 * CHANNELS {
        let name = format!("channel {}", number / 2);
        let client = client.clone();
        let subscribed = elsewhere(async move {
            let names = Names::channels([name.clone()]);
            let mut subscription = client.subscribe(names, SubscribeOptions::default()).await.unwrap();
            assert_eq!(subscription.next().await, Some(Ok(Notice::Subscribed)));
            (name, subscription)
        });
        subscriptions.push(subscribed.await);
    }
    let subscribers: String =
        redis::cmd("CLIENT").arg("LIST").arg("TYPE").arg("PUBSUB").query_async(&mut admin).await.unwrap();
    assert_eq!(subscribers.lines().count(), LANES, "{subscribers}");
    for (name, subscription) in &mut subscriptions {
        let receivers: usize = admin.publish(&*name, "hello").await.unwrap();
        assert_eq!(receivers, 1, "{name}");
        let notice = in_time(subscription.next()).await;
        let Some(Ok(Notice::Message(message))) = notice else { panic!("{notice:?}") };
        assert_eq!((&message.channel[..], &message.payload[..]), (name.as_bytes(), &b"hello"[..]));
    }
}

async fn cached_reads_of_a_key_share_a_lane(target: Target) {
    const KEYS: u64 = 30;
    const MINUTE: Duration = Duration::from_secs(60);
    let (gate, mut other) = (Gate::new(Way::Open), target.client().await);
    let config = target.config().lanes(LANES).cache(Cache::opt_in(3 << 20)).connector(gate.clone());
    let client = in_time(config.connect()).await.unwrap();
    let read = |key: u64| {
        let client = client.clone();
        elsewhere(async move { client.cached(MINUTE).get::<_, Option<String>>(key).await.unwrap() })
    };
    for key in 0..KEYS {
        let () = other.set(key, "v").await.unwrap();
        for _ in 0..3 {
            assert_eq!(read(key).await.as_deref(), Some("v"));
        }
    }
    let cache = client.stats().cache;
    assert_eq!((cache.misses, cache.hits, cache.entries), (KEYS, 2 * KEYS, KEYS), "{cache:?}");
    let entries = async |wanted: u64| {
        in_time(async {
            while client.stats().cache.entries != wanted {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    for key in 0..KEYS / 2 {
        let () = other.set(key, "w").await.unwrap();
    }
    entries(KEYS - KEYS / 2).await;
    for key in 0..KEYS {
        assert_eq!(read(key).await.as_deref(), Some(if key < KEYS / 2 { "w" } else { "v" }));
    }
    // A lane that lost its connection forgets its own, and others are asked meanwhile, without keeping anything.
    gate.set(Way::Shut);
    let lost = connection(client.clone()).await;
    other.command(["CLIENT", "KILL", "ID", &lost.to_string()]).await.unwrap();
    in_time(async {
        while client.stats().cache.flushes == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let held = client.stats().cache.entries;
    assert!(held < KEYS);
    for key in 0..KEYS {
        assert!(read(key).await.is_some());
    }
    assert_eq!(client.stats().cache.entries, held);
    gate.set(Way::Open);
    connections(&client, LANES).await;
    for key in 0..KEYS {
        assert!(read(key).await.is_some());
    }
    assert_eq!(client.stats().cache.entries, KEYS);
}

async fn the_budget_is_for_all_lanes(target: Target) {
    const BUDGET: usize = 60_000;
    let client = in_time(target.config().lanes(LANES).cache(Cache::opt_in(BUDGET)).connect()).await.unwrap();
    for key in 0..200 {
        let (mut client, value) = (client.clone(), "v".repeat(1000));
        let () = client.set(key, &value).await.unwrap();
        let read: String = client.cached(Duration::from_secs(60)).get(key).await.unwrap();
        assert_eq!(read, value);
    }
    let cache = client.stats().cache;
    assert!(cache.bytes as usize <= BUDGET && cache.evictions > 0, "{cache:?}");
}

/// While one lane has no connection the others do its work, and the client is as it was; without any it waits.
async fn lanes_that_lose_their_connections(target: Target) {
    let (gate, counts, admin) = (Gate::new(Way::Open), Counts::default(), target.client().await);
    let config = counts.on(target.config().lanes(LANES).connector(gate.clone()));
    let client = in_time(config.connect()).await.unwrap();
    let kill = async |connection: &i64| {
        let (before, id) = (counts.of("link-lost"), connection.to_string());
        admin.command(["CLIENT", "KILL", "ID", &id]).await.unwrap();
        counts.until("link-lost", before + 1).await;
    };
    let all = connections(&client, LANES).await;
    let states = counts.of("state");
    gate.set(Way::Shut);
    kill(all.first().unwrap()).await;
    for _ in 0..32 {
        assert_ne!(elsewhere(connection(client.clone())).await, *all.first().unwrap());
    }
    assert_eq!((client.state(), counts.of("state")), (ClientState::Ready, states));
    gate.set(Way::Open);
    let all = connections(&client, LANES).await;
    assert_eq!((counts.of("reconnected"), client.stats().down_since), (0, None));

    gate.set(Way::Shut);
    for connection in &all {
        kill(connection).await;
    }
    in_time(client.states().wait_for(|state| *state == ClientState::Connecting)).await.unwrap();
    assert!(client.stats().down_since.is_some());
    let waiting: Vec<_> = (0..8).map(|_| elsewhere(connection(client.clone()))).collect();
    let waiting = tokio::spawn(futures_util::future::join_all(waiting));
    gate.set(Way::Open);
    in_time(waiting).await.unwrap();
    connections(&client, LANES).await;
    counts.until("reconnected", 1).await;
    in_time(client.close(Duration::from_secs(10))).await;
    let stats = client.stats();
    assert_eq!((stats.reconnects, stats.links_lost), (1, LANES as u64 + 1));
    assert_eq!((counts.of("reconnected"), counts.of("state")), (1, states + 3), "connecting, ready, closed");
    assert!(matches!(client.state(), ClientState::Closed(_)), "{:?}", client.state());
}

/// How many connections of this name the server has.
async fn named(admin: &Client, name: &str) -> usize {
    let list: String = redis::from_redis_value(admin.command(["CLIENT", "LIST"]).await.unwrap()).unwrap();
    list.lines().filter(|line| line.contains(&format!(" name={name} "))).count()
}

async fn a_client_has_all_its_lanes_or_none(target: Target) {
    let admin = target.client().await;
    let config = target.config().lanes(LANES).name("partly").connector(Gate::new(Way::Admits(LANES - 1)));
    let error = in_time(config.connect()).await.unwrap_err();
    assert!(error.to_string().contains("nobody may pass"), "{error}");
    in_time(async { while named(&admin, "partly").await > 0 {} }).await;
}

async fn closing_drains_all_lanes(target: Target) {
    let admin = target.client().await;
    let client = in_time(target.config().lanes(LANES).name("drained").connect()).await.unwrap();
    connections(&client, LANES).await;
    let before = client.stats().rows;
    admin.command(["CLIENT", "PAUSE", "60000", "WRITE"]).await.unwrap();
    let callers = (0..24).map(|_| {
        let client = client.clone();
        elsewhere(async move { client.command(["INCR", "n"]).await })
    });
    let callers = tokio::spawn(futures_util::future::join_all(callers.collect::<Vec<_>>()));
    in_time(async {
        while client.stats().rows < before + 24 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close(Duration::from_secs(30)).await }
    });
    // It has begun, and what is under way can't end before the server goes on, nor what comes behind it: so nobody
    // waits for that.
    in_time(async {
        let refused = || client.command(["PING"]).now_or_never()?.err();
        while refused().map(|error| error.cause()) != Some(Cause::Closing) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!closing.is_finished() && !callers.is_finished());
    admin.command(["CLIENT", "UNPAUSE"]).await.unwrap();
    in_time(closing).await.unwrap();
    let mut counted: Vec<i64> = Vec::new();
    for reply in in_time(callers).await.unwrap() {
        counted.push(redis::from_redis_value(reply.unwrap()).unwrap());
    }
    counted.sort_unstable();
    assert_eq!(counted, (1..=24).collect::<Vec<_>>());
    assert_eq!(named(&admin, "drained").await, 0);
}

fn component(path: &str) -> Bytes {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("cargo xtask component writes it").into()
}

async fn instances(client: &Client, wanted: u64) {
    in_time(async {
        while client.stats().instances != wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn all_lanes_exchange_the_component(target: Target) {
    let client = client(&target).await;
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let (mut client, done, key) = (client.clone(), Arc::clone(&done), format!("n{number}"));
            tokio::spawn(elsewhere(async move {
                let mut wanted = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    wanted += 1;
                    let counted: u64 = client.incr(&key, 1).await.unwrap();
                    assert_eq!(counted, wanted);
                }
            }))
        })
        .collect();
    let before = connections(&client, LANES).await;
    // Two at the same time, which wait for each other.
    let (first, second) = ("tests/components/coracle-testing.wasm", "host/core/coracle.wasm");
    let (one, other) = tokio::join!(client.swap(component(first)), client.swap(component(second)));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert!(connections(&client, LANES).await.is_disjoint(&before));
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        in_time(caller).await.unwrap();
    }
    instances(&client, LANES as u64).await;
    let stats = client.stats();
    assert_eq!((stats.swaps, stats.traps, stats.reconnects), (2, 0, 0), "{stats:?}");
}

async fn or_none_does(target: Target) {
    let gate = Gate::new(Way::Open);
    let client = in_time(target.config().lanes(LANES).connector(gate.clone()).connect()).await.unwrap();
    let before = connections(&client, LANES).await;
    gate.set(Way::Admits(LANES - 1));
    let error = in_time(client.swap(component("tests/components/coracle-testing.wasm"))).await.unwrap_err();
    assert!(error.to_string().contains("nobody may pass"), "{error}");
    instances(&client, LANES as u64).await;
    assert_eq!(connections(&client, LANES).await, before);
    assert_eq!(client.stats().swaps, 0);
}
