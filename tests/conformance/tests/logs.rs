//! Logs hold neither keys nor values nor secrets, whatever goes wrong. A program of its own: who writes logs down is
//! said once for all threads.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is how it fails")]

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conformance::{Kind, Options, Server, Signal};
use coracle::events::{self, AppendOptions, Event, EventStore, ExecuteOptions, LockOptions, Query};
use coracle::{Cache, Client, Command, Config, Credentials, Names, Script, SubscribeOptions};
use redis::AsyncCommands;
use tracing_subscriber::fmt::format::FmtSpan;

/// What all keys, values and secrets of this test have in them.
const MARK: &str = "marked";
const SECRET: &str = "marked-password";
/// What is to be late is late by then; even a busy machine has begun before.
const SOON: Duration = Duration::from_millis(300);

/// All that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_hold_neither_keys_nor_values_nor_secrets() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .init();
    for kind in [Kind::Redis, Kind::Valkey] {
        let options = Options { arguments: vec!["--requirepass".to_owned(), SECRET.to_owned()], unix: false };
        let mut server = Server::start_with(kind, &options).unwrap();
        let url = server.url_as("default", SECRET);
        let config = Config::new(&url).unwrap().cache(Cache::opt_in(1 << 20));
        let client = in_time(config.connect()).await.unwrap();
        commands(&client).await;
        secrets(&server, &client).await;
        store(&client).await;
        losses(&mut server, &client).await;
        in_time(client.close(Duration::from_secs(1))).await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for told in
        ["coracle.call", "connecting", "MGET", "credentials renewed", "a server refused new credentials", "link "]
    {
        assert!(text.contains(told), "{told:?} is not in what was logged:\n{text}");
    }
    let leaks: Vec<_> = text.lines().filter(|line| line.contains(MARK)).collect();
    assert!(leaks.is_empty(), "{} of {} lines:\n{}", leaks.len(), text.lines().count(), leaks.join("\n"));
}

async fn commands(client: &Client) {
    let large = "marked-large".repeat(10_000);
    for command in [vec!["SET", "marked-key", "marked-value"], vec!["SET", "marked-large", &large]] {
        in_time(client.command(command)).await.unwrap();
    }
    let mut cached = client.cached(Duration::from_secs(60));
    for _ in 0..2 {
        let value: String = in_time(cached.get("marked-key")).await.unwrap();
        assert_eq!(value, "marked-value");
    }
    in_time(client.command(["MGET", "marked-key", "marked-large"])).await.unwrap();
    // Servers repeat arguments in some of their errors.
    for wrong in [["LPUSH", "marked-key", "marked-value"], ["NONESUCH", "marked-key", "marked-value"]] {
        in_time(client.command(wrong)).await.unwrap_err();
    }
    let script = Script::new("return redis.error_reply('ERR marked ' .. KEYS[1] .. ARGV[1])");
    in_time(client.script(&script, ["marked-key"], ["marked-value"])).await.unwrap_err();
    let set = |value: &str| Command::new("SET").arg("marked-key").arg(value);
    let wrong = Command::from_args(["INCR", "marked-key"]);
    in_time(client.pipeline(vec![set("marked-a"), wrong.clone()])).await.unwrap();
    in_time(client.transaction(vec![set("marked-b"), wrong])).await.unwrap();
    in_time(client.command(["BLPOP", "marked-list", "0.01"])).await.unwrap();
    let names = Names::channels(["marked-channel"]);
    let mut subscription = client.subscribe(names, SubscribeOptions::default()).await.unwrap();
    in_time(subscription.next()).await.unwrap().unwrap();
    in_time(client.command(["PUBLISH", "marked-channel", "marked-message"])).await.unwrap();
    in_time(subscription.next()).await.unwrap().unwrap();
}

async fn secrets(server: &Server, client: &Client) {
    let url = server.url_as("default", "marked-wrong");
    in_time(Client::connect(&url)).await.unwrap_err();
    in_time(client.renew(Credentials::new("default", "marked-wrong"))).await.unwrap_err();
    in_time(client.command(["CONFIG", "SET", "requirepass", "marked-next"])).await.unwrap();
    in_time(client.renew(Credentials::new("default", "marked-next"))).await.unwrap();
}

async fn store(client: &Client) {
    let store = in_time(EventStore::open(client, "logged", events::Options::new())).await.unwrap();
    let event = || Event::new("Marked").tag("marked:tag").data("marked-data");
    in_time(store.append([event()], AppendOptions::new())).await.unwrap();
    let twice = in_time(store.append([event().tag("marked tag\n")], AppendOptions::new())).await;
    twice.unwrap_err();
    in_time(store.read(Query::tags(["marked:tag"])).all()).await.unwrap();
    let lock = in_time(store.lock("marked-lock", LockOptions::new())).await.unwrap();
    let command = events::Command::new("Do").lock("marked-lock").data("marked-command");
    let handler = async |_| Err::<Vec<Event>, _>("marked-refusal");
    in_time(store.execute(command, ExecuteOptions::new().deadline(SOON), handler)).await.unwrap_err();
    in_time(lock.unlock()).await.unwrap();
}

/// Calls that are late, or whose server goes away.
async fn losses(server: &mut Server, client: &Client) {
    let set = || Command::new("SET").arg("marked-key").arg("marked-late");
    server.signal(Signal::STOP).unwrap();
    in_time(client.call(set().deadline(SOON))).await.unwrap_err();
    let before = client.stats().bytes_written;
    let lost = tokio::spawn({
        let (client, set) = (client.clone(), set());
        async move { client.call(set).await }
    });
    in_time(async {
        while client.stats().bytes_written == before && !lost.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.kill().unwrap();
    assert!(in_time(lost).await.unwrap().is_err());
    in_time(client.call(set().deadline(SOON))).await.unwrap_err();
}
