//! What goes wrong outside.

use std::time::{Duration, Instant};

use bytes::Bytes;
use conformance::Signal;
use coracle::{Cause, Client, ClientState, Command, Names, Notice, Outcome, SubscribeOptions};
use redis::AsyncCommands;

use crate::on_servers;
use crate::sessions::wait_for_blocked;
use crate::targets::{LATE, Target, in_time, pattern};

on_servers! {
    ;
    real only: a_stopped_server_and_a_large_write a_killed_server a_broken_connection_is_replaced many_callers
        dropped_calls_do_no_harm closing_waits
}

/// The socket stands still with most of 64 MiB to be written.
async fn a_stopped_server_and_a_large_write(target: Target) {
    let client = target.client().await;
    target.server().signal(Signal::STOP).unwrap();
    let value = Bytes::from(pattern(64 << 20, 2));
    let deadline = Duration::from_millis(500);
    let large = Command::new("SET").arg("stopped").arg(value).deadline(deadline);
    let small = Command::from_args(["GET", "stopped"]).deadline(deadline);
    let started = Instant::now();
    let (large, small) = in_time(async { tokio::join!(client.call(large), client.call(small)) }).await;
    let took = started.elapsed();
    target.server().signal(Signal::CONT).unwrap();
    assert!(took >= deadline && took <= deadline + LATE, "{took:?}");
    assert_eq!(large.unwrap_err().cause(), Cause::Deadline);
    assert_eq!(small.unwrap_err().cause(), Cause::Deadline);
    // The client is of use again once the server is.
    assert!(in_time(client.command(["PING"])).await.is_ok());
}

async fn a_killed_server(mut target: Target) {
    let client = target.client().await;
    let admin = target.client().await;
    let blocked = tokio::spawn({
        let client = client.clone();
        async move { client.command(["BLPOP", "never", "0"]).await }
    });
    // The server has the command before it is killed.
    wait_for_blocked(&admin, 1).await;
    target.server_mut().kill().unwrap();
    let error = in_time(blocked).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
    // What was blocked had a connection of its own: the other one's end may be heard of later.
    in_time(client.states().wait_for(|state| *state != ClientState::Ready)).await.unwrap();
    let ping = Command::new("PING").deadline(Duration::from_secs(2));
    let error = in_time(client.call(ping)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let error = in_time(target.config().connect()).await.unwrap_err();
    assert_eq!(error.cause(), Cause::Unreachable, "{error}");
}

async fn a_broken_connection_is_replaced(target: Target) {
    let admin = target.client().await;
    let client = target.client().await;
    let mut subscription = client.subscribe(Names::channels(["broken"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
    admin.command(["CLIENT", "KILL", "SKIPME", "yes"]).await.unwrap();
    assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Gap)));
    assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
    assert!(in_time(client.command(["PING"])).await.is_ok());
}

async fn many_callers(target: Target) {
    let client = target.client().await;
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for round in 0..200 {
                    let (key, value) = (format!("many:{caller}"), format!("{caller}:{round}"));
                    let () = client.set(&key, &value).await.unwrap();
                    let read: String = client.get(&key).await.unwrap();
                    assert_eq!(read, value);
                }
            })
        })
        .collect();
    for caller in callers {
        in_time(caller).await.unwrap();
    }
    let mean = client.stats().mean_batch();
    println!("mean batch: {mean:.1}");
    // Without the manager yielding before it submits, this is close to 1.
    assert!(mean > 4.0, "{mean}");
}

/// A reply belongs to the request it is for, even if others were given up.
async fn dropped_calls_do_no_harm(target: Target) {
    let mut client = target.client().await;
    let large = pattern(300_000, 4);
    let () = client.set("dropped", &large).await.unwrap();
    for round in 0..200_u64 {
        let lost = client.clone();
        let given_up = lost.command(["GET", "dropped"]);
        let _ = tokio::time::timeout(Duration::from_micros(round * 10), given_up).await;
        let echo: String = in_time(redis::cmd("ECHO").arg(round).query_async(&mut client)).await.unwrap();
        assert_eq!(echo, round.to_string());
    }
}

async fn closing_waits(target: Target) {
    let client = target.client().await;
    let other: Client = client.clone();
    let blocked = tokio::spawn(async move { other.command(["BLPOP", "never", "0.3"]).await });
    in_time(async {
        // It is submitted a second time once it has a link of its own.
        while client.stats().rows < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.close(Duration::from_secs(30)).await;
    assert!(in_time(blocked).await.unwrap().is_ok());
    let error = client.command(["PING"]).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Closing, Outcome::NotSent));
}
