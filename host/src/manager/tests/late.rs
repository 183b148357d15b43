//! Deadlines that pass before the core has what they are for.

use std::time::Duration;

use super::fake::Server;
use super::{connect, in_time, ping, pong};
use crate::{Cause, Command, Error, Outcome};

fn is_late(error: &Error) -> bool {
    (error.cause(), error.outcome()) == (Cause::Deadline, Outcome::NotSent)
}

/// A program that was stopped, or kept busy, finds calls in its queues that nobody waits for any more.
#[tokio::test]
async fn what_is_late_before_it_is_sent_is_not_sent() {
    let server = Server::default();
    let client = connect(&server).await;
    let late = || Command::new("SET").arg("k").arg("v").deadline(Duration::ZERO);
    let error = in_time(client.call(late())).await.unwrap_err();
    assert!(is_late(&error), "{error:?}");
    let error = in_time(client.transaction([late(), late()])).await.unwrap_err();
    assert!(is_late(&error), "{error:?}");
    let replies = in_time(client.pipeline([late(), late()])).await.unwrap();
    assert!(replies.iter().all(|reply| reply.as_ref().is_err_and(is_late)), "{replies:?}");
    // What comes with it is.
    let (late, others) = in_time(async { tokio::join!(client.call(late()), ping(&client)) }).await;
    assert!(late.is_err_and(|error| is_late(&error)));
    assert_eq!(others, Ok(pong()));
    assert_eq!(server.times("SET"), 0);
}
