//! Handles of a client that are used where there is no runtime of tokio.

use std::time::Duration;

use futures_executor::block_on;
use futures_util::FutureExt;
use futures_util::future::{join3, pending};
use redis::Value;
use tokio::runtime::Builder;

use super::fake::{HANG, Server};
use super::{PATIENCE, component, config, pong};
use crate::{Cache, Client, Command, Names, Notice, SubscribeOptions};

#[test]
fn all_that_has_a_deadline_works_without_a_runtime() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::default();
    let config = config(&server).cache(Cache::opt_in(1 << 20)).lanes(2);
    let client = runtime.block_on(config.start()).unwrap();
    block_on(client.shared.timeout(PATIENCE, everything(&client, &server))).unwrap();
}

#[test]
fn a_wait_ends_when_the_clients_runtime_is_shut_down() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(config(&Server::default()).start()).unwrap();
    let mut waiting = Box::pin(client.shared.timeout(PATIENCE * 60, pending::<()>()));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(runtime);
    block_on(waiting).unwrap_err();
    block_on(client.shared.timeout(PATIENCE * 60, pending::<()>())).unwrap_err();
}

async fn everything(client: &Client, server: &Server) {
    client.ready().await.unwrap();
    assert_eq!(client.command(["PING"]).await, Ok(pong()));
    let large = Command::new("SET").arg("k").arg(vec![b'v'; 1 << 20]);
    assert_eq!(client.call(large).await, Ok(Value::Okay));

    let session = client.session().await.unwrap();
    assert_eq!(session.command(["PING"]).await, Ok(pong()));
    drop(session);

    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(subscription.next().await, Some(Ok(Notice::Subscribed)));

    let cached = client.cached(Duration::from_secs(60));
    let answer = async {
        server.seen(HANG).await;
        server.say_after(HANG, "$1\r\nv\r\n");
    };
    let (leader, follower, ()) = join3(cached.command([HANG, "k"]), cached.command([HANG, "k"]), answer).await;
    assert_eq!((&leader, &follower), (&Ok(Value::BulkString(b"v".to_vec())), &leader));

    client.swap(component()).await.unwrap();
    client.close(PATIENCE).await;
    client.command(["PING"]).await.unwrap_err();
}
