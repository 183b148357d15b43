//! Many at once: one of those who depend on the same, and all of those who don't.

use std::collections::HashSet;

use coracle::events::{
    AppendOptions, Command, Condition, Cursor, Decision, EventError, EventStore, ExecuteOptions, Id, Item, Query,
};
use tokio::task::JoinSet;

use super::{append, event, head, is_conflict, open, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: of_64_writers_one_succeeds_a_decision writers_of_different_things_all_succeed positions_have_no_gaps
        a_lost_connection_appends_once the_script_is_loaded_again_when_the_server_forgot_it
}

const WRITERS: usize = 64;

/// Round after round, all with the same boundary and the same cursor.
async fn of_64_writers_one_succeeds_a_decision(target: Target) {
    let store = open(&target, "race").await;
    let mut after = Cursor::START;
    for round in 1..=20 {
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            let query = if writer % 2 == 0 { Query::tags(["x:1"]) } else { Query::tags(["x:1", "y:1"]) };
            tasks.spawn(async move {
                let events = [event("E", "x:1").tag("y:1").data(writer.to_string())];
                store.append(events, Condition::new(query, after)).await
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) = in_time(tasks.join_all()).await.into_iter().partition(Result::is_ok);
        let [Ok(won)] = won.as_slice() else { panic!("{} have won", won.len()) };
        assert!(lost.iter().all(is_conflict), "{lost:?}");
        assert_eq!(won.last, round);
        after = won.cursor;
    }
    assert_eq!(read(&store, Query::tags(["x:1"])).await.len(), 20);
}

async fn writers_of_different_things_all_succeed(target: Target) {
    let store = open(&target, "apart").await;
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        tasks.spawn(async move {
            let tag = format!("w:{writer}");
            let mut after = Cursor::START;
            for _ in 0..5 {
                let condition = Condition::new(Item::types(["E"]).tag(&tag).into(), after);
                after = store.append([event("E", &tag)], condition).await.unwrap().cursor;
            }
        });
    }
    in_time(tasks.join_all()).await;
    assert_eq!(head(&store).await, 5 * WRITERS as u64);
}

/// What each writer is told of its events, and what is read, is the same; and no reader sees the log go back.
async fn positions_have_no_gaps(target: Target) {
    let store = open(&target, "gaps").await;
    let mut tasks = JoinSet::new();
    for writer in 0..16_u64 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut told = Vec::new();
            for number in 0..30 {
                let ids: Vec<Id> = (0..=(writer + number) % 4).map(|_| Id::new()).collect();
                let events = ids.iter().map(|id| event("E", "x:1").id(*id));
                let appended = store.append(events, AppendOptions::new()).await.unwrap();
                told.extend((appended.first..=appended.last).zip(ids));
            }
            told
        });
    }
    let reader = tokio::spawn({
        let store = store.clone();
        async move {
            let mut known = 0;
            for _ in 0..50 {
                let seen = positions(&read(&store, Query::tags(["x:1"])).await);
                assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
                assert!(seen.len() >= known);
                known = seen.len();
            }
        }
    });
    let mut told: Vec<(u64, Id)> = in_time(tasks.join_all()).await.into_iter().flatten().collect();
    reader.await.unwrap();
    told.sort_unstable();
    let log = read(&store, Query::all()).await;
    assert_eq!(log.iter().map(|event| (event.position, event.id)).collect::<Vec<_>>(), told);
    assert_eq!(positions(&log), (1..=told.len() as u64).collect::<Vec<_>>());
    assert!(log.is_sorted_by_key(|event| event.time));
    assert_eq!(log.iter().map(|event| event.id).collect::<HashSet<_>>().len(), log.len());
}

/// Connections are cut while commands are executed: each is executed once, and none is lost that was said to be.
async fn a_lost_connection_appends_once(target: Target) {
    let store = open(&target, "cut").await;
    let admin = target.client().await;
    let mut tasks = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while done < 25 {
                let command = Command::new("Count").data(writer.to_string());
                match execute(&store, command.clone()).await {
                    Ok(_) => done += 1,
                    Err(error) => {
                        assert!(!error.maybe_executed(), "it is resolved: {error}");
                    }
                }
            }
        });
    }
    let mut cuts = 0;
    while !tasks.is_empty() {
        if cuts < 20 {
            in_time(admin.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])).await.unwrap();
            cuts += 1;
        }
        tokio::select! {
            done = in_time(tasks.join_next()) => done.unwrap().unwrap(),
            () = tokio::task::yield_now() => {}
        }
    }
    let counts: Vec<u32> =
        read(&store, Query::types(["Counted"])).await.iter().map(|event| number(&event.data)).collect();
    assert_eq!(counts, (1..=200).collect::<Vec<_>>());
}

async fn execute(store: &EventStore, command: Command) -> Result<(), EventError> {
    let handler = async |decision: Decision| {
        let newest = decision.read(Query::types(["Counted"])).backwards().limit(1).all().await?;
        let next = newest.first().map_or(0, |event| number(&event.data)) + 1;
        Ok::<_, EventError>(vec![event("Counted", "x:1").data(next.to_string())])
    };
    match in_time(store.execute(command, ExecuteOptions::new().attempts(1000), handler)).await {
        Ok(_) => Ok(()),
        Err(coracle::events::ExecuteError::Handler(error) | coracle::events::ExecuteError::Store(error)) => Err(error),
    }
}

fn number(data: &[u8]) -> u32 {
    std::str::from_utf8(data).unwrap().parse().unwrap()
}

async fn the_script_is_loaded_again_when_the_server_forgot_it(target: Target) {
    let store = open(&target, "forgot").await;
    let admin = target.client().await;
    for position in 1..=5 {
        assert_eq!(append(&store, [event("E", "x:1")]).await.position, position);
        assert_eq!(read(&store, Query::all()).await.len() as u64, position);
        in_time(admin.command(["SCRIPT", "FLUSH"])).await.unwrap();
    }
}
