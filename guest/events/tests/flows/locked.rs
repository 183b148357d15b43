//! Locks that events name by their tags.

use coracle_events::event::Event;
use coracle_events::step::{Fault, Outcome, Step};

use crate::bench::{
    DEADLINE, FLOW, appended, broke, command, event, number, numbers, retries, said, sent, store, until,
};

fn locking(names: &[&str]) -> Event {
    let mut event = event();
    event.tags.extend(names.iter().map(|name| ["lock:", name].concat()));
    event
}

#[test]
fn an_append_takes_the_locks_that_its_events_name_and_gives_them_back() {
    let mut store = store();
    let events = vec![locking(&["b"]), locking(&["a:1", "b"])];
    let mut step = store.append(0, FLOW, DEADLINE, events, None, Some(command(&["c"])), None);
    for name in ["a:1", "b", "c"] {
        assert_eq!(sent(&step), "lock");
        assert!(said(&step).contains(&format!("{{n}}:k:{name}")));
        step = store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
    }
    assert_eq!(sent(&step), "append");
    assert!(said(&step).contains("{n}:k:a:1") && !said(&step).contains("lock:"));
    let step = store.replied(0, FLOW, &appended(2), &[]);
    assert_eq!(sent(&step), "lease");
    assert!(matches!(store.replied(0, FLOW, &number(0), &[]), Step::Done(Outcome::Appended(_))));
    assert_eq!(store.flows(), 0);
}

#[test]
fn an_append_that_fails_gives_its_locks_back() {
    for (reply, fault) in [
        (numbers(&[3, 9, 8]), Fault::Conflict(9, 8)),
        (numbers(&[8, 0]), Fault::LockLost("a".to_owned())),
        (numbers(&[10]), Fault::Rebuilding),
    ] {
        let mut store = store();
        store.append(0, FLOW, DEADLINE, vec![locking(&["a"])], None, None, None);
        assert_eq!(sent(&store.replied(0, FLOW, &numbers(&[0, 1]), &[])), "append");
        assert_eq!(sent(&store.replied(0, FLOW, &reply, &[])), "lease");
        // Once more, where it was not answered.
        assert_eq!(sent(&store.unanswered(0, FLOW, broke())), "lease");
        assert_eq!(store.replied(0, FLOW, &number(0), &[]), Step::Failed(fault));
    }
}

#[test]
fn a_lock_that_is_not_had_in_time_is_told_and_nothing_appended() {
    let mut store = store();
    store.append(0, FLOW, DEADLINE, vec![locking(&["a"])], None, None, None);
    let step = store.replied(0, FLOW, &numbers(&[1, 5000]), &[]);
    assert!(until(&step) > 0);
    // An attempt may have had it after all.
    assert_eq!(sent(&store.elapsed(DEADLINE, FLOW)), "lease");
    assert_eq!(store.replied(DEADLINE, FLOW, &number(1), &[]), Step::Failed(Fault::LockTimeout("a".to_owned())));
}

#[test]
fn a_handler_may_name_the_locks_of_its_command_alone() {
    for (names, ending) in [(["a"].as_slice(), None), (&["a", "b"], Some("events"))] {
        let mut store = store();
        store.execute(0, FLOW, DEADLINE, command(&["a"]), retries(1), None);
        assert!(matches!(store.replied(0, FLOW, &numbers(&[0, 1]), &[]), Step::Decide(_)));
        let step = store.decided(0, FLOW, vec![locking(names)]);
        let Some(field) = ending else {
            assert!(sent(&step) == "append" && !said(&step).contains("lock:"));
            continue;
        };
        assert_eq!(sent(&step), "lease");
        let step = store.replied(0, FLOW, &number(0), &[]);
        assert!(matches!(&step, Step::Failed(Fault::Invalid(found, _)) if found == field), "{step:?}");
    }
}
