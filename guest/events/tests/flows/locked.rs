//! Locks that events name by their tags.

use coracle_events::event::Event;
use coracle_events::given::Retries;
use coracle_events::plan::lock::Token;
use coracle_events::step::{Fault, Lease, Outcome, Step};

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
    let mut step = store.append(0, FLOW, DEADLINE, events, None, Some(command(&["c"])), None, Vec::new());
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
        store.append(0, FLOW, DEADLINE, vec![locking(&["a"])], None, None, None, Vec::new());
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
    store.append(0, FLOW, DEADLINE, vec![locking(&["a"])], None, None, None, Vec::new());
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
        store.execute(0, FLOW, DEADLINE, command(&["a"]), retries(1), None, Vec::new());
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

#[test]
fn a_lock_that_is_held_is_checked_but_neither_taken_nor_given_back() {
    for handler in [false, true] {
        let mut store = store();
        let mut step = if handler {
            store.execute(0, FLOW, DEADLINE, command(&["a", "b"]), retries(1), None, vec![lease("a")])
        } else {
            let events = vec![locking(&["a", "b"])];
            store.append(0, FLOW, DEADLINE, events, None, None, None, vec![lease("a")])
        };
        assert!(sent(&step) == "lock" && said(&step).contains("{n}:k:b"));
        step = store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
        if handler {
            let Step::Decide(decision) = step else { panic!("{step:?}") };
            assert_eq!(decision.leases.len(), 1, "its holder renews the other");
            step = store.decided(0, FLOW, vec![locking(&["a", "b"])]);
        }
        assert_eq!(sent(&step), "append");
        assert!(["a", "b"].iter().all(|name| said(&step).contains(&format!("{{n}}:k:{name}"))));
        let step = store.replied(0, FLOW, &appended(1), &[]);
        assert!(sent(&step) == "lease" && !said(&step).contains("{n}:k:a"));
        assert!(matches!(store.replied(0, FLOW, &number(0), &[]), Step::Done(Outcome::Appended(_))));
    }
}

#[test]
fn a_held_lock_that_is_lost_is_told_and_nothing_else_is_sent() {
    let mut store = store();
    let step = store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, vec![lease("a"), lease("b")]);
    assert_eq!(sent(&step), "append");
    let step = store.replied(0, FLOW, &numbers(&[8, 1]), &[]);
    assert_eq!(step, Step::Failed(Fault::LockLost("b".to_owned())));
}

#[test]
fn held_locks_are_bounded_and_each_is_one() {
    let names: Vec<String> = (0..17).map(|number| format!("l{number}")).collect();
    let all = || names.iter().map(|name| lease(name));
    for (held, tag) in [
        (vec![lease("a"), lease("a")], None),
        (vec![lease("")], None),
        (all().collect(), None),
        (all().take(16).collect(), Some("another")),
    ] {
        let mut store = store();
        let events = vec![locking(tag.as_slice())];
        let step = store.append(0, FLOW, DEADLINE, events, None, None, None, held.clone());
        let field = if tag.is_some() { "locks" } else { "held" };
        let found = |step: &Step| matches!(step, Step::Failed(Fault::Invalid(found, _)) if found.starts_with(field));
        assert!(found(&step), "{step:?}");
        if tag.is_none() {
            let step = store.execute(0, FLOW, DEADLINE, command(&[]), retries(1), None, held);
            assert!(found(&step), "{step:?}");
        }
    }
}

fn lease(name: &str) -> Lease {
    Lease { name: name.to_owned(), fence: 1, token: Token(7), until: 0 }
}

#[test]
fn locks_that_are_held_are_renewed_while_another_one_is_waited_for() {
    let mut store = store();
    store.execute(0, FLOW, DEADLINE, command(&["a", "b"]), retries(1), None, Vec::new());
    assert!(said(&store.replied(0, FLOW, &numbers(&[0, 1]), &[])).contains("{n}:k:b"));
    let (mut now, mut renewed) = (0, vec![0]);
    let mut step = store.replied(now, FLOW, &numbers(&[1, 60_000]), &[]);
    while renewed.len() < 5 {
        assert!(until(&step) <= now + 500_000, "a sixth of a lease at most");
        now = until(&step);
        step = store.elapsed(now, FLOW);
        if sent(&step) == "lease" {
            assert!(said(&step).contains("{n}:k:a") && !said(&step).contains("{n}:k:b"));
            renewed.push(now);
            step = store.replied(now, FLOW, &number(0), &[]);
        }
        assert!(sent(&step) == "lock" && said(&step).contains("{n}:k:b"));
        step = store.replied(now, FLOW, &numbers(&[1, 60_000]), &[]);
    }
    // A lease is 3 seconds: at a third of it, and not before.
    assert!(renewed.windows(2).all(|two| (1_000_000..2_000_000).contains(&(two[1] - two[0]))), "{renewed:?}");
    now = until(&step);
    store.elapsed(now, FLOW);
    let Step::Decide(decision) = store.replied(now, FLOW, &numbers(&[0, 2]), &[]) else { panic!("not held") };
    let holds: Vec<_> = decision.leases.iter().map(|lease| (lease.name.as_str(), lease.until)).collect();
    assert_eq!(holds, [("a", renewed[4] + 3_000_000), ("b", now + 3_000_000)]);
}

#[test]
fn leases_that_are_over_by_the_time_of_an_answer_do_not_keep_from_trying() {
    let mut store = store();
    let short = Retries { lease: 1, ..retries(1) };
    store.execute(0, FLOW, DEADLINE, command(&["a", "b"]), short, None, Vec::new());
    let mut now = 5_000;
    let (mut step, mut longest) = (store.replied(now, FLOW, &numbers(&[0, 1]), &[]), 0);
    for _ in 0..10 {
        assert_eq!(sent(&step), "lease");
        now += 5_000;
        assert_eq!(sent(&store.replied(now, FLOW, &number(0), &[])), "lock");
        step = store.replied(now, FLOW, &numbers(&[1, 9]), &[]);
        longest = longest.max(until(&step) - now);
        now = until(&step).max(now + 5_000);
        step = store.elapsed(now, FLOW);
    }
    assert!((2_000..=10_000).contains(&longest), "nor is the server asked without a pause: {longest}");
    store.replied(now, FLOW, &number(0), &[]);
    assert!(matches!(store.replied(now, FLOW, &numbers(&[0, 2]), &[]), Step::Decide(_)));
}

#[test]
fn a_lock_that_is_lost_while_another_one_is_waited_for_is_taken_again() {
    let mut store = store();
    store.execute(0, FLOW, DEADLINE, command(&["a", "b", "c"]), retries(1), None, Vec::new());
    for _ in 0..2 {
        store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
    }
    // Nobody knows who has the third.
    let step = store.unanswered(0, FLOW, broke());
    let now = until(&step).max(1_500_000);
    assert!(sent(&store.elapsed(now, FLOW)) == "lease");
    // The first is not held any more: whoever has it may wait for the others.
    let step = store.replied(now, FLOW, &number(1), &[]);
    assert!(
        sent(&step) == "lease" && ["a", "b", "c"].iter().all(|name| said(&step).contains(&format!("{{n}}:k:{name}")))
    );
    let mut step = store.replied(now, FLOW, &number(1), &[]);
    for (name, fence) in [("a", 7), ("b", 8), ("c", 9)] {
        assert!(sent(&step) == "lock" && said(&step).contains(&format!("{{n}}:k:{name}")));
        // A question that is lost is not mistaken for another one.
        let again = until(&store.unanswered(now, FLOW, broke()));
        assert_eq!(sent(&store.elapsed(again, FLOW)), "lock");
        step = store.replied(now, FLOW, &numbers(&[0, fence]), &[]);
    }
    let Step::Decide(decision) = step else { panic!("not held") };
    let fences: Vec<_> = decision.leases.iter().map(|lease| (lease.name.as_str(), lease.fence)).collect();
    assert_eq!(fences, [("a", 7), ("b", 8), ("c", 9)]);
    let mut tokens: Vec<_> = decision.leases.iter().map(|lease| lease.token.0).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "each is a secret of its own");
    let step = store.decided(now, FLOW, vec![bad()]);
    assert!(["a", "b", "c"].iter().all(|name| said(&step).contains(&format!("{{n}}:k:{name}"))), "all are given back");
}

/// The answer names the first that is gone, and others behind it may be, too.
#[test]
fn what_is_in_front_of_a_lost_lock_is_kept() {
    for answered in [true, false] {
        let mut store = store();
        store.execute(0, FLOW, DEADLINE, command(&["a", "b", "c", "d"]), retries(1), None, Vec::new());
        for _ in 0..3 {
            store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
        }
        let now = until(&store.replied(0, FLOW, &numbers(&[1, 9]), &[])).max(1_500_000);
        assert_eq!(sent(&store.elapsed(now, FLOW)), "lease");
        let step = store.replied(now, FLOW, &number(2), &[]);
        assert!(sent(&step) == "lease" && !said(&step).contains("{n}:k:a") && said(&step).contains("{n}:k:c"));
        assert!(said(&step).contains("{n}:k:d"), "an attempt may have had it");
        let mut step = if answered {
            // The first of these was not held, which is known.
            store.replied(now, FLOW, &number(1), &[])
        } else {
            // Whether they were given back is not; then their leases end.
            let later = until(&store.unanswered(now, FLOW, broke()));
            store.elapsed(later, FLOW)
        };
        for name in ["b", "c", "d"] {
            assert!(sent(&step) == "lock" && said(&step).contains(&format!("{{n}}:k:{name}")));
            step = store.replied(now, FLOW, &numbers(&[0, 5]), &[]);
        }
        let Step::Decide(decision) = step else { panic!("not held") };
        assert_eq!(decision.leases.iter().map(|lease| lease.fence).collect::<Vec<_>>(), [1, 5, 5, 5]);
    }
}

fn bad() -> Event {
    Event { kind: String::new(), ..event() }
}

#[test]
fn leases_that_are_kept_are_renewed_when_a_third_of_the_first_is_over() {
    let mut store = store();
    let lease = |name: &str, until| Lease { until, ..lease(name) };
    let leases = || vec![lease("a", 2_500_000), lease("b", 1_800_000)];
    assert_eq!(until(&store.keep(900_000, FLOW, leases(), 1200)), 1_000_000);
    assert_eq!(sent(&store.elapsed(1_000_000, FLOW)), "lease");
    assert_eq!(until(&store.replied(1_000_000, FLOW, &number(0), &[])), 1_400_000);
    store.cancel(1_000_000, FLOW);
    // One that is over by this clock may hold by the server's.
    let step = store.keep(2_000_000, FLOW, leases(), 1200);
    assert!(matches!(&step, Step::Send(batch) if batch.deadline == 2_400_000) && sent(&step) == "lease");
    assert_eq!(until(&store.replied(2_000_001, FLOW, &number(0), &[])), 2_400_000);
}

/// After a conflict nobody else renews the command's locks.
#[test]
fn locks_are_renewed_while_a_long_pause_lasts() {
    let patient = Retries { attempts: 2, backoff: 3_600_000, max_backoff: 3_600_000, lease: 3000 };
    let pausing = |store: &mut coracle_events::store::Store| {
        store.execute(0, FLOW, DEADLINE, command(&["a"]), patient, None, Vec::new());
        store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
        store.decided(0, FLOW, vec![event()]);
        let step = store.replied(0, FLOW, &numbers(&[3, 9, 8]), &[]);
        assert!(sent(&step) == "lease" && matches!(&step, Step::Send(batch) if batch.deadline == 1_000_000));
    };
    let mut store = store();
    pausing(&mut store);
    let (mut now, mut decision) = (0, None);
    for round in 0..10_000 {
        // What is not answered, or refused, is asked for again.
        let step = match round % 3 {
            0 => store.unanswered(now, FLOW, broke()),
            1 => store.replied(now, FLOW, &[6 | 4 << 16, 0], b"BUSY"),
            _ => store.replied(now, FLOW, &number(0), &[]),
        };
        assert!(until(&step) <= now + 1_000_000);
        now = until(&step);
        match store.elapsed(now, FLOW) {
            Step::Decide(decided) => {
                decision = Some(decided);
                break;
            }
            step => assert_eq!(sent(&step), "lease"),
        }
    }
    let lease = decision.unwrap().leases.remove(0);
    assert!(now > 3_000_000 && lease.until + 3_000_000 > now, "{now} {lease:?}");

    let mut store = crate::bench::store();
    pausing(&mut store);
    let step = store.replied(0, FLOW, &number(1), &[]);
    assert_eq!(sent(&step), "lease");
    assert_eq!(store.replied(0, FLOW, &number(0), &[]), Step::Failed(Fault::LockLost("a".to_owned())));
}
