//! Appends: what they write, on which conditions, and once.

use std::time::Duration;

use coracle::events::{
    AppendOptions, Command, Condition, Cursor, Durability, Event, EventError, Id, Item, Options, Query, Since,
};
use redis::Value;

use super::{append, event, head, is_conflict, open, open_with, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time, pattern};

on_servers! {
    what_is_appended_is_read conditions_look_at_what_they_name a_condition_stands_on_its_cursor an_id_appends_once
        what_cannot_be_is_named_and_not_sent large_bodies_come_back_as_they_were;
    real only: a_batch_is_bounded too_few_acknowledgements_are_told a_replica_acknowledges
        an_append_only_file_acknowledges
}

async fn what_is_appended_is_read(target: Target) {
    let store = open(&target, "appended").await;
    let one = Event::new("One").tag("b:2").tag("a:1").data("{\"n\":1}").metadata("m");
    let two = Event::new("Two").data(vec![0, 255, 10, 13]);
    let ids = [Id::new(), Id::new()];
    let appended = in_time(store.append([one.id(ids[0]), two.id(ids[1])], AppendOptions::new())).await.unwrap();
    assert_eq!((appended.first, appended.last, appended.command, appended.repeated), (1, 2, 0, false));
    assert_eq!(appended.cursor, Cursor { position: 2, id: ids[1] });
    let events = read(&store, Query::all()).await;
    assert_eq!(positions(&events), [1, 2]);
    let [one, two] = events.try_into().unwrap();
    assert_eq!((one.type_.as_str(), one.tags.as_slice()), ("One", &["a:1".to_owned(), "b:2".to_owned()][..]));
    assert_eq!((&*one.data, &*one.metadata, one.id), (&b"{\"n\":1}"[..], &b"m"[..], ids[0]));
    assert_eq!((&*two.data, &*two.metadata, two.tags.len()), (&[0, 255, 10, 13][..], &b""[..], 0));
    let age = one.time.elapsed().unwrap_or_default();
    assert!(age.as_secs() < 3600 && two.time >= one.time, "{age:?}");
    assert_eq!(append(&store, [event("Three", "a:1")]).await.position, 3);
}

async fn conditions_look_at_what_they_name(target: Target) {
    let store = open(&target, "conditions").await;
    let last = append(&store, [event("A", "x:1").tag("y:1"), event("B", "x:2"), event("A", "y:2")]).await;
    let start = Cursor::START;
    let cases: [(Query, Cursor, bool); 14] = [
        (Query::all(), start, true),
        (Query::all(), last, false),
        (Query::types(["A"]), start, true),
        (Query::types(["C"]), start, false),
        (Query::types(["C", "B"]), start, true),
        (Query::tags(["x:1"]), start, true),
        (Query::tags(["x:3"]), start, false),
        (Query::tags(["x:1", "y:1"]), start, true),
        (Query::tags(["x:1", "y:2"]), start, false),
        (Item::types(["B"]).tag("x:1").into(), start, false),
        (Item::types(["A", "B"]).tag("x:1").tag("y:1").into(), start, true),
        (Query::tags(["x:3"]).or(Item::types(["B"])), start, true),
        (Query::tags(["x:3"]).or(Item::types(["C"])), start, false),
        (Query::tags(["x:1"]), last, false),
    ];
    for (query, after, conflicts) in cases {
        let appended = in_time(store.append([event("Z", "z:1")], Condition::new(query.clone(), after))).await;
        if conflicts {
            let Err(EventError::Conflict { head, position }) = appended else { panic!("{query:?}: {appended:?}") };
            assert!(position <= head && position >= 1, "{query:?}");
        } else {
            appended.unwrap_or_else(|error| panic!("{query:?}: {error}"));
        }
    }
}

async fn a_condition_stands_on_its_cursor(target: Target) {
    let store = open(&target, "cursors").await;
    let first = append(&store, [event("A", "x:1")]).await;
    let second = append(&store, [event("A", "x:1")]).await;
    let with = |after| store.append([event("A", "x:1")], Condition::new(Query::tags(["x:1"]), after));
    assert!(is_conflict(&in_time(with(first)).await));
    let ahead = Cursor { position: 9, id: first.id };
    assert_eq!(in_time(with(ahead)).await, Err(EventError::Ahead { head: 2 }));
    let other = Cursor { position: 2, id: first.id };
    assert_eq!(in_time(with(other)).await, Err(EventError::Rewritten { position: 2 }));
    assert_eq!(in_time(with(second)).await.unwrap().last, 3);
    assert_eq!(head(&store).await, 3, "what failed left nothing");
}

async fn an_id_appends_once(target: Target) {
    let store = open(&target, "once").await;
    let id = Id::new();
    let events = || [event("A", "x:1").data("1"), event("A", "x:1").data("2")];
    // A condition that its own events break.
    let options = || AppendOptions::from(Condition::none(Query::tags(["x:1"]))).once(id);
    let first = in_time(store.append(events(), options())).await.unwrap();
    assert_eq!((first.first, first.last, first.repeated), (1, 2, false));
    match in_time(store.append(events(), options())).await {
        Ok(again) => assert_eq!((again.first, again.last, again.repeated), (1, 2, true)),
        Err(error) => assert_eq!(error, EventError::Duplicate { first: 1, last: 2 }),
    }
    let other = in_time(store.append([event("A", "x:1")], options())).await;
    assert_eq!(other, Err(EventError::IdReused { id }));
    assert_eq!(head(&store).await, 2);
    let command = Command::new("Do").id(Id::new()).data("d").metadata("m");
    let appended = in_time(store.append([event("B", "x:2")], AppendOptions::new().command(command.clone()))).await;
    let appended = appended.unwrap();
    assert_eq!((appended.first, appended.command), (3, 1));
    let records = in_time(store.commands(Since::Position(3)).all()).await.unwrap();
    assert_eq!((records.len(), records[0].first, records[0].last, records[0].type_.as_str()), (1, 3, 3, "Do"));
    assert_eq!((&*records[0].data, &*records[0].metadata), (&b"d"[..], &b"m"[..]));
    assert_eq!(read(&store, Query::tags(["x:2"])).await[0].command, 1);
}

async fn what_cannot_be_is_named_and_not_sent(target: Target) {
    let store = open(&target, "invalid").await;
    let good = || event("A", "x:1");
    for (events, field) in [
        (vec![], "events"),
        (vec![good(), Event::new("")], "events[1].type"),
        (vec![Event::new("x".repeat(65))], "events[0].type"),
        (vec![good().tag("x:1")], "events[0].tags"),
        (vec![good().tag("no colon")], "events[0].tags"),
        (vec![good().tag("y:".to_owned() + &"1".repeat(254))], "events[0].tags"),
        (vec![Event::new("A").tags((0..33).map(|number| format!("x:{number}")))], "events[0].tags"),
    ] {
        match in_time(store.append(events, AppendOptions::new())).await {
            Err(EventError::Invalid { field: named, why }) => {
                assert!(named.starts_with(field) && !why.is_empty(), "{field}: {named}: {why}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let none: Query = [].into_iter().collect();
    let appended = in_time(store.append([good()], Condition::none(none.clone()))).await;
    assert!(matches!(appended, Err(EventError::Invalid { .. })), "{appended:?}");
    let read = in_time(store.read(none).all()).await;
    assert!(matches!(read, Err(EventError::Invalid { .. })), "{read:?}");
    assert_eq!(head(&store).await, 0);
}

async fn large_bodies_come_back_as_they_were(target: Target) {
    let store = open(&target, "large").await;
    for (number, size) in [4095, 4096, 4097, 70_000, 1 << 20].into_iter().enumerate() {
        let (data, metadata) = (pattern(size, 1), pattern(size / 2, 2));
        append(&store, [event("A", "x:1").data(data.clone()).metadata(metadata.clone())]).await;
        let newest = in_time(store.read(Query::all()).backwards().limit(1).all()).await.unwrap();
        assert_eq!(newest[0].position, number as u64 + 1);
        assert!(newest[0].data == data && newest[0].metadata == metadata, "{size}");
    }
}

async fn a_batch_is_bounded(target: Target) {
    let store = open_with(&target, "bounded", Options::new().max_batch_events(10).max_batch_bytes(100)).await;
    let many = |count: usize| (0..count).map(|_| event("A", "x:1").data("0123456789"));
    append(&store, many(10)).await;
    for events in [many(11).collect::<Vec<_>>(), vec![event("A", "x:1").data(vec![0; 101])]] {
        let appended = in_time(store.append(events, AppendOptions::new())).await;
        assert!(matches!(appended, Err(EventError::Invalid { .. })), "{appended:?}");
    }
    let store = open(&target, "thousand").await;
    assert_eq!(append(&store, many(1000)).await.position, 1000);
    assert_eq!(read(&store, Query::tags(["x:1"])).await.len(), 1000);
}

async fn too_few_acknowledgements_are_told(target: Target) {
    let store = open(&target, "alone").await;
    let wanted = AppendOptions::new().durability(Durability::Replicas { count: 1, within: Duration::from_millis(20) });
    match in_time(store.append([event("A", "x:1")], wanted.clone().once(Id::new()))).await {
        Err(error @ EventError::TooFewAcknowledgements { replicas: 0, .. }) => assert!(error.maybe_executed()),
        other => panic!("{other:?}"),
    }
    assert_eq!(head(&store).await, 1, "it is written all the same");
    // The server has no such file, or does not know the command.
    let wanted = Durability::Fsynced { local: true, replicas: 0, within: Duration::from_millis(20) };
    let appended = in_time(store.append([event("A", "x:1")], AppendOptions::new().durability(wanted))).await;
    assert!(matches!(&appended, Err(EventError::Invalid { field, .. }) if field == "durability"), "{appended:?}");
    assert_eq!(head(&store).await, 1, "nothing is written");
}

async fn a_replica_acknowledges(target: Target) {
    let port = target.server().port().to_string();
    let replica = target.restarted(&["--replicaof", "127.0.0.1", &port]);
    let wanted = |within| Durability::Replicas { count: 1, within };
    let soon = wanted(Duration::from_millis(100));
    let store = open_with(&target, "replicated", Options::new().durability(soon)).await;
    // Until it has connected.
    let mut last = 0;
    in_time(async {
        while store.append([event("A", "x:1")], AppendOptions::new()).await.is_err() {
            last += 1;
        }
    })
    .await;
    let options = AppendOptions::new().durability(wanted(Duration::from_secs(30)));
    assert_eq!(in_time(store.append([event("A", "x:1")], options)).await.unwrap().last, last + 2);
    drop(replica);
}

async fn an_append_only_file_acknowledges(target: Target) {
    let target = target.restarted(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let wanted = Durability::Fsynced { local: true, replicas: 0, within: Duration::from_secs(10) };
    let store = open_with(&target, "fsynced", Options::new().durability(wanted)).await;
    let appended = in_time(store.append([event("A", "x:1")], AppendOptions::new())).await;
    // Redis knows WAITAOF from 7.2 on. Before, nothing is written.
    let known = in_time(target.client().await.command(["COMMAND", "INFO", "WAITAOF"])).await.unwrap();
    if known != Value::Array(vec![Value::Nil]) {
        assert_eq!(appended.unwrap().last, 1);
    } else {
        assert!(matches!(&appended, Err(EventError::Invalid { field, .. }) if field == "durability"), "{appended:?}");
        assert_eq!(head(&store).await, 0);
    }
}
