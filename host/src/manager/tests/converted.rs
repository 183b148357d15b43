//! Errors as callers of `AsyncCommands` see them.

use std::time::Duration;

use futures_util::FutureExt;
use redis::{AsyncCommands, RedisResult};

use super::fake::{HANG, Server};
use super::{config, connect, in_time, until};
use crate::{Client, Outcome, outcome_of};

/// A call that the server does not answer.
async fn hanging(mut client: Client) -> RedisResult<Vec<String>> {
    client.hgetall("k").await
}

#[tokio::test]
async fn what_a_client_that_is_closed_has_sent_may_be_executed() {
    let server = Server::default();
    let client = connect(&server).await;
    let hanging = tokio::spawn(hanging(client.clone()));
    in_time(server.seen(HANG)).await;
    in_time(client.close(Duration::ZERO)).await;
    let error = in_time(hanging).await.unwrap().unwrap_err();
    assert_eq!(outcome_of(&error), Some(Outcome::MaybeExecuted), "{error}");
    assert!(error.to_string().starts_with("sent, and perhaps executed"), "{error}");
}

#[tokio::test]
async fn what_a_core_that_fails_has_sent_may_be_executed() {
    let server = Server::default();
    let client = connect(&server).await;
    let hanging = tokio::spawn(hanging(client.clone()));
    in_time(server.seen(HANG)).await;
    client.testing("trap", None).await.unwrap();
    let error = in_time(hanging).await.unwrap().unwrap_err();
    assert_eq!(outcome_of(&error), Some(Outcome::MaybeExecuted), "{error}");
}

#[tokio::test]
async fn what_waits_for_a_connection_was_not_sent() {
    let server = Server::default();
    server.refuse_connections();
    let client = config(&server).start().await.unwrap().with_deadline(Some(Duration::from_millis(20)));
    let error = in_time(hanging(client)).await.unwrap_err();
    assert_eq!((outcome_of(&error), error.is_timeout()), (Some(Outcome::NotSent), true), "{error}");
}

#[tokio::test]
async fn what_the_server_refused_was_executed() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(hanging(client));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(until(|| server.times(HANG) > 0)).await;
    server.say_after(HANG, "-WRONGTYPE no hash\r\n");
    let error = in_time(hanging).await.unwrap_err();
    assert_eq!(outcome_of(&error), Some(Outcome::Executed), "{error}");
}
