//! Commands: decided by what is read, recorded with their events, once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use coracle::events::{
    AppendOptions, Command, Decision, Event, EventError, ExecuteError, ExecuteOptions, Id, Query, Since,
};

use super::{append, event, head, open, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    a_command_is_recorded_with_its_events a_conflict_runs_the_handler_again what_a_handler_says_comes_back
        a_decision_sees_one_log a_decision_that_is_over_reads_nothing what_did_not_read_conflicts_with_nothing
        records_are_found_by_number_time_and_position;
    real only:
}

async fn a_command_is_recorded_with_its_events(target: Target) {
    let store = open(&target, "recorded").await;
    let id = Id::new();
    let command = Command::new("Do").id(id).data(vec![0, 255]).metadata("why");
    let handler = async |decision: Decision| {
        assert_eq!(decision.attempt(), 1);
        assert!(decision.read(Query::all()).all().await?.is_empty());
        Ok::<_, EventError>(vec![event("Done", "x:1"), event("Done", "x:2").data("two")])
    };
    let appended = in_time(store.execute(command, ExecuteOptions::new(), handler)).await.unwrap();
    assert_eq!((appended.first, appended.last, appended.command, appended.attempts), (1, 2, 1, 1));
    let records = in_time(store.commands(Since::Number(1)).all()).await.unwrap();
    let [record] = records.as_slice() else { panic!("one record: {records:?}") };
    assert_eq!((record.number, record.id, record.type_.as_str(), record.first, record.last), (1, id, "Do", 1, 2));
    assert_eq!((&*record.data, &*record.metadata), (&[0, 255][..], &b"why"[..]));
    let events = read(&store, Query::all()).await;
    assert!(events.iter().all(|event| event.command == 1 && event.time == record.time));
    assert_eq!(&*events[1].data, b"two");
    // A command may have no events, and has a record all the same.
    let nothing = async |_| Ok::<_, EventError>(vec![]);
    let appended = in_time(store.execute(Command::new("Nothing"), ExecuteOptions::new(), nothing)).await.unwrap();
    assert_eq!((appended.first, appended.last, appended.command, appended.cursor.position), (0, 0, 2, 2));
    let records = in_time(store.commands(Since::Number(2)).all()).await.unwrap();
    assert_eq!((records[0].type_.as_str(), records[0].first, records[0].last), ("Nothing", 0, 0));
}

async fn a_conflict_runs_the_handler_again(target: Target) {
    let store = open(&target, "again").await;
    let options = || ExecuteOptions::new().attempts(3).backoff(Duration::from_millis(1), Duration::from_millis(2));
    // Somebody else is quicker, twice.
    let runs = AtomicU32::new(0);
    let handler = async |decision: Decision| {
        let seen = decision.read(Query::tags(["x:1"])).all().await?.len();
        if runs.fetch_add(1, Ordering::Relaxed) < 2 {
            append(&store, [event("Other", "x:1")]).await;
        }
        Ok::<_, EventError>(vec![event("Mine", "x:1").data(seen.to_string())])
    };
    let appended = in_time(store.execute(Command::new("Do"), options(), handler)).await.unwrap();
    assert_eq!((appended.attempts, appended.first), (3, 3));
    assert_eq!(&*read(&store, Query::types(["Mine"])).await[0].data, b"2", "decided by what is there");
    // And always.
    let handler = async |decision: Decision| {
        decision.read(Query::tags(["x:1"])).all().await?;
        append(&store, [event("Other", "x:1")]).await;
        Ok::<_, EventError>(vec![event("Mine", "x:1")])
    };
    let executed = in_time(store.execute(Command::new("Do"), options(), handler)).await;
    assert_eq!(executed, Err(ExecuteError::Store(EventError::Conflict { head: 6, position: 6 })));
    assert_eq!(head(&store).await, 6);
    assert_eq!(in_time(store.commands(Since::Number(1)).all()).await.unwrap().len(), 1);
}

async fn what_a_handler_says_comes_back(target: Target) {
    let store = open(&target, "refused").await;
    let executed = in_time(store.execute(Command::new("Do"), ExecuteOptions::new(), async |_| Err(7))).await;
    assert_eq!(executed, Err(ExecuteError::Handler(7)));
    let bad = async |_| Ok::<_, EventError>(vec![event("E", "no colon")]);
    let executed = in_time(store.execute(Command::new("Do"), ExecuteOptions::new(), bad)).await;
    assert!(matches!(executed, Err(ExecuteError::Store(EventError::Invalid { .. }))), "{executed:?}");
    let executed =
        in_time(store.execute(Command::new(""), ExecuteOptions::new(), async |_| Err::<Vec<Event>, _>(()))).await;
    assert!(matches!(executed, Err(ExecuteError::Store(EventError::Invalid { .. }))), "{executed:?}");
    let stats = in_time(store.stats()).await.unwrap();
    assert_eq!((stats.head, stats.commands), (0, 0), "nothing was written");
}

async fn a_decision_sees_one_log(target: Target) {
    let store = open(&target, "snapshot").await;
    append(&store, [event("E", "x:1"), event("E", "y:1")]).await;
    let handler = async |decision: Decision| {
        let before = positions(&decision.read(Query::tags(["x:1"])).all().await?);
        // Of something else: it is no conflict with what was read before, but would be one with what is read now.
        if decision.attempt() == 1 {
            append(&store, [event("E", "y:1")]).await;
        }
        let after = positions(&decision.read(Query::tags(["y:1"])).all().await?);
        match decision.attempt() {
            1 => assert_eq!((before, after), (vec![1], vec![2]), "as the log was at the first read"),
            _ => assert_eq!((before, after), (vec![1], vec![2, 3])),
        }
        Ok::<_, EventError>(vec![event("F", "x:1")])
    };
    let appended = in_time(store.execute(Command::new("Do"), ExecuteOptions::new(), handler)).await.unwrap();
    assert_eq!((appended.attempts, appended.first), (2, 4));
}

async fn a_decision_that_is_over_reads_nothing(target: Target) {
    let store = open(&target, "over").await;
    let mut kept = None;
    let handler = |decision: Decision| {
        kept = Some(decision);
        async { Ok::<_, EventError>(vec![event("E", "x:1")]) }
    };
    in_time(store.execute(Command::new("Do"), ExecuteOptions::new(), handler)).await.unwrap();
    let read = in_time(kept.unwrap().read(Query::all()).all()).await;
    assert!(matches!(read, Err(EventError::Misuse(_))), "{read:?}");
}

async fn what_did_not_read_conflicts_with_nothing(target: Target) {
    let store = open(&target, "blind").await;
    let handler = async |_| {
        append(&store, [event("E", "x:1")]).await;
        Ok::<_, EventError>(vec![event("E", "x:1")])
    };
    let appended = in_time(store.execute(Command::new("Do"), ExecuteOptions::new(), handler)).await.unwrap();
    assert_eq!((appended.first, appended.attempts), (2, 1));
}

async fn records_are_found_by_number_time_and_position(target: Target) {
    let store = open(&target, "records").await;
    let before = SystemTime::now() - Duration::from_secs(3600);
    for number in 1..=300_u32 {
        let events = (0..number % 3).map(|_| event("E", "x:1"));
        let command = Command::new("Do").data(number.to_string());
        let events: Vec<_> = events.collect();
        if events.is_empty() {
            let nothing = async |_| Ok::<_, EventError>(vec![]);
            in_time(store.execute(command, ExecuteOptions::new(), nothing)).await.unwrap();
        } else {
            in_time(store.append(events, AppendOptions::new().command(command))).await.unwrap();
        }
    }
    let all = in_time(store.commands(Since::Number(1)).all()).await.unwrap();
    assert_eq!(all.iter().map(|record| record.number).collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>());
    assert!(all.is_sorted_by_key(|record| record.time));
    let some = in_time(store.commands(Since::Number(100)).limit(5).all()).await.unwrap();
    assert_eq!(some, all[99..104]);
    for record in all.iter().step_by(37).filter(|record| record.first > 0) {
        for position in record.first..=record.last {
            let found = in_time(store.commands(Since::Position(position)).limit(1).all()).await.unwrap();
            assert_eq!(found, std::slice::from_ref(record), "{position}");
        }
    }
    assert_eq!(in_time(store.commands(Since::Time(before)).all()).await.unwrap(), all);
    for record in all.iter().step_by(50) {
        let found = in_time(store.commands(Since::Time(record.time)).limit(1).all()).await.unwrap();
        let first = all.iter().find(|other| other.time >= record.time).unwrap();
        assert_eq!(found, std::slice::from_ref(first));
    }
    let later = SystemTime::now() + Duration::from_secs(3600);
    assert!(in_time(store.commands(Since::Time(later)).all()).await.unwrap().is_empty());
    assert!(in_time(store.commands(Since::Number(301)).all()).await.unwrap().is_empty());
}
