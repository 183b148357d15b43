//! What keeps a store well: numbers, warnings, checks, mending, export and import.

use conformance::Signal;
use coracle::events::{Cursor, Event, EventError, Options, Query};
use futures_util::FutureExt;
use tokio::io::BufReader;

use super::{append, event, head, open, open_with, positions, read};
use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    numbers_are_told what_is_exported_can_be_imported an_import_goes_on_where_it_was lines_that_cannot_be_are_named;
    real only: settings_are_warned_of what_is_whole_is_found_so what_is_broken_is_found_and_mended
        an_operation_that_is_late_says_so operations_under_way_are_bounded
}

async fn numbers_are_told(target: Target) {
    let store = open(&target, "numbers").await;
    let none = in_time(store.stats()).await.unwrap();
    assert_eq!((none.head, none.commands, none.types), (0, 0, 0));
    append(&store, [event("A", "x:1"), event("B", "x:1"), event("A", "x:1")]).await;
    let some = in_time(store.stats()).await.unwrap();
    assert_eq!((some.head, some.types, some.segments), (3, 2, 1));
    assert!(some.segment_bytes > 0);
}

async fn settings_are_warned_of(target: Target) {
    let about = async |target: &Target| {
        let store = open(target, "warned").await;
        let warnings = in_time(store.inspect()).await.unwrap();
        assert!(warnings.iter().all(|warning| !warning.text.is_empty()));
        warnings.into_iter().map(|warning| warning.about).collect::<Vec<_>>()
    };
    let usual = about(&target).await;
    assert!(usual.contains(&"appendonly".to_owned()), "{usual:?}");
    assert!(!usual.contains(&"maxmemory-policy".to_owned()) && !usual.contains(&"config".to_owned()), "{usual:?}");
    let evicting = target.restarted(&["--maxmemory-policy", "allkeys-lru"]);
    assert!(about(&evicting).await.contains(&"maxmemory-policy".to_owned()));
    let lazy = target.restarted(&["--appendonly", "yes", "--appendfsync", "no"]);
    assert!(about(&lazy).await.contains(&"appendfsync".to_owned()));
    let safe = target.restarted(&["--appendonly", "yes", "--appendfsync", "always"]);
    let safe = about(&safe).await;
    assert!(!safe.iter().any(|about| about.starts_with("append")), "{safe:?}");
}

async fn what_is_whole_is_found_so(target: Target) {
    let store = open(&target, "whole").await;
    append(&store, (0..700).map(|number| event("A", &format!("x:{}", number % 7)).tag("all:1"))).await;
    let mut told = Vec::new();
    let verified = in_time(store.verify(|done, total| told.push((done, total)))).await.unwrap();
    assert_eq!((verified.events, verified.faults, verified.texts.len()), (700, 0, 0), "{verified:?}");
    assert!(told.is_sorted() && told.iter().all(|(done, total)| done <= total && *total == 700), "{told:?}");
}

async fn what_is_broken_is_found_and_mended(target: Target) {
    let store = open(&target, "broken").await;
    let admin = target.client().await;
    append(&store, (0..20).map(|number| event("A", &format!("x:{}", number % 2)))).await;
    in_time(admin.command(["DEL", "{broken}:g:x:1"])).await.unwrap();
    let verified = in_time(store.verify(|_, _| {})).await.unwrap();
    assert!(verified.faults > 0 && !verified.texts.is_empty(), "{verified:?}");
    let rebuilt = in_time(store.rebuild(|_, _| {})).await.unwrap();
    assert_eq!(rebuilt.events, 20);
    assert_eq!(in_time(store.verify(|_, _| {})).await.unwrap().faults, 0);
    assert_eq!(read(&store, Query::tags(["x:1"])).await.len(), 10);
    assert_eq!(append(&store, [event("A", "x:1")]).await.position, 21);
}

async fn what_is_exported_can_be_imported(target: Target) {
    let (from, to) = (open(&target, "from").await, open_with(&target, "to", Options::new().max_batch_events(7)).await);
    append(
        &from,
        (0..20).map(|number: u32| match number % 3 {
            0 => event("Text", "x:1").data(format!("{{\"n\":{number}}}\n\"é\"")).metadata("m"),
            1 => event("Bytes", "x:2").data(vec![0xff, 0, 10]).metadata(vec![0x80]),
            _ => Event::new("Empty"),
        }),
    )
    .await;
    let (mut lines, mut told) = (Vec::new(), Vec::new());
    assert_eq!(in_time(from.export(Query::all(), &mut lines, |done| told.push(done))).await, Ok(20));
    assert_eq!(told.last(), Some(&20));
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 20);
    told.clear();
    let imported = in_time(to.import(BufReader::new(lines.as_slice()), |done| told.push(done))).await.unwrap();
    assert_eq!((imported.events, imported.repeated), (20, 0));
    assert_eq!(told, [7, 14, 20]);
    let (old, new) = (read(&from, Query::all()).await, read(&to, Query::all()).await);
    for (old, new) in old.iter().zip(&new) {
        assert_eq!((old.position, old.id, &old.type_, &old.tags), (new.position, new.id, &new.type_, &new.tags));
        assert_eq!((&old.data, &old.metadata), (&new.data, &new.metadata));
    }
    assert_eq!(positions(&new).len(), 20);
}

async fn an_import_goes_on_where_it_was(target: Target) {
    let store = open_with(&target, "goes-on", Options::new().max_batch_events(2)).await;
    let id = |number: u32| format!("01890a5d-ac96-774b-bcce-b30209{number:06x}");
    let lines: String = (0..5).map(|number| format!("{{\"id\":\"{}\",\"type\":\"A\"}}\n", id(number))).collect();
    // As an import that ended behind its first batch.
    let beginning: String = lines.split_inclusive('\n').take(2).collect();
    assert_eq!(in_time(store.import(beginning.as_bytes(), |_| {})).await.unwrap().events, 2);
    let imported = in_time(store.import(lines.as_bytes(), |_| {})).await.unwrap();
    assert_eq!((imported.repeated, imported.events), (2, 3));
    let ids: Vec<String> = read(&store, Query::all()).await.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids, (0..5).map(id).collect::<Vec<_>>());
}

async fn lines_that_cannot_be_are_named(target: Target) {
    let store = open(&target, "lines").await;
    let imported = in_time(store.import("\n{\"type\":\"A\"}\n{\"type\":7}\n".as_bytes(), |_| {})).await;
    assert!(matches!(&imported, Err(EventError::Invalid { field, .. }) if field == "line 3"), "{imported:?}");
    assert_eq!(head(&store).await, 0);
}

async fn an_operation_that_is_late_says_so(target: Target) {
    let store = open(&target, "late").await;
    append(&store, [event("A", "x:1")]).await;
    target.server().signal(Signal::STOP).unwrap();
    let soon = std::time::Duration::from_millis(50);
    let read = in_time(store.read(Query::all()).deadline(soon).all()).await;
    // Long enough that even a busy machine has written it before.
    let options = coracle::events::AppendOptions::new().deadline(std::time::Duration::from_secs(2));
    let appended = in_time(store.append([event("A", "x:1")], options)).await;
    target.server().signal(Signal::CONT).unwrap();
    assert!(matches!(read, Err(EventError::Deadline { .. } | EventError::Transport(_))), "{read:?}");
    assert!(appended.as_ref().is_err_and(EventError::maybe_executed), "{appended:?}");
}

async fn operations_under_way_are_bounded(target: Target) {
    let store = open_with(&target, "few", Options::new().max_flows(2)).await;
    let mut following: Vec<_> = (0..3).map(|_| store.subscribe(Query::all(), Cursor::START)).collect();
    for subscription in &mut following[..2] {
        assert!(subscription.next().now_or_never().is_none());
    }
    assert_eq!(in_time(following[2].next()).await, Some(Err(EventError::TooManyFlows)));
    assert_eq!(in_time(store.stats()).await, Err(EventError::TooManyFlows));
    following.pop();
    following.pop();
    assert_eq!(append(&store, [event("A", "x:1")]).await.position, 1, "there is room for one more");
    assert_eq!(in_time(following[0].next()).await.unwrap().unwrap().position, 1);
}
