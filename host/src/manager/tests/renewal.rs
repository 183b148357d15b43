//! Credentials that change while the client runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::fake::Server;
use super::{config, connect, in_time, ping, pong, until};
use crate::{Cause, Credentials, Outcome};

#[tokio::test]
async fn a_provider_is_asked_at_first_and_before_its_credentials_expire() {
    let server = Server::default();
    let asked = Arc::new(AtomicU32::new(0));
    let provider = {
        let asked = Arc::clone(&asked);
        move || {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            // The first are good for a moment, the next ones for ever.
            let life = if number == 0 { Duration::from_millis(50) } else { Duration::from_secs(3600) };
            async move { Ok(Credentials::new("u", &format!("p{number}")).expires_in(life)) }
        }
    };
    let client = config(&server).credentials_provider(provider).connect().await.unwrap();
    in_time(until(|| client.stats().renewals == 1)).await;
    assert_eq!((asked.load(Ordering::Relaxed), server.times("AUTH"), server.connections()), (2, 1, 1));
    in_time(client.renew_credentials()).await.unwrap();
    assert_eq!((asked.load(Ordering::Relaxed), server.times("AUTH"), client.stats().renewals), (3, 2, 2));
}

#[tokio::test]
async fn a_provider_that_fails_is_heard_of() {
    let server = Server::default();
    let failing = || async { Err("no token".into()) };
    let error = config(&server).credentials_provider(failing).connect().await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::None, Outcome::NotSent));
    assert!(error.to_string().contains("no token"), "{error}");
    let error = connect(&server).await.renew_credentials().await.unwrap_err();
    assert_eq!(error.cause(), Cause::Usage);
}

/// It would be asked without end, and nothing else be done.
#[tokio::test]
async fn a_provider_that_gives_what_has_expired_has_a_pause() {
    let server = Server::default();
    let asked = Arc::new(AtomicU32::new(0));
    let provider = {
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            async { Ok(Credentials::new("u", "p").expires_in(Duration::ZERO)) }
        }
    };
    let since = Instant::now();
    let client = config(&server).credentials_provider(provider).connect().await.unwrap();
    in_time(until(|| asked.load(Ordering::Relaxed) == 3)).await;
    assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
    assert_eq!(ping(&client).await, Ok(pong()));
}
