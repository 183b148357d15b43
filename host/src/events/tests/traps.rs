//! What an instance that was lost means for what goes on over it, and flows that do not end.

use futures_util::FutureExt;

use super::*;
use crate::engine::store::Cursor;
use crate::events::LockOptions;

fn lease() -> Lease {
    Lease { name: "l".into(), fence: 9, token: (1, 2), until: 7 }
}

fn page(position: u64) -> Step {
    let cursor = Cursor { position, id: (0, position) };
    Step::Events(crate::engine::store::Page { rows: vec![], lengths: vec![], texts: String::new(), cursor })
}

/// The calls in full, and forgets them.
fn said(script: &Script) -> Vec<String> {
    script.0.lock().unwrap().told.drain(..).map(|(_, _, call)| call).collect()
}

#[tokio::test]
async fn a_subscription_goes_on_in_another_instance() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([page(3)]);
    for _ in 0..4 {
        script.trap();
    }
    script.steps([page(4)]);
    for _ in 0..5 {
        script.trap();
    }
    let mut events = store.subscribe(Query::all(), Default::default());
    let error = in_time(events.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, EventError::Transport(Error::Core { .. })), "{error:?}");
    assert!(in_time(events.next()).await.is_none());
    let begun: Vec<_> = said(&script).into_iter().filter(|call| call.starts_with("Subscribe")).collect();
    // The first, three that were lost behind 3, the one that came to 4, and four behind that.
    assert_eq!(begun.len(), 9);
    let at = |call: &String| [0, 3, 4].into_iter().find(|at| call.contains(&format!("position: {at}")));
    let at: Vec<_> = begun.iter().filter_map(at).collect();
    assert_eq!(at, [0, 3, 3, 3, 3, 4, 4, 4, 4]);
}

#[tokio::test]
async fn a_lock_is_kept_by_another_instance() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([Step::Done(Outcome::Locked(lease()))]);
    for _ in 0..4 {
        script.trap();
    }
    script.steps([Step::Wait(NEVER - 1)]);
    let lock = store.lock("l", LockOptions::new()).await.unwrap();
    until_told(&script, 6).await;
    assert!(lock.lost().now_or_never().is_none());
    let told = said(&script);
    assert!(told[1..].iter().all(|call| call.starts_with("Keep") && call.contains("until: 7")), "{told:?}");
    // The keeper's end comes later.
    script.steps([Step::Done(Outcome::Nothing), cancelled()]);
    lock.unlock().await.unwrap();
    until_told(&script, 2).await;
    // Again and again it is not.
    script.steps([Step::Done(Outcome::Locked(lease()))]);
    for _ in 0..5 {
        script.trap();
    }
    let lock = store.lock("l", LockOptions::new()).await.unwrap();
    assert!(matches!(in_time(lock.lost()).await, EventError::Transport(Error::Core { .. })));
    script.steps([Step::Done(Outcome::Nothing)]);
    lock.unlock().await.unwrap();
}

#[tokio::test]
async fn locks_of_a_command_are_given_back_by_another_instance() {
    for (handler, told) in [
        (Some(Ok(vec![])), ["Execute", "Keep", "Cancel", "Decided", "Unlock"]),
        (Some(Err("no")), ["Execute", "Keep", "Cancel", "Declined", "Unlock"]),
        (Some(Ok(vec![Event::new("E").data("no")])), ["Execute", "Keep", "Cancel", "Cancel", "Unlock"]),
        (None, ["Execute", "Keep", "Cancel", "Cancel", "Unlock"]),
    ] {
        let script = Script::default();
        let store = script.store(Options::new().json_data(true)).await.unwrap();
        script.steps([Step::Decide(crate::engine::store::Decision { attempt: 1, leases: vec![lease()] })]);
        let observed = script.clone();
        let executed = store.execute(Command::new("C").lock("l"), ExecuteOptions::new(), |_| {
            let (script, handler) = (observed.clone(), handler.clone());
            async move {
                script.steps([cancelled()]);
                script.trap();
                script.steps([Step::Done(Outcome::Nothing)]);
                match handler {
                    Some(decided) => decided,
                    None => std::future::pending().await,
                }
            }
        });
        if handler.is_some() {
            assert!(in_time(executed).await.is_err());
        } else {
            // Its caller leaves.
            assert!(executed.now_or_never().is_none());
        }
        until_told(&script, 5).await;
        assert_eq!(script.told(), told);
    }
}

/// The instance is lost while they are given back, or when that is not waited for any longer.
#[tokio::test(start_paused = true)]
async fn locks_that_were_being_given_back_are_so_by_another_instance() {
    for late in [false, true] {
        let script = Script::default();
        let store = script.store(Options::new()).await.unwrap();
        script.steps([Step::Decide(crate::engine::store::Decision { attempt: 1, leases: vec![lease()] })]);
        let options = ExecuteOptions::new();
        let handler = |_| std::future::pending::<Result<Vec<Event>, Infallible>>();
        let executed = store.execute(Command::new("C").lock("l"), options, handler);
        // Its keeper ends, and then its locks are given back.
        let giving = store.inner.clock().now() + if late { 3_600_000_000 } else { 1000 };
        let observed = script.clone();
        let mut executed = Box::pin(executed);
        assert!((&mut executed).now_or_never().is_none());
        observed.steps([cancelled(), Step::Wait(giving)]);
        observed.trap();
        observed.steps([Step::Done(Outcome::Nothing)]);
        drop(executed);
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let ended = if late { "Cancel" } else { "Elapsed" };
        assert_eq!(script.told(), ["Execute", "Keep", "Cancel", "Cancel", ended, "Unlock"]);
    }
}

/// Each in a new instance: only those in a row count.
#[tokio::test(start_paused = true)]
async fn a_lock_may_outlive_many_instances() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([Step::Done(Outcome::Locked(lease()))]);
    let now = store.inner.clock().now();
    for number in 1..=20 {
        script.steps([Step::Wait(now + number * 11_000_000)]);
        script.trap();
    }
    let lock = store.lock("l", LockOptions::new()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert_eq!(script.told().len(), 42);
    assert!(lock.lost().now_or_never().is_none());
    script.steps([Step::Done(Outcome::Nothing), cancelled()]);
    lock.unlock().await.unwrap();
}

#[tokio::test]
async fn a_handler_goes_no_further_when_a_lock_is_lost() {
    let lost = || crate::engine::store::Fault::LockLost("l".into());
    for (fault, goes_on) in [(lost(), false), (crate::engine::store::Fault::Server("BUSY".into()), true)] {
        let script = Script::default();
        let store = script.store(Options::new()).await.unwrap();
        let decide = Step::Decide(crate::engine::store::Decision { attempt: 1, leases: vec![lease()] });
        script.steps([decide, Step::Failed(fault), Step::Done(Outcome::Nothing)]);
        let command = Command::new("C").lock("l");
        let handler = |_| std::future::pending::<Result<Vec<Event>, Infallible>>();
        let executed = store.execute(command, ExecuteOptions::new(), handler).now_or_never();
        let expected = Err(ExecuteError::Store(EventError::LockLost { name: "l".into() }));
        assert_eq!(executed, (!goes_on).then_some(expected));
        until_told(&script, 3).await;
        assert_eq!(script.told(), ["Execute", "Keep", "Cancel"]);
    }
}

/// What was sent may not have left the host.
#[tokio::test]
async fn a_lock_is_given_back_though_its_holder_stops_waiting_for_that() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([Step::Done(Outcome::Locked(lease()))]);
    let lock = store.lock("l", LockOptions::new()).await.unwrap();
    until_told(&script, 2).await;
    assert_eq!(script.told(), ["Lock", "Keep"]);
    script.steps([Step::Wait(NEVER - 1), cancelled(), cancelled(), Step::Done(Outcome::Nothing)]);
    assert!(lock.unlock().now_or_never().is_none());
    until_told(&script, 4).await;
    let mut told = script.told();
    told.sort_unstable();
    assert_eq!(told, ["Cancel", "Cancel", "Unlock", "Unlock"]);
}

/// A server that hangs: the core gives locks back, and once more.
#[tokio::test(start_paused = true)]
async fn what_is_left_undone_is_forgotten_by_the_core_too() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    let hangs = || Step::Wait(NEVER - 1);
    script.steps([hangs()]);
    let mut dropped = flow(&store);
    assert!(dropped.turn().now_or_never().is_none());
    script.steps([hangs(), hangs(), cancelled()]);
    drop(dropped);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(script.told(), ["Stats", "Cancel", "Cancel", "Cancel"]);
}
