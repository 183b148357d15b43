//! What this host does when its instance is lost, seen with the component for tests, which has faults on request.

mod caching;
mod converted;
mod endless;
mod fake;
mod holding;
mod lanes;
mod late;
mod leaving;
mod outside;
mod prompt;
mod queue;
mod renewal;
mod repeats;
mod rows;
mod sessions;
mod swap;
mod telling;
mod waiting;

use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;

use crate::{
    Cause, Client, Command, Config, Error, Limits, Message, Names, Notice, Outcome, SubscribeOptions, Subscription,
};
use fake::{HANG, Server};

/// What no step of a test may take longer than.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(server: &Server) -> Client {
    config(server).connect().await.unwrap()
}

fn config(server: &Server) -> Config {
    Config::new("redis://fake:1").unwrap().connector(server.clone()).component(component())
}

/// The component for tests.
fn component() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/components/coracle-testing.wasm");
    std::fs::read(path).expect("cargo xtask component writes the component for tests")
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

async fn ping(client: &Client) -> Result<Value, Error> {
    in_time(client.command(["PING"])).await
}

fn pong() -> Value {
    Value::SimpleString("PONG".into())
}

async fn next(subscription: &mut Subscription) -> Notice {
    in_time(subscription.next()).await.expect("the subscription goes on").unwrap()
}

#[tokio::test]
async fn a_trap_ends_requests_and_a_new_instance_takes_over() {
    let server = Server::default();
    let client = connect(&server).await;
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.command([HANG, "k"]).await }
    });
    in_time(server.seen(HANG)).await;
    client.testing("trap", None).await.unwrap();
    let error = in_time(hanging).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::MaybeExecuted, .. }), "{error:?}");
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!((client.stats().traps, server.connections()), (1, 2));
}

#[tokio::test]
async fn what_was_not_written_was_not_sent() {
    let server = Server::default();
    let client = connect(&server).await;
    server.stop_reading();
    let mut stuck = Box::pin(client.command(["SET", "k", "v"]));
    assert!(stuck.as_mut().now_or_never().is_none());
    in_time(until(|| client.stats().rows == 1)).await;
    client.testing("trap", None).await.unwrap();
    let error = in_time(stuck).await.unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::NotSent, .. }), "{error:?}");
}

#[tokio::test]
async fn subscriptions_come_back_and_tell_of_the_gap() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    client.testing("trap", None).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Gap);
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    server.say_after("SUBSCRIBE", ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    let message = Message { channel: "news".into(), pattern: None, payload: "hi".into() };
    assert_eq!(next(&mut subscription).await, Notice::Message(message));
}

#[tokio::test]
async fn messages_of_all_shapes() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut subscription = client.subscribe(Names::patterns(["n*"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    let long = "l".repeat(70_000);
    server.say_after(
        "PSUBSCRIBE",
        &format!(
            ">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n\
             >4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnext\r\n$70000\r\n{long}\r\n\
             >4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnext\r\n$0\r\n\r\n"
        ),
    );
    for (channel, payload) in [("news", "hi"), ("next", &long), ("next", "")] {
        let (channel, payload) = (channel.to_owned().into(), payload.to_owned().into());
        let message = Message { channel, pattern: Some("n*".into()), payload };
        assert_eq!(next(&mut subscription).await, Notice::Message(message));
    }
}

#[tokio::test]
async fn what_the_core_did_not_have_outlives_it() {
    let server = Server::default();
    server.refuse_connections();
    let client = config(&server).start().await.unwrap();
    let mut waiting = Box::pin(client.command(["PING"]));
    assert!(waiting.as_mut().now_or_never().is_none());
    in_time(until(|| client.stats().batches > 0)).await;
    server.accept_connections();
    client.testing("trap", None).await.unwrap();
    assert_eq!(in_time(waiting).await, Ok(pong()));
}

#[tokio::test]
async fn a_call_that_does_not_end_is_ended() {
    let server = Server::default();
    let client = connect(&server).await;
    client.testing("spin", None).await.unwrap();
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!(client.stats().traps, 1);
}

#[tokio::test]
async fn an_instance_gets_no_more_memory_than_its_limit() {
    let server = Server::default();
    let limits = Limits { memory: 4 << 20, ..Limits::default() };
    let client = config(&server).limits(limits).connect().await.unwrap();
    client.testing("hoard", Some(1 << 20)).await.unwrap();
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!(client.stats().traps, 0);
    assert!(client.stats().peak_memory > 1 << 20);
    client.testing("hoard", Some(8 << 20)).await.unwrap();
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!(client.stats().traps, 1);
    assert!(client.stats().peak_memory <= 4 << 20);
}

#[tokio::test]
async fn a_core_that_traps_all_the_time_is_given_up() {
    let server = Server::default();
    server.refuse_connections();
    let client = config(&server).start().await.unwrap();
    let mut waiting = Box::pin(client.command(["PING"]));
    assert!(waiting.as_mut().now_or_never().is_none());
    for count in 1..=6 {
        client.testing("trap", None).await.unwrap();
        in_time(until(|| client.stats().traps == count)).await;
    }
    let error = in_time(waiting).await.unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::NotSent, .. }), "{error:?}");
    let error = ping(&client).await.unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::NotSent, .. }), "{error:?}");
}

#[tokio::test]
async fn the_last_handle_closes_the_sockets() {
    let server = Server::default();
    let client = connect(&server).await;
    let other = client.clone();
    drop(client);
    assert_eq!(ping(&other).await, Ok(pong()));
    assert_eq!(server.open_connections(), 1);
    drop(other);
    in_time(until(|| server.open_connections() == 0)).await;
}

#[tokio::test]
async fn close_answers_what_was_accepted() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    let mut closing = Box::pin(client.close(Duration::from_secs(10)));
    assert!(closing.as_mut().now_or_never().is_none());
    // The manager hears of the close first.
    assert_eq!(ping(&client).await.unwrap_err().cause(), Cause::Closing);
    server.say_after(HANG, "+late\r\n");
    let ((), answer) = in_time(async { tokio::join!(closing, hanging) }).await;
    assert_eq!(answer, Ok(Value::SimpleString("late".into())));
    assert_eq!(server.open_connections(), 0);
    assert_eq!(ping(&client).await.unwrap_err().cause(), Cause::Closing);
}

#[tokio::test]
async fn a_deadline_holds_while_nothing_is_connected() {
    let server = Server::default();
    server.refuse_connections();
    let client = config(&server).start().await.unwrap();
    let command = Command::new("PING").deadline(Duration::from_millis(50));
    let error = in_time(client.call(command)).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Deadline, Outcome::NotSent));
}

/// The manager is woken by the first caller, and finds the second one's command too.
#[tokio::test]
async fn callers_who_come_together_share_a_batch() {
    let server = Server::default();
    let client = connect(&server).await;
    let before = client.stats().batches;
    let mut first = Box::pin(client.command(["PING"]));
    assert!(first.as_mut().now_or_never().is_none());
    let second = tokio::spawn({
        let client = client.clone();
        async move { ping(&client).await }
    });
    assert_eq!(in_time(first).await, Ok(pong()));
    assert_eq!(in_time(second).await.unwrap(), Ok(pong()));
    assert_eq!(client.stats().batches - before, 1);
}

/// A drain waits for callers, and the one that left is none.
#[tokio::test]
async fn the_core_hears_of_a_caller_who_left() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    drop(hanging);
    in_time(client.close(PATIENCE * 3)).await;
}

#[tokio::test]
async fn what_came_too_early_is_submitted_once_there_is_room() {
    let server = Server::default();
    let client = config(&server).start().await.unwrap();
    let mut early = Box::pin(client.command(["PING"]));
    assert!(early.as_mut().now_or_never().is_none());
    assert_eq!(in_time(early).await, Ok(pong()));
    let stats = client.stats();
    assert!(stats.batches > stats.rows, "it was taken at once: {stats:?}");
}

#[tokio::test]
async fn since_when_there_is_no_connection() {
    let server = Server::default();
    server.refuse_connections();
    let client = config(&server).start().await.unwrap();
    assert!(client.stats().down_since.is_some());
    server.accept_connections();
    client.testing("trap", None).await.unwrap();
    ping(&client).await.unwrap();
    assert_eq!((client.stats().down_since, client.stats().reconnects), (None, 0));
    server.refuse_connections();
    client.testing("trap", None).await.unwrap();
    in_time(until(|| client.stats().down_since.is_some())).await;
    server.accept_connections();
    client.testing("trap", None).await.unwrap();
    ping(&client).await.unwrap();
    assert_eq!((client.stats().down_since, client.stats().reconnects), (None, 1));
}

/// Lets other tasks run until this is so.
async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}
