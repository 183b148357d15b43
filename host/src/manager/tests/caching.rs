//! What is kept, in what order, and who gets a reply that several wait for.

use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;
use tokio::task::JoinHandle;

use super::fake::{HANG, Server};
use super::{component, config, in_time, ping, until};
use crate::{Cache, Cached, Cause, Client, Command, Error, ErrorClass, Outcome};

const MINUTE: Duration = Duration::from_secs(60);

async fn connect(server: &Server) -> Client {
    config(server).cache(Cache::opt_in(1 << 20)).connect().await.unwrap()
}

fn ask(client: &Client) -> JoinHandle<Result<Value, Error>> {
    let cached = client.cached(MINUTE);
    tokio::spawn(async move { cached.command([HANG, "k"]).await })
}

/// Somebody who has asked, and waits for the server.
async fn leader(client: &Client, server: &Server) -> JoinHandle<Result<Value, Error>> {
    let before = server.times(HANG);
    let leader = ask(client);
    in_time(until(|| server.times(HANG) > before)).await;
    leader
}

/// Somebody who waits for another one's reply.
async fn follower(client: &Client) -> JoinHandle<Result<Value, Error>> {
    let before = client.stats().cache.misses;
    let follower = ask(client);
    in_time(until(|| client.stats().cache.misses > before)).await;
    follower
}

fn text(text: &str) -> Result<Value, Error> {
    Ok(Value::BulkString(text.into()))
}

/// The server's next command of a leader, and its answer.
async fn answer(server: &Server, times: usize, text: &str) {
    in_time(until(|| server.times(HANG) == times)).await;
    server.say_after(HANG, text);
}

/// Keeps a reply to what `ask` asks.
async fn keep(client: &Client, server: &Server) {
    let leader = leader(client, server).await;
    server.say_after(HANG, "$4\r\nkept\r\n");
    assert_eq!(in_time(leader).await.unwrap(), text("kept"));
    assert_eq!(client.stats().cache.entries, 1);
}

#[tokio::test]
async fn followers_get_the_leaders_reply() {
    let server = Server::default();
    let client = connect(&server).await;
    let leader = leader(&client, &server).await;
    let followers = [follower(&client).await, follower(&client).await];
    server.say_after(HANG, "$1\r\nv\r\n");
    for task in [leader].into_iter().chain(followers) {
        assert_eq!(in_time(task).await.unwrap(), text("v"));
    }
    let stats = client.stats().cache;
    assert_eq!((stats.misses, stats.shared, stats.hits, server.times(HANG)), (3, 2, 0, 1));
    assert_eq!(in_time(ask(&client)).await.unwrap(), text("v"));
    assert_eq!((client.stats().cache.hits, server.times(HANG)), (1, 1));
}

/// The one behind is taken over by nobody else, and its late reply given to nobody.
#[tokio::test]
async fn a_follower_goes_on_where_its_leader_was_cancelled() {
    let server = Server::default();
    let client = connect(&server).await;
    let leader = leader(&client, &server).await;
    let gone = follower(&client).await;
    let followers = [follower(&client).await, follower(&client).await];
    gone.abort();
    leader.abort();
    answer(&server, 2, "$3\r\nold\r\n$3\r\nnew\r\n").await;
    for task in followers {
        assert_eq!(in_time(task).await.unwrap(), text("new"));
    }
    assert_eq!(server.times(HANG), 2);
}

/// It can't lead, and so nobody may wait for it.
#[tokio::test]
async fn a_follower_who_is_not_polled_holds_up_nobody() {
    let server = Server::default();
    let client = connect(&server).await;
    let leader = leader(&client, &server).await;
    let cached = client.cached(MINUTE);
    let mut idle = Box::pin(cached.command([HANG, "k"]));
    assert!(idle.as_mut().now_or_never().is_none());
    let busy = follower(&client).await;
    leader.abort();
    answer(&server, 2, "$3\r\nold\r\n$3\r\nnew\r\n").await;
    assert_eq!(in_time(busy).await.unwrap(), text("new"));
    assert_eq!(in_time(idle).await, text("new"));
    let stats = client.stats().cache;
    assert_eq!((stats.misses, stats.hits, server.times(HANG)), (3, 1, 2));
}

#[tokio::test]
async fn each_has_a_deadline_of_its_own() {
    let server = Server::default();
    let client = connect(&server).await;
    let ask = |deadline: Duration| {
        let cached = client.cached(MINUTE);
        let command = Command::from_args([HANG, "k"]).deadline(deadline);
        async move { in_time(cached.call(command)).await }
    };
    let mut leader = Box::pin(ask(Duration::from_millis(200)));
    assert!(leader.as_mut().now_or_never().is_none());
    let mut patient = Box::pin(ask(MINUTE));
    assert!(patient.as_mut().now_or_never().is_none());
    let hasty = ask(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!((hasty.cause(), hasty.outcome()), (Cause::Deadline, Outcome::NotSent));
    assert_eq!(leader.await.unwrap_err().cause(), Cause::Deadline);
    let ((), reply) = tokio::join!(answer(&server, 2, "$3\r\nold\r\n$3\r\nnew\r\n"), patient);
    assert_eq!(reply, text("new"));
}

#[tokio::test]
async fn a_trap_forgets_all_and_followers_go_on() {
    let server = Server::default();
    let client = connect(&server).await;
    keep(&client, &server).await;
    let other = client.cached(Duration::ZERO);
    let lead = tokio::spawn(async move { other.command([HANG, "k"]).await });
    in_time(until(|| server.times(HANG) == 2)).await;
    let other = client.cached(Duration::ZERO);
    let mut follow = Box::pin(other.command([HANG, "k"]));
    assert!(follow.as_mut().now_or_never().is_none());
    client.testing("trap", None).await.unwrap();
    let error = in_time(lead).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Core { outcome: Outcome::MaybeExecuted, .. }), "{error:?}");
    let stats = client.stats().cache;
    assert_eq!((stats.entries, stats.bytes), (0, 0));
    assert!(stats.flushes > 0);
    let ((), reply) = in_time(async { tokio::join!(answer(&server, 3, "$1\r\nv\r\n"), follow) }).await;
    assert_eq!(reply, text("v"));
}

/// What the instance before has under way is for those who wait already, and is not kept.
#[tokio::test]
async fn an_exchange_forgets_all() {
    let server = Server::default();
    let client = connect(&server).await;
    keep(&client, &server).await;
    let cached = client.cached(Duration::ZERO);
    let early = tokio::spawn(async move { cached.command([HANG, "k"]).await });
    in_time(until(|| server.times_on(HANG, 0) == 2)).await;
    in_time(client.swap(component())).await.unwrap();
    assert_eq!(client.stats().cache.entries, 0);
    let late = leader(&client, &server).await;
    assert_eq!(server.place_of(HANG), 1, "it asks the new one");
    let later = follower(&client).await;
    server.say_on(0, "$3\r\nold\r\n");
    assert_eq!(in_time(early).await.unwrap(), text("old"));
    assert_eq!(client.stats().cache.entries, 0);
    server.say_on(1, "$3\r\nnew\r\n");
    for task in [late, later] {
        assert_eq!(in_time(task).await.unwrap(), text("new"));
    }
    assert_eq!(client.stats().cache.entries, 1);
}

/// Reply and change come in one piece: whoever keeps the reply once its caller wakes up keeps it too long.
#[tokio::test]
async fn the_order_of_the_rows_counts() {
    let server = Server::default();
    let client = connect(&server).await;
    let leader = leader(&client, &server).await;
    server.say_after(HANG, "$3\r\nold\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    assert_eq!(in_time(leader).await.unwrap(), text("old"));
    let stats = client.stats().cache;
    assert_eq!((stats.entries, stats.invalidations), (0, 1));
    let again = self::leader(&client, &server).await;
    server.say_after(HANG, "$3\r\nnew\r\n");
    assert_eq!(in_time(again).await.unwrap(), text("new"));
    // All of them, as on FLUSHALL.
    server.say_after(HANG, ">2\r\n$10\r\ninvalidate\r\n_\r\n");
    in_time(until(|| client.stats().cache.flushes == 1)).await;
    assert_eq!(client.stats().cache.entries, 0);
}

/// An error is no word that the command only reads.
#[tokio::test]
async fn errors_are_shared_once_the_command_is_known_to_read() {
    const ERROR: &str = "-WRONGTYPE no\r\n";
    let server = Server::default();
    let client = connect(&server).await;
    let wrong = |result: Result<Value, Error>| match result {
        Err(Error::Server(error)) => assert_eq!(error.class, ErrorClass::Wrongtype),
        other => panic!("{other:?}"),
    };
    let (first, second) = (leader(&client, &server).await, follower(&client).await);
    server.say_after(HANG, ERROR);
    wrong(in_time(first).await.unwrap());
    answer(&server, 2, ERROR).await;
    wrong(in_time(second).await.unwrap());
    keep(&client, &server).await;
    server.say_after(HANG, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    in_time(until(|| client.stats().cache.entries == 0)).await;
    let (first, second) = (leader(&client, &server).await, follower(&client).await);
    server.say_after(HANG, ERROR);
    wrong(in_time(first).await.unwrap());
    wrong(in_time(second).await.unwrap());
    assert_eq!((server.times(HANG), client.stats().cache.entries), (4, 0));
}

#[tokio::test]
async fn a_value_is_its_callers_own() {
    let server = Server::default();
    let client = connect(&server).await;
    keep(&client, &server).await;
    let Ok(Value::BulkString(mut mine)) = in_time(ask(&client)).await.unwrap() else { panic!("no string") };
    mine.fill(b'x');
    assert_eq!(in_time(ask(&client)).await.unwrap(), text("kept"));
}

#[tokio::test]
async fn without_a_cache_all_is_sent() {
    let server = Server::default();
    let client = super::connect(&server).await;
    let cached: Cached = client.cached(MINUTE);
    for _ in 0..2 {
        assert_eq!(in_time(cached.command(["PING", "k"])).await, Ok(Value::SimpleString("PONG".into())));
    }
    assert_eq!(server.times("PING"), 2);
    assert!(ping(&client).await.is_ok());
}
