//! Reads: which events, in which order, and projections.

use coracle::events::{AppendOptions, Cursor, EventError, Item, Options, Projection, Query, Recorded};
use futures_util::StreamExt;

use super::{append, event, is_conflict, open, open_with, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    queries_mean_what_they_say places_and_limits pages_join_without_seams a_read_ends_at_the_head_it_began_with
        projections_are_made_in_one_pass;
    real only: readers_are_streams
}

async fn queries_mean_what_they_say(target: Target) {
    let store = open(&target, "queries").await;
    append(
        &store,
        [
            event("A", "x:1"),
            event("B", "x:1"),
            event("A", "x:2").tag("y:1"),
            event("C", "y:1").tag("x:1"),
            event("B", "z:1"),
        ],
    )
    .await;
    let cases: [(Query, &[u64]); 9] = [
        (Query::all(), &[1, 2, 3, 4, 5]),
        (Query::types(["A"]), &[1, 3]),
        (Query::types(["B", "C"]), &[2, 4, 5]),
        (Query::tags(["x:1"]), &[1, 2, 4]),
        (Query::tags(["x:1", "y:1"]), &[4]),
        (Item::types(["A", "B"]).tag("x:1").into(), &[1, 2]),
        (Query::tags(["x:2"]).or(Item::types(["B"])), &[2, 3, 5]),
        (Query::tags(["x:1"]).or(Item::tags(["y:1"])), &[1, 2, 3, 4]),
        (Query::tags(["no:1"]).or(Item::types(["No"])), &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(positions(&read(&store, query.clone()).await), expected, "{query:?}");
        let mut backwards = positions(&in_time(store.read(query.clone()).backwards().all()).await.unwrap());
        backwards.reverse();
        assert_eq!(backwards, expected, "{query:?} backwards");
    }
}

async fn places_and_limits(target: Target) {
    let store = open(&target, "places").await;
    let mut cursors = vec![Cursor::START];
    for number in 0..6 {
        cursors.push(append(&store, [event("A", if number % 2 == 0 { "x:0" } else { "x:1" })]).await);
    }
    for (place, after) in cursors.iter().enumerate() {
        for limit in 0..8 {
            let reader = store.read(Query::all()).after(*after).limit(limit);
            let wanted = if limit == 0 { 6 } else { limit as usize };
            let expected: Vec<u64> = (place as u64 + 1..=6).take(wanted).collect();
            assert_eq!(positions(&in_time(reader.all()).await.unwrap()), expected, "after {place}, at most {limit}");
            let reader = store.read(Query::tags(["x:1"])).backwards().after(*after).limit(limit);
            let from = if place == 0 { 7 } else { place as u64 };
            let expected: Vec<u64> = (1..from).rev().filter(|position| position % 2 == 0).take(wanted).collect();
            assert_eq!(positions(&in_time(reader.all()).await.unwrap()), expected, "before {place}, at most {limit}");
        }
    }
    let rewritten = Cursor { position: 3, id: cursors[2].id };
    let read = in_time(store.read(Query::all()).after(rewritten).all()).await;
    assert_eq!(read, Err(EventError::Rewritten { position: 3 }));
    let ahead = Cursor { position: 7, ..rewritten };
    assert_eq!(in_time(store.read(Query::all()).after(ahead).all()).await, Err(EventError::Ahead { head: 6 }));
}

async fn pages_join_without_seams(target: Target) {
    let store = open_with(&target, "pages", Options::new().page_events(3)).await;
    let events = |from: u64| (from..from + 50).map(|number| event("A", &format!("x:{}", number % 3)).tag("all:1"));
    append(&store, events(0)).await;
    append(&store, events(50)).await;
    for query in [Query::all(), Query::types(["A"]), Query::tags(["all:1"])] {
        assert_eq!(positions(&read(&store, query).await), (1..=100).collect::<Vec<_>>());
    }
    let third: Vec<u64> = (1..=100).filter(|position| position % 3 == 1).collect();
    for query in [Query::tags(["x:0"]), Query::tags(["x:0", "all:1"])] {
        assert_eq!(positions(&read(&store, query.clone()).await), third);
        let mut backwards = positions(&in_time(store.read(query).backwards().all()).await.unwrap());
        backwards.reverse();
        assert_eq!(backwards, third);
    }
}

async fn a_read_ends_at_the_head_it_began_with(target: Target) {
    let store = open_with(&target, "heads", Options::new().page_events(2)).await;
    append(&store, (0..5).map(|_| event("A", "x:1"))).await;
    let mut reader = store.read(Query::tags(["x:1"]));
    let first = in_time(reader.next()).await.unwrap().unwrap();
    assert_eq!((first.position, reader.head(), reader.condition()), (1, None, None));
    append(&store, [event("A", "x:1")]).await;
    let mut rest = Vec::new();
    while let Some(event) = in_time(reader.next()).await {
        rest.push(event.unwrap().position);
    }
    assert_eq!(rest, [2, 3, 4, 5]);
    assert_eq!(reader.head().unwrap().position, 5);
    let condition = reader.condition().unwrap();
    assert!(is_conflict(&in_time(store.append([event("A", "x:1")], condition)).await), "as 6 came since");
}

async fn projections_are_made_in_one_pass(target: Target) {
    let store = open_with(&target, "projections", Options::new().page_events(4)).await;
    append(
        &store,
        (0..20).map(|number| event(if number % 2 == 0 { "Even" } else { "Odd" }, &format!("m:{}", number % 5))),
    )
    .await;
    let count = |query: Query| Projection::new(query, 0, |count: &mut u32, _: &Recorded| *count += 1);
    let sum = Projection::new(Query::tags(["m:3"]), 0, |sum: &mut u64, event: &Recorded| *sum += event.position);
    let projections =
        (count(Query::types(["Even"])), vec![count(Query::tags(["m:0"])), count(Query::types(["No"]))], sum);
    let projected = in_time(store.project(projections)).await.unwrap();
    assert_eq!(projected.states, (10, vec![4, 0], 4 + 9 + 14 + 19));
    assert_eq!(projected.head.position, 20);
    let free = in_time(store.append([event("Odd", "m:1")], AppendOptions::from(projected.condition.clone()))).await;
    assert_eq!(free.unwrap().last, 21, "nothing of what was read has changed");
    append(&store, [event("No", "m:1")]).await;
    assert!(is_conflict(&in_time(store.append([event("Odd", "m:1")], projected.condition)).await));
}

async fn readers_are_streams(target: Target) {
    let store = open(&target, "streams").await;
    append(&store, (0..5).map(|_| event("A", "x:1"))).await;
    let positions: Vec<u64> = in_time(store.read(Query::all()).map(|event| event.unwrap().position).collect()).await;
    assert_eq!(positions, [1, 2, 3, 4, 5]);
}
