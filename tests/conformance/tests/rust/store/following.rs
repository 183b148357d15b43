//! Subscriptions and checkpoints.

use coracle::events::{Cursor, EventError, Item, Options, Query, Subscription};
use futures_util::FutureExt;

use super::{append, event, open, open_with};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    catches_up_and_goes_on follows_from_a_cursor checkpoints_are_compared;
    real only: nothing_is_missed_among_many_writers goes_on_after_the_connection_broke a_next_that_is_dropped_loses_nothing
        another_log_is_noticed all_who_follow_wait_on_one_connection
        all_who_follow_go_on_after_connections_broke
}

async fn next(subscription: &mut Subscription) -> u64 {
    in_time(subscription.next()).await.expect("it goes on").unwrap().position
}

async fn catches_up_and_goes_on(target: Target) {
    let store = open_with(&target, "follow", Options::new().page_events(2)).await;
    append(&store, [event("A", "x:1"), event("B", "x:1"), event("A", "x:2"), event("A", "x:1")]).await;
    let mut subscription = store.subscribe(Item::types(["A"]).tag("x:1").into(), Cursor::START);
    assert_eq!((next(&mut subscription).await, next(&mut subscription).await), (1, 4));
    assert!(subscription.next().now_or_never().is_none());
    append(&store, [event("B", "x:1")]).await;
    let live = append(&store, [event("A", "x:1")]).await;
    assert_eq!(next(&mut subscription).await, 6);
    assert_eq!(subscription.cursor(), live);
}

async fn follows_from_a_cursor(target: Target) {
    let store = open(&target, "resume").await;
    append(&store, (0..5).map(|_| event("A", "x:1"))).await;
    let mut subscription = store.subscribe(Query::all(), Cursor::START);
    for position in 1..=3 {
        assert_eq!(next(&mut subscription).await, position);
        assert_eq!(subscription.cursor().position, position);
    }
    let cursor = subscription.cursor().to_string().parse().unwrap();
    drop(subscription);
    let mut again = store.subscribe(Query::all(), cursor);
    assert_eq!((next(&mut again).await, next(&mut again).await), (4, 5));
}

async fn another_log_is_noticed(target: Target) {
    let store = open(&target, "rewritten").await;
    append(&store, (0..3).map(|_| event("A", "x:1"))).await;
    let mut cursor = append(&store, [event("A", "x:1")]).await;
    cursor.position = 3;
    let mut rewritten = store.subscribe(Query::all(), cursor);
    assert_eq!(in_time(rewritten.next()).await, Some(Err(EventError::Rewritten { position: 3 })));
    assert!(in_time(rewritten.next()).await.is_none());
    cursor.position = 5;
    let mut ahead = store.subscribe(Query::all(), cursor);
    assert_eq!(in_time(ahead.next()).await, Some(Err(EventError::Ahead { head: 4 })));
}

async fn checkpoints_are_compared(target: Target) {
    let store = open(&target, "checkpoints").await;
    let first = append(&store, [event("A", "x:1")]).await;
    let second = append(&store, [event("A", "x:1")]).await;
    assert_eq!(in_time(store.checkpoint("mailer")).await, Ok(None));
    let moved = |actual| Err(EventError::CheckpointMoved { actual });
    assert_eq!(in_time(store.advance("mailer", Some(first), second)).await, moved(None));
    assert_eq!(in_time(store.advance("mailer", None, first)).await, Ok(()));
    assert_eq!(in_time(store.advance("mailer", None, second)).await, moved(Some(first)));
    assert_eq!(in_time(store.advance("mailer", Some(first), second)).await, Ok(()));
    assert_eq!(in_time(store.checkpoint("mailer")).await, Ok(Some(second)));
    assert_eq!(in_time(store.checkpoint("other")).await, Ok(None));
}

async fn nothing_is_missed_among_many_writers(target: Target) {
    let store = open_with(&target, "gapless", Options::new().page_events(7)).await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..40 {
                    let events = (0..=number % 3).map(|_| event("A", &format!("w:{writer}")));
                    append(&store, events).await;
                }
            })
        })
        .collect();
    let total = 8 * (0..40_u64).map(|number| number % 3 + 1).sum::<u64>();
    let mut all = store.subscribe(Query::all(), Cursor::START);
    let mut one = store.subscribe(Query::tags(["w:3"]), Cursor::START);
    for position in 1..=total {
        assert_eq!(next(&mut all).await, position);
    }
    let mut last = 0;
    for _ in 0..total / 8 {
        let position = next(&mut one).await;
        assert!(position > last);
        last = position;
    }
    assert!(one.next().now_or_never().is_none());
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn goes_on_after_the_connection_broke(target: Target) {
    let store = open(&target, "broken").await;
    let admin = target.client().await;
    append(&store, [event("A", "x:1")]).await;
    let mut subscription = store.subscribe(Query::all(), Cursor::START);
    assert_eq!(next(&mut subscription).await, 1);
    for position in 2..5 {
        assert!(subscription.next().now_or_never().is_none());
        in_time(admin.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])).await.unwrap();
        append_anyway(&store).await;
        assert_eq!(next(&mut subscription).await, position);
    }
}

/// The connections of the server, and how many of them are blocked.
async fn connections(admin: &coracle::Client) -> (usize, usize) {
    let list: String = redis::from_redis_value(admin.command(["CLIENT", "LIST"]).await.unwrap()).unwrap();
    (list.lines().count(), list.lines().filter(|line| line.contains(" flags=b ")).count())
}

async fn all_who_follow_wait_on_one_connection(target: Target) {
    let store = open(&target, "shared").await;
    let admin = target.client().await;
    let followers: Vec<_> = (0..40)
        .map(|number| {
            let query = if number % 2 == 0 { Query::all() } else { Query::tags([format!("x:{number}")]) };
            let mut subscription = store.subscribe(query, Cursor::START);
            let last = if number % 2 == 0 { 3 } else { 4 };
            tokio::spawn(async move { while next(&mut subscription).await < last {} })
        })
        .collect();
    for _ in 0..3 {
        in_time(async {
            loop {
                let (all, waiting) = connections(&admin).await;
                // The administrator's, the one that all commands go by, and that which waits.
                assert!(all <= 3 && waiting <= 1, "{waiting} of {all}");
                if waiting == 1 {
                    break;
                }
            }
        })
        .await;
        append(&store, [event("A", "y:1")]).await;
    }
    let mut last = event("A", "y:1");
    for number in (1..40).step_by(2) {
        last = last.tag(format!("x:{number}"));
    }
    append(&store, [last]).await;
    for follower in followers {
        in_time(follower).await.unwrap();
    }
    // Nobody waits any more.
    in_time(async { while connections(&admin).await.1 > 0 {} }).await;
}

async fn all_who_follow_go_on_after_connections_broke(target: Target) {
    const EVENTS: u64 = 60;
    let store = open(&target, "cut").await;
    let admin = target.client().await;
    let followers: Vec<_> = (0..20)
        .map(|_| {
            let mut subscription = store.subscribe(Query::all(), Cursor::START);
            tokio::spawn(async move {
                for position in 1..=EVENTS {
                    assert_eq!(next(&mut subscription).await, position);
                }
            })
        })
        .collect();
    for number in 0..EVENTS {
        append_anyway(&store).await;
        if number % 3 == 0 {
            in_time(admin.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])).await.unwrap();
        }
    }
    for follower in followers {
        // Sooner than a wait for the bell ends by itself.
        in_time(follower).await.unwrap();
    }
}

/// Once, although its connection may be a broken one.
async fn append_anyway(store: &coracle::events::EventStore) {
    let options = coracle::events::AppendOptions::new().once(coracle::events::Id::new());
    while in_time(store.append([event("A", "x:1")], options.clone())).await.is_err() {}
}

async fn a_next_that_is_dropped_loses_nothing(target: Target) {
    let store = open(&target, "dropped").await;
    let mut subscription = store.subscribe(Query::all(), Cursor::START);
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..200 {
                append(&store, [event("A", "x:1")]).await;
            }
        }
    });
    for position in 1..=200 {
        // Dropped at every place where it may wait.
        let found = in_time(async {
            loop {
                if let Some(found) = subscription.next().now_or_never() {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(found.await.unwrap().unwrap().position, position);
    }
    writer.await.unwrap();
}
