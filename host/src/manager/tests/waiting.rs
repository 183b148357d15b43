//! Calls that the core has no room for, and calls that the client has none for.

use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;
use tokio::task::JoinHandle;

use super::fake::Server;
use super::{config, in_time, ping, pong, until};
use crate::command::Columns;
use crate::inbox::Refused;
use crate::job::Job;
use crate::rows::NEVER;
use crate::ticket::Call;
use crate::ticket::Shape;
use crate::{Cause, Client, Command, Error, Limits, Outcome};

const WAITING: usize = 2;

/// A client without a connection in which as many calls wait as may, none of them with a deadline.
async fn full(server: &Server) -> (Client, Vec<JoinHandle<Result<Value, Error>>>) {
    server.refuse_connections();
    let limits = Limits { waiting: WAITING, ..Limits::default() };
    let client = config(server).limits(limits).deadline(None).start().await.unwrap();
    let waiting = (0..WAITING).map(|_| tokio::spawn(call(client.clone()))).collect();
    in_time(until(|| client.stats().batches > 0)).await;
    // The first attempt to submit them has come to nothing by then.
    client.testing("trap", None).await.unwrap();
    in_time(until(|| client.stats().traps == 1)).await;
    assert_eq!(client.stats().rows, 0, "the core took none");
    (client, waiting)
}

async fn call(client: Client) -> Result<Value, Error> {
    client.command(["PING"]).await
}

#[tokio::test]
async fn a_call_returns_at_its_deadline_behind_those_that_have_none() {
    let server = Server::default();
    let (client, _waiting) = full(&server).await;
    for _ in 0..2 * WAITING {
        let command = Command::new("PING").deadline(Duration::from_millis(20));
        let error = in_time(client.call(command)).await.unwrap_err();
        assert_eq!((error.cause(), error.outcome()), (Cause::Deadline, Outcome::NotSent));
    }
}

#[tokio::test]
async fn no_more_calls_wait_than_may_and_others_follow_when_there_is_room() {
    let server = Server::default();
    let (client, mut waiting) = full(&server).await;
    let job = Job::of(Call::new(Columns::default(), Shape::Single, NEVER, false, 0));
    assert!(matches!(client.shared.inbox.try_send(job), Err(Refused::Full(_))), "those with the manager count");
    for _ in 0..3 * WAITING {
        let mut later = Box::pin(call(client.clone()));
        assert!(later.as_mut().now_or_never().is_none());
        waiting.push(tokio::spawn(later));
    }
    server.accept_connections();
    client.testing("trap", None).await.unwrap();
    for call in waiting {
        assert_eq!(in_time(call).await.unwrap(), Ok(pong()));
    }
    assert_eq!(ping(&client).await, Ok(pong()));
}

/// Whoever leaves, or is late, makes room too.
#[tokio::test]
async fn room_is_told_of_whoever_makes_it() {
    let server = Server::default();
    server.refuse_connections();
    let limits = Limits { waiting: 1, ..Limits::default() };
    let client = config(&server).limits(limits).deadline(None).start().await.unwrap();
    let late = Command::new("PING").deadline(Duration::from_millis(20));
    let mut late = Box::pin(client.call(late));
    assert!(late.as_mut().now_or_never().is_none());
    let mut leaves = Box::pin(call(client.clone()));
    assert!(leaves.as_mut().now_or_never().is_none());
    assert!(in_time(late).await.is_err());
    // It is the one that waits now, once it has run.
    in_time(until(|| {
        assert!(leaves.as_mut().now_or_never().is_none());
        !client.shared.inbox.is_waited_for()
    }))
    .await;
    let mut stays = Box::pin(call(client.clone()));
    assert!(stays.as_mut().now_or_never().is_none());
    assert!(client.shared.inbox.is_waited_for());
    drop(leaves);
    in_time(until(|| {
        assert!(stays.as_mut().now_or_never().is_none());
        !client.shared.inbox.is_waited_for()
    }))
    .await;
}

/// There is far less room than callers, who run beside the manager.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_who_waits_for_room_is_forgotten() {
    let server = Server::default();
    for waiting in 1..4 {
        let limits = Limits { waiting, ..Limits::default() };
        let client = config(&server).limits(limits).deadline(None).connect().await.unwrap();
        let callers = (0..32).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(client.command(["PING"]).await, Ok(pong()));
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            in_time(caller).await.unwrap();
        }
    }
}
