//! Times that lie beyond all that a clock can say: they never come.

use std::time::Duration;

use futures_util::FutureExt;
use redis::{AsyncCommands, Value};

use super::fake::{HANG, Server};
use super::{component, config, connect, in_time, ping, pong, until};
use crate::{Cache, Client, Command, Config, Credentials};

const ENDLESS: Duration = Duration::MAX;

fn endless(server: &Server) -> Config {
    config(server).connect_timeout(ENDLESS).deadline(Some(ENDLESS)).retire_within(ENDLESS)
}

#[tokio::test]
async fn calls_have_no_deadline_then() {
    let server = Server::default();
    let client = endless(&server).connect().await.unwrap();
    assert_eq!(ping(&client).await, Ok(pong()));
    let own = connect(&server).await;
    assert_eq!(in_time(own.call(Command::new("PING").deadline(ENDLESS))).await, Ok(pong()));
    let large = Command::new("SET").arg("k").arg(vec![b'v'; 1 << 16]).deadline(ENDLESS);
    assert_eq!(in_time(own.call(large)).await, Ok(Value::Okay));
    // It may take longer than its own timeout, as far as there is a longer time.
    assert_eq!(in_time(client.command(["BLPOP", "k", "1"])).await, Ok(Value::Okay));
}

#[tokio::test]
async fn sessions_are_waited_for() {
    let server = Server::default();
    let client = endless(&server).connect().await.unwrap();
    let session = in_time(client.session()).await.unwrap();
    assert_eq!(in_time(session.command(["PING"])).await, Ok(pong()));
    let watched = client.watch(&["k"], |mut session, _| async move { session.ping::<String>().await.map(Some) });
    assert_eq!(in_time(watched).await, Ok("PONG".to_owned()));
}

#[tokio::test]
async fn a_follower_waits_for_its_leader() {
    let server = Server::default();
    let client = endless(&server).cache(Cache::opt_in(1 << 20)).connect().await.unwrap();
    let ask = |client: &Client| {
        let cached = client.cached(ENDLESS);
        tokio::spawn(async move { cached.command([HANG, "k"]).await })
    };
    let leader = ask(&client);
    in_time(server.seen(HANG)).await;
    let follower = ask(&client);
    in_time(until(|| client.stats().cache.misses == 2)).await;
    server.say_after(HANG, "$1\r\nv\r\n");
    for task in [leader, follower] {
        assert_eq!(in_time(task).await.unwrap(), Ok(Value::BulkString(b"v".to_vec())));
    }
}

#[tokio::test]
async fn a_component_may_take_as_long_to_begin_and_to_retire() {
    let server = Server::default();
    let client = endless(&server).connect().await.unwrap();
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    in_time(client.swap(component())).await.unwrap();
    assert_eq!((ping(&client).await, client.stats().instances), (Ok(pong()), 2));
    server.say_after(HANG, "+late\r\n");
    assert_eq!(in_time(hanging).await, Ok(Value::SimpleString("late".into())));
    in_time(until(|| client.stats().instances == 1)).await;
}

#[tokio::test]
async fn who_closes_waits_for_what_is_under_way() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    assert!(hanging.as_mut().now_or_never().is_none());
    in_time(server.seen(HANG)).await;
    let mut closing = Box::pin(client.close(ENDLESS));
    assert!(closing.as_mut().now_or_never().is_none());
    server.say_after(HANG, "+late\r\n");
    let ((), answer) = in_time(async { tokio::join!(closing, hanging) }).await;
    assert_eq!(answer, Ok(Value::SimpleString("late".into())));
}

#[tokio::test]
async fn credentials_are_kept() {
    let server = Server::default();
    let provider = || async { Ok(Credentials::new("u", "p").expires_in(ENDLESS)) };
    let client = endless(&server).credentials_provider(provider).connect().await.unwrap();
    in_time(client.renew(Credentials::new("u", "q").expires_in(ENDLESS))).await.unwrap();
    assert_eq!((ping(&client).await, client.stats().renewals), (Ok(pong()), 1));
}
