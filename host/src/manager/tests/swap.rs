//! The component is exchanged while the client runs.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use redis::Value;

use super::fake::{HANG, Server};
use super::{component, config, connect, in_time, next, ping, pong, until};
use crate::{
    Cause, Client, Command, Credentials, Error, Limits, Message, Names, Notice, Outcome, SubscribeOptions, WhenFull,
};

/// The component that the crate ships; the clients of these tests begin with the one for tests.
const SHIPPED: &[u8] = include_bytes!("../../../core/coracle.wasm");
/// A component without imports and exports.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

async fn swap(client: &Client) {
    in_time(client.swap(SHIPPED)).await.unwrap();
}

async fn one_instance(client: &Client) {
    in_time(until(|| client.stats().instances == 1)).await;
}

fn late() -> Result<Value, Error> {
    Ok(Value::SimpleString("late".into()))
}

#[tokio::test]
async fn what_is_under_way_ends_where_it_began() {
    let server = Server::default();
    let client = connect(&server).await;
    let memory = client.stats().memory;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    swap(&client).await;
    assert_eq!((client.stats().instances, client.stats().swaps, server.open_connections()), (2, 1, 2));
    assert!(client.stats().memory > memory);
    assert_eq!(ping(&client).await, Ok(pong()));
    server.say_after(HANG, "+late\r\n");
    assert_eq!(in_time(hanging).await, late());
    one_instance(&client).await;
    in_time(until(|| server.open_connections() == 1)).await;
    assert_eq!(ping(&client).await, Ok(pong()));
    // The testing interface is not in the component that the crate ships.
    client.testing("spin", None).await.unwrap();
    assert_eq!((ping(&client).await, client.stats().traps), (Ok(pong()), 1));
    assert_eq!(client.stats().memory, memory);
}

#[tokio::test]
async fn what_waits_goes_to_the_new_one() {
    let server = Server::default();
    let limits = Limits { inflight: 1, ..Limits::default() };
    let client = config(&server).limits(limits).connect().await.unwrap();
    let call = |command: Vec<&'static str>| {
        let client = client.clone();
        tokio::spawn(async move { client.command(command).await })
    };
    let hanging = call(vec![HANG, "k"]);
    in_time(server.seen(HANG)).await;
    let waiting: Vec<_> = (0..10).map(|_| call(vec!["PING"])).collect();
    // The core takes none of them.
    in_time(until(|| client.stats().batches == 2)).await;
    swap(&client).await;
    for answer in waiting {
        assert_eq!(in_time(answer).await.unwrap(), Ok(pong()));
    }
    server.say_after(HANG, "+late\r\n");
    assert_eq!(in_time(hanging).await.unwrap(), late());
    one_instance(&client).await;
}

#[tokio::test]
async fn twice_and_at_once() {
    let server = Server::default();
    let client = connect(&server).await;
    let (first, second) = in_time(async { tokio::join!(client.swap(SHIPPED), client.swap(SHIPPED)) }).await;
    assert_eq!((first, second, client.stats().swaps), (Ok(()), Ok(()), 2));
    one_instance(&client).await;
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!((server.connections(), server.open_connections()), (3, 1));
    assert_eq!((client.stats().traps, client.stats().reconnects), (0, 0));
}

#[tokio::test]
async fn a_component_that_is_none_changes_nothing() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    for bytes in [Bytes::from_static(b"rubbish"), Bytes::from_static(EMPTY), SHIPPED[..SHIPPED.len() / 2].into()] {
        let error = in_time(client.swap(bytes)).await.unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error:?}");
        assert!(error.to_string().contains("the component can't be used"), "{error}");
    }
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!((client.stats().instances, client.stats().swaps, server.connections()), (1, 0, 2));
}

/// The new instance can't connect, or not in time; the old one has its connection.
#[tokio::test]
async fn a_component_that_does_not_get_ready_changes_nothing() {
    let server = Server::default();
    let client = config(&server).connect_timeout(Duration::from_millis(20)).connect().await.unwrap();
    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    server.refuse_connections();
    let error = in_time(client.swap(SHIPPED)).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Unreachable, Outcome::NotSent), "{error}");
    assert_eq!(ping(&client).await, Ok(pong()));
    server.say_after("SUBSCRIBE", ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    let message = Message { channel: "news".into(), pattern: None, payload: "hi".into() };
    assert_eq!(next(&mut subscription).await, Notice::Message(message));
    assert_eq!((client.stats().instances, client.stats().swaps), (1, 0));
    server.accept_connections();
    swap(&client).await;
}

#[tokio::test]
async fn subscriptions_move() {
    for when_full in [WhenFull::DropOldest, WhenFull::Wait] {
        let server = Server::default();
        let client = connect(&server).await;
        let options = SubscribeOptions { when_full, ..SubscribeOptions::default() };
        let mut subscription = client.subscribe(Names::channels(["news"]), options).await.unwrap();
        assert_eq!(next(&mut subscription).await, Notice::Subscribed);
        let say = |text: &str| server.say_after("SUBSCRIBE", &format!(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n{text}"));
        let message = |payload: &'static str| {
            Notice::Message(Message { channel: "news".into(), pattern: None, payload: payload.into() })
        };
        say("$5\r\nfirst\r\n");
        in_time(until(|| subscription.waiting().0 == 1)).await;
        swap(&client).await;
        assert_eq!(next(&mut subscription).await, message("first"));
        assert_eq!(next(&mut subscription).await, Notice::Gap);
        assert_eq!(next(&mut subscription).await, Notice::Subscribed);
        say("$6\r\nsecond\r\n");
        assert_eq!(next(&mut subscription).await, message("second"));
        one_instance(&client).await;
        in_time(until(|| server.open_connections() == 2)).await;
        // The next one gets a number of its own.
        let mut other = client.subscribe(Names::channels(["news"]), options).await.unwrap();
        assert_eq!(next(&mut other).await, Notice::Subscribed);
    }
}

#[tokio::test]
async fn a_session_stays_until_it_is_over() {
    let server = Server::default();
    let client = connect(&server).await;
    let session = in_time(client.session()).await.unwrap();
    swap(&client).await;
    assert_eq!(in_time(session.command(["GET", "k"])).await, Ok(Value::Okay));
    assert_eq!((client.stats().instances, client.stats().sessions, session.over()), (2, 1, None));
    // Its link is the one that it had.
    assert_eq!((server.connections(), server.place_of("GET")), (3, 1));
    drop(session);
    one_instance(&client).await;
    assert_eq!(client.stats().sessions, 0);
    let session = in_time(client.session()).await.unwrap();
    assert_eq!(in_time(session.command(["GET", "k"])).await, Ok(Value::Okay));
}

#[tokio::test]
async fn who_waits_for_a_session_gets_it_from_the_new_one() {
    let server = Server::default();
    let limits = Limits { links: 2, ..Limits::default() };
    let client = config(&server).limits(limits).connect().await.unwrap();
    let _held = in_time(client.session()).await.unwrap();
    let mut waiting = Box::pin(client.session());
    assert!(waiting.as_mut().now_or_never().is_none());
    ping(&client).await.unwrap();
    swap(&client).await;
    let session = in_time(waiting).await.unwrap();
    assert_eq!(in_time(session.command(["PING"])).await, Ok(pong()));
    assert_eq!(client.stats().sessions, 2);
}

/// What was sent, and what was not.
#[tokio::test]
async fn the_time_of_the_old_one_is_over() {
    let server = Server::default();
    let client = config(&server).retire_within(Duration::ZERO).connect().await.unwrap();
    let session = in_time(client.session()).await.unwrap();
    let call = |name: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.command([name, "k"]).await })
    };
    let sent = call(HANG);
    in_time(server.seen(HANG)).await;
    server.stop_reading();
    let unsent = call("GET");
    in_time(until(|| client.stats().rows == 2)).await;
    swap(&client).await;
    let error = in_time(sent).await.unwrap().unwrap_err();
    assert_eq!((error.outcome(), error.cause()), (Outcome::MaybeExecuted, Cause::Closing), "{error}");
    assert_eq!(in_time(unsent).await.unwrap(), Ok(Value::Okay));
    in_time(until(|| session.over().is_some())).await;
    let error = in_time(session.command(["GET", "k"])).await.unwrap_err();
    assert_eq!((error.outcome(), error.cause()), (Outcome::NotSent, Cause::Closing), "{error}");
    one_instance(&client).await;
    in_time(until(|| server.open_connections() == 1)).await;
}

/// Of a pipeline too, of which the server has the first command.
#[tokio::test]
async fn the_rest_of_a_pipeline_moves() {
    let server = Server::default();
    let limits = Limits { inflight: 1, ..Limits::default() };
    let client = config(&server).limits(limits).retire_within(Duration::ZERO).connect().await.unwrap();
    let commands = [HANG, "GET", "PING"].map(|name| Command::from_args([name])).to_vec();
    let mut calling = Box::pin(client.pipeline(commands));
    assert!(calling.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    swap(&client).await;
    let replies = in_time(calling).await.unwrap();
    assert_eq!(replies[0].as_ref().unwrap_err().outcome(), Outcome::MaybeExecuted);
    assert_eq!(replies[1..], [Ok(Value::Okay), Ok(pong())]);
    assert_eq!((server.times(HANG), server.times("GET"), server.times("PING")), (1, 1, 1));
    one_instance(&client).await;
}

#[tokio::test]
async fn a_client_closes_its_old_instances_too() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    swap(&client).await;
    let mut closing = Box::pin(client.close(Duration::from_secs(60)));
    assert!(closing.as_mut().now_or_never().is_none());
    assert_eq!(ping(&client).await.unwrap_err().cause(), Cause::Closing);
    assert_eq!(in_time(client.swap(SHIPPED)).await.unwrap_err().cause(), Cause::Closing);
    server.say_after(HANG, "+late\r\n");
    let ((), answer) = in_time(async { tokio::join!(closing, hanging) }).await;
    assert_eq!(answer, late());
    assert_eq!((server.open_connections(), client.stats().instances, client.stats().memory), (0, 0, 0));
}

#[tokio::test]
async fn the_last_handle_closes_all() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    swap(&client).await;
    assert_eq!(server.open_connections(), 2);
    drop(hanging);
    drop(client);
    in_time(until(|| server.open_connections() == 0)).await;
}

/// The old one may have to connect again.
#[tokio::test]
async fn credentials_are_renewed_in_all_instances() {
    let server = Server::default();
    let client = connect(&server).await;
    let _session = in_time(client.session()).await.unwrap();
    swap(&client).await;
    in_time(client.renew(Credentials::new("u", "p"))).await.unwrap();
    in_time(until(|| server.times("AUTH") == 3)).await;
    assert_eq!(client.stats().renewals, 1);
}

#[tokio::test]
async fn a_component_that_traps_at_once_changes_nothing() {
    let server = Server::default();
    let client = connect(&server).await;
    server.refuse_connections();
    let swapping = tokio::spawn({
        let client = client.clone();
        async move { client.swap(component()).await }
    });
    in_time(until(|| client.stats().instances == 2)).await;
    client.testing_other("trap").await.unwrap();
    let error = in_time(swapping).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::NotSent, .. }), "{error:?}");
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!((client.stats().instances, client.stats().swaps), (1, 0));
}

/// It is not replaced, as there is one already.
#[tokio::test]
async fn the_old_one_traps() {
    let server = Server::default();
    let client = connect(&server).await;
    let session = in_time(client.session()).await.unwrap();
    let call = |name: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.command([name, "k"]).await })
    };
    let sent = call(HANG);
    in_time(server.seen(HANG)).await;
    server.stop_reading();
    let unsent = call("GET");
    in_time(until(|| client.stats().rows == 2)).await;
    swap(&client).await;
    client.testing_other("trap").await.unwrap();
    let error = in_time(sent).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::MaybeExecuted, .. }), "{error:?}");
    assert_eq!(in_time(unsent).await.unwrap(), Ok(Value::Okay));
    one_instance(&client).await;
    assert!(matches!(session.over(), Some(Error::Core { .. })));
    assert_eq!((client.stats().traps, client.stats().sessions, server.connections()), (1, 0, 3));
}
