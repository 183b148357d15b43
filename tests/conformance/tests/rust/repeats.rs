//! Commands whose server is gone before it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use conformance::Signal;
use coracle::{Client, Connecting, Connector, Endpoint, Error, Outcome, Repeat, Sockets};
use redis::Value;
use tokio::task::JoinHandle;

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: what_only_reads_is_repeated_where_allowed nothing_is_repeated_by_default
        what_has_blocked_for_longer_than_calls_take_is_repeated
}

/// Connects to whatever server is the present one.
#[derive(Clone)]
struct Present(Arc<AtomicU16>);

impl Connector for Present {
    fn connect(&self, _: &Endpoint) -> Connecting {
        Sockets.connect(&Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: self.0.load(Ordering::Relaxed) })
    }
}

async fn what_only_reads_is_repeated_where_allowed(target: Target) {
    let (_next, client, ended) = killed_under_way(target, Repeat::Allowed).await;
    let [get, incr] = ended;
    assert_eq!(get, Ok(Value::Nil), "the new server answers");
    assert_eq!(incr.unwrap_err().outcome(), Outcome::MaybeExecuted);
    let stats = client.stats();
    assert_eq!((stats.resubmitted, stats.links_lost, stats.reconnects), (1, 1, 1));
    // The new server has not seen it.
    assert_eq!(in_time(client.command(["GET", "n"])).await, Ok(Value::Nil));
}

async fn nothing_is_repeated_by_default(target: Target) {
    let (_next, client, ended) = killed_under_way(target, Repeat::Never).await;
    for result in ended {
        assert_eq!(result.unwrap_err().outcome(), Outcome::MaybeExecuted);
    }
    assert_eq!(client.stats().resubmitted, 0);
}

async fn what_has_blocked_for_longer_than_calls_take_is_repeated(target: Target) {
    const USUAL: Duration = Duration::from_millis(100);
    let other = target.client().await;
    let client = target.config().deadline(Some(USUAL)).repeat(Repeat::Allowed).connect().await.unwrap();
    let reading = call(&client, vec!["XREAD", "BLOCK", "0", "STREAMS", "stream", "$"]);
    for _ in 0..2 {
        blocked(&other).await;
        // That lets the usual deadline pass.
        in_time(other.command(["BLPOP", "nothing", "0.2"])).await.unwrap();
        in_time(other.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])).await.unwrap();
    }
    blocked(&other).await;
    in_time(other.command(["XADD", "stream", "*", "f", "v"])).await.unwrap();
    let found = in_time(reading).await.unwrap();
    assert!(matches!(&found, Ok(found) if *found != Value::Nil), "{found:?}");
    assert_eq!(client.command(["GET", "nothing"]).await, Ok(Value::Nil));
}

/// Waits until somebody is blocked.
async fn blocked(client: &Client) {
    in_time(async {
        loop {
            let Ok(Value::VerbatimString { text, .. }) = client.command(["INFO", "clients"]).await else { continue };
            if text.contains("blocked_clients:1") {
                return;
            }
        }
    })
    .await;
}

/// How GET and INCR end whose server has their bytes and is killed before it answers, while another one waits.
async fn killed_under_way(mut target: Target, repeat: Repeat) -> (Target, Client, [Result<Value, Error>; 2]) {
    let present = Present(Arc::new(AtomicU16::new(target.server().port())));
    let next = target.restarted(&[]);
    let client = in_time(target.config().repeat(repeat).connector(present.clone()).connect()).await.unwrap();
    target.server().signal(Signal::STOP).unwrap();
    let before = client.stats().bytes_written;
    let commands = [vec!["GET", "k"], vec!["INCR", "n"]];
    let size: usize = commands.iter().map(|words| packed(words)).sum();
    let calls = commands.map(|words| call(&client, words));
    in_time(async {
        while client.stats().bytes_written < before + size as u64 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    present.0.store(next.server().port(), Ordering::Relaxed);
    target.server_mut().kill().unwrap();
    let [get, incr] = calls;
    let ended = [in_time(get).await.unwrap(), in_time(incr).await.unwrap()];
    (next, client, ended)
}

fn call(client: &Client, words: Vec<&'static str>) -> JoinHandle<Result<Value, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.command(words).await })
}

/// The size of a command on its link.
fn packed(words: &[&str]) -> usize {
    let mut command = redis::Cmd::new();
    words.iter().for_each(|word| _ = command.arg(word));
    command.get_packed_command().len()
}
