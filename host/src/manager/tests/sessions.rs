//! Sessions, given and taken.

use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;

use super::fake::Server;
use super::{connect, in_time, ping, pong, until};
use crate::{Cause, Error, Outcome};

#[tokio::test]
async fn a_lost_instance_takes_its_sessions_with_it() {
    let server = Server::default();
    let client = connect(&server).await;
    let session = in_time(client.session()).await.unwrap();
    assert_eq!(client.stats().sessions, 1);
    client.testing("trap", None).await.unwrap();
    in_time(until(|| session.over().is_some())).await;
    let error = in_time(session.command(["PING"])).await.unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::NotSent, .. }), "{error:?}");
    assert_eq!(client.stats().sessions, 0);
    let session = in_time(client.session()).await.unwrap();
    assert_eq!(in_time(session.command(["PING"])).await, Ok(pong()));
}

#[tokio::test]
async fn a_session_is_given_back_by_its_last_clone() {
    let server = Server::default();
    let client = connect(&server).await;
    let session = in_time(client.session()).await.unwrap();
    let other = session.clone();
    drop(session);
    assert_eq!(in_time(other.command(["GET", "k"])).await, Ok(Value::Okay));
    assert_eq!((client.stats().sessions, server.connections()), (1, 2));
    drop(other);
    in_time(until(|| client.stats().sessions == 0)).await;
    // The link is the one that was given back.
    let _session = in_time(client.session()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

/// A future that waits for a session and is dropped leaves nothing behind.
#[tokio::test]
async fn a_session_that_nobody_waits_for_is_given_up() {
    let server = Server::default();
    let client = connect(&server).await;
    server.refuse_connections();
    let mut waiting = Box::pin(client.session());
    assert!(waiting.as_mut().now_or_never().is_none());
    ping(&client).await.unwrap();
    drop(waiting);
    let error = client.with_deadline(Some(Duration::from_millis(50))).session().await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Deadline, Outcome::NotSent));
    assert_eq!(client.stats().sessions, 0);
}

/// He has not seen others touch his keys.
#[tokio::test]
async fn who_has_no_time_for_a_first_attempt_is_told_so() {
    let server = Server::default();
    let client = connect(&server).await;
    drop(in_time(client.session()).await.unwrap());
    in_time(until(|| client.stats().sessions == 0)).await;
    let hurried = client.with_deadline(Some(Duration::ZERO));
    let error = in_time(hurried.watch(&["k"], |_, _| async { Ok(Some(())) })).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("before"), "{error}");
    assert_eq!(server.times("WATCH"), 0);
}
