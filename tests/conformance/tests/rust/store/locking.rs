//! Locks: leases that are kept, given back and lost.

use std::time::Duration;

use coracle::Client;
use coracle::events::{AppendOptions, Command, Decision, EventError, ExecuteError, ExecuteOptions, LockOptions, Query};
use futures_util::FutureExt;

use super::{event, head, open};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    a_lock_has_one_holder_at_a_time a_lock_that_is_taken_away_is_lost a_lock_is_waited_for_until_the_deadline
        a_dropped_lock_is_given_back;
    real only: commands_hold_their_locks a_lost_lock_forbids_the_append a_dropped_command_gives_its_locks_back
        a_lease_is_renewed_while_the_handler_runs a_command_waits_for_its_lock events_name_locks
        a_handler_names_no_lock_but_its_commands a_dropped_append_gives_its_locks_back
        who_holds_a_lock_appends_under_it
}

fn soon() -> LockOptions {
    LockOptions::new().wait(Duration::from_millis(50))
}

/// It is renewed soon, and even a busy machine does so in time.
const SHORT: Duration = Duration::from_secs(2);

/// It does not end by itself while a test waits for that.
const LONG: Duration = Duration::from_secs(3600);

fn long() -> LockOptions {
    LockOptions::new().lease(LONG)
}

async fn keys(client: &Client, pattern: &str) -> Vec<String> {
    let found = in_time(client.command(["KEYS", pattern])).await.unwrap();
    redis::from_redis_value(found).unwrap()
}

/// Waits until nobody holds it.
async fn free(client: &Client, key: &str) {
    in_time(async {
        while !keys(client, key).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn a_lock_has_one_holder_at_a_time(target: Target) {
    let store = open(&target, "locks").await;
    let first = in_time(store.lock("l", LockOptions::new())).await.unwrap();
    assert_eq!(first.name(), "l");
    let other = in_time(store.lock("other", LockOptions::new())).await.unwrap();
    let busy = in_time(store.lock("l", soon())).await;
    assert_eq!(busy.map(|_| ()), Err(EventError::LockTimeout { name: "l".into() }));
    let waiting = store.lock("l", LockOptions::new());
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    let fence = first.fence();
    assert!(other.fence() > fence);
    in_time(first.unlock()).await.unwrap();
    let second = in_time(waiting).await.unwrap();
    assert!(second.fence() > other.fence(), "it grows with each lease");
    in_time(second.unlock()).await.unwrap();
}

async fn a_lock_that_is_taken_away_is_lost(target: Target) {
    let store = open(&target, "lost").await;
    let client = target.client().await;
    let lock = in_time(store.lock("l", LockOptions::new().lease(SHORT))).await.unwrap();
    assert!(lock.lost().now_or_never().is_none());
    in_time(client.command(["DEL", "{lost}:k:l"])).await.unwrap();
    let lost = EventError::LockLost { name: "l".into() };
    assert_eq!(in_time(lock.lost()).await, lost);
    assert_eq!(in_time(lock.unlock()).await, Err(lost));
}

async fn a_lock_is_waited_for_until_the_deadline(target: Target) {
    let store = open(&target, "waited").await;
    let client = target.client().await;
    in_time(client.command(["SET", "{waited}:k:l", "somebody else"])).await.unwrap();
    let busy = in_time(store.lock("l", soon())).await;
    assert_eq!(busy.map(|_| ()), Err(EventError::LockTimeout { name: "l".into() }));
    let waiting = store.lock("l", LockOptions::new());
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    in_time(client.command(["DEL", "{waited}:k:l"])).await.unwrap();
    in_time(waiting).await.unwrap();
}

async fn a_dropped_lock_is_given_back(target: Target) {
    let store = open(&target, "left").await;
    let client = target.client().await;
    let lock = in_time(store.lock("l", long())).await.unwrap();
    assert_eq!(keys(&client, "{left}:k:*").await, ["{left}:k:l"]);
    drop(lock);
    free(&client, "{left}:k:l").await;
    // One that is waited for, and dropped: nobody has it.
    let held = in_time(store.lock("l", long())).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.lock("l", long()).await.map(|_| ()) }
    });
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    in_time(held.unlock()).await.unwrap();
    free(&client, "{left}:k:l").await;
}

async fn commands_hold_their_locks(target: Target) {
    let store = open(&target, "held").await;
    let client = target.client().await;
    let handler = async |decision: Decision| {
        let mut held = keys(&client, "{held}:k:*").await;
        held.sort();
        assert_eq!(held, ["{held}:k:a", "{held}:k:b"]);
        assert!(decision.fence("a").unwrap() != decision.fence("b").unwrap() && decision.fence("c").is_none());
        Ok::<_, EventError>(vec![event("E", "x:1")])
    };
    let command = Command::new("Do").lock("b").lock("a");
    in_time(store.execute(command, ExecuteOptions::new(), handler)).await.unwrap();
    assert!(keys(&client, "{held}:k:*").await.is_empty(), "given back before it returns");
    // A handler that says no gives them back, too.
    let command = Command::new("Do").lock("b").lock("a");
    let executed = in_time(store.execute(command, ExecuteOptions::new(), async |_| Err("no"))).await;
    assert_eq!(executed, Err(ExecuteError::Handler("no")));
    assert!(keys(&client, "{held}:k:*").await.is_empty());
}

async fn a_command_waits_for_its_lock(target: Target) {
    let store = open(&target, "queue").await;
    let lock = in_time(store.lock("l", LockOptions::new())).await.unwrap();
    let command = || Command::new("Do").lock("l");
    let handler = async |_| Ok::<_, EventError>(vec![event("E", "x:1")]);
    let soon = ExecuteOptions::new().deadline(Duration::from_millis(50));
    let executed = in_time(store.execute(command(), soon, handler)).await;
    assert_eq!(executed, Err(ExecuteError::Store(EventError::LockTimeout { name: "l".into() })));
    let mut waiting = Box::pin(store.execute(command(), ExecuteOptions::new(), handler));
    assert!((&mut waiting).now_or_never().is_none());
    in_time(lock.unlock()).await.unwrap();
    assert_eq!(in_time(waiting).await.unwrap().last, 1);
}

async fn who_holds_a_lock_appends_under_it(target: Target) {
    let store = open(&target, "under").await;
    let client = target.client().await;
    let lock = in_time(store.lock("l", long())).await.unwrap();
    let named = || [event("E", "x:1").tag("lock:l").tag("lock:other")];
    let append = || store.append(named(), AppendOptions::new().holding(&lock));
    in_time(append()).await.unwrap();
    let handler = async |decision: Decision| {
        assert_eq!((decision.fence("l"), decision.fence("m").is_some()), (Some(lock.fence()), true));
        Ok::<_, EventError>(vec![event("E", "x:1").tag("lock:l").tag("lock:m")])
    };
    let execute = || {
        let command = Command::new("Do").lock("l").lock("m");
        store.execute(command, ExecuteOptions::new().holding(&lock), handler)
    };
    in_time(execute()).await.unwrap();
    assert_eq!(keys(&client, "{under}:k:*").await, ["{under}:k:l"], "its holder's alone");
    // Somebody else has it, or nobody.
    for taken in [true, false] {
        let set = if taken { vec!["SET", "{under}:k:l", "another"] } else { vec!["DEL", "{under}:k:l"] };
        in_time(client.command(set)).await.unwrap();
        let lost = EventError::LockLost { name: "l".into() };
        assert_eq!(in_time(append()).await, Err(lost.clone()));
        assert_eq!(in_time(execute()).await, Err(ExecuteError::Store(lost)));
    }
    assert_eq!(head(&store).await, 2);
}

async fn events_name_locks(target: Target) {
    let store = open(&target, "named").await;
    let client = target.client().await;
    let lock = in_time(store.lock("l:1", LockOptions::new())).await.unwrap();
    let named = || [event("E", "x:1").tag("lock:l:1").tag("lock:other")];
    let soon = AppendOptions::new().deadline(Duration::from_millis(50));
    let appended = in_time(store.append(named(), soon)).await;
    assert_eq!(appended, Err(EventError::LockTimeout { name: "l:1".into() }));
    let mut waiting = Box::pin(store.append(named(), AppendOptions::new()));
    assert!((&mut waiting).now_or_never().is_none());
    in_time(lock.unlock()).await.unwrap();
    assert_eq!(in_time(waiting).await.unwrap().last, 1);
    assert!(keys(&client, "{named}:k:*").await.is_empty(), "given back before it returns");
    let found: Vec<_> = in_time(store.read(Query::all()).all()).await.unwrap();
    assert_eq!(found[0].tags, ["x:1"], "no lock is stored");
    let asked = store.read(Query::tags(["lock:other"])).all();
    assert!(matches!(in_time(asked).await, Err(EventError::Invalid { field, .. }) if field == "queries[0].tags[0]"));
}

async fn a_handler_names_no_lock_but_its_commands(target: Target) {
    let store = open(&target, "own").await;
    let execute = async |name| {
        let handler = async |_| Ok::<_, EventError>(vec![event("E", "x:1").tag(name)]);
        store.execute(Command::new("Do").lock("l"), ExecuteOptions::new(), handler).await
    };
    assert_eq!(in_time(execute("lock:l")).await.unwrap().last, 1);
    let Err(ExecuteError::Store(EventError::Invalid { field, why })) = in_time(execute("lock:m")).await else {
        panic!("it is appended")
    };
    assert_eq!((field.as_str(), why.contains("lock:m")), ("events", true), "{why}");
    assert_eq!(head(&store).await, 1);
}

async fn a_dropped_append_gives_its_locks_back(target: Target) {
    let store = open(&target, "dropped").await;
    let client = target.client().await;
    let lock = in_time(store.lock("b", LockOptions::new())).await.unwrap();
    let mut waiting = Box::pin(store.append([event("E", "x:1").tag("lock:a").tag("lock:b")], AppendOptions::new()));
    // It has the first, and waits for the second.
    in_time(async {
        while keys(&client, "{dropped}:k:a").await.is_empty() {
            assert!((&mut waiting).now_or_never().is_none());
        }
    })
    .await;
    drop(waiting);
    free(&client, "{dropped}:k:a").await;
    in_time(lock.unlock()).await.unwrap();
    assert_eq!(head(&store).await, 0);
}

async fn a_lost_lock_forbids_the_append(target: Target) {
    let store = open(&target, "forbidden").await;
    let client = target.client().await;
    let handler = async |_| {
        in_time(client.command(["SET", "{forbidden}:k:l", "another holder"])).await.unwrap();
        Ok::<_, EventError>(vec![event("E", "x:1")])
    };
    let executed = in_time(store.execute(Command::new("Do").lock("l"), ExecuteOptions::new(), handler)).await;
    assert_eq!(executed, Err(ExecuteError::Store(EventError::LockLost { name: "l".into() })));
    assert_eq!(head(&store).await, 0);
    assert_eq!(keys(&client, "{forbidden}:k:l").await.len(), 1, "the other's lock is not given back");
}

async fn a_dropped_command_gives_its_locks_back(target: Target) {
    let store = open(&target, "gone").await;
    let client = target.client().await;
    let (entered, waiting) = tokio::sync::oneshot::channel();
    let executing = tokio::spawn({
        let store = store.clone();
        let mut entered = Some(entered);
        async move {
            let handler = |_| {
                entered.take().map(|entered| entered.send(()));
                std::future::pending::<Result<_, EventError>>()
            };
            store.execute(Command::new("Do").lock("l"), ExecuteOptions::new().lease(LONG), handler).await.map(|_| ())
        }
    });
    in_time(waiting).await.unwrap();
    assert_eq!(keys(&client, "{gone}:k:*").await.len(), 1);
    executing.abort();
    assert!(executing.await.unwrap_err().is_cancelled());
    free(&client, "{gone}:k:*").await;
    in_time(store.lock("l", LockOptions::new())).await.unwrap();
}

async fn a_lease_is_renewed_while_the_handler_runs(target: Target) {
    let store = open(&target, "renewed").await;
    let client = target.client().await;
    let options = ExecuteOptions::new().lease(SHORT);
    // Until the key has been given more time than it had, several times over.
    let handler = async |_| {
        let mut renewals = 0;
        let mut left = remaining(&client).await;
        while renewals < 4 {
            let now = remaining(&client).await;
            renewals += u32::from(now > left);
            left = now;
        }
        Ok::<_, EventError>(vec![event("E", "x:1")])
    };
    let appended = in_time(store.execute(Command::new("Do").lock("l"), options, handler)).await.unwrap();
    assert_eq!(appended.last, 1);
}

async fn remaining(client: &Client) -> i64 {
    redis::from_redis_value(in_time(client.command(["PTTL", "{renewed}:k:l"])).await.unwrap()).unwrap()
}
