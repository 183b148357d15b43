//! How flows end: deadlines, cancellation, what the client could not do.

use coracle_events::event::{Cursor, Id};
use coracle_events::given::{Acknowledgements, Durability, Since};
use coracle_events::query::Item;
use coracle_events::step::{Failure, Fault, Outcome, Step};
use coracle_events::store::Store;

use crate::bench::{
    DEADLINE, FLOW, appended, arguments, broke, command, empty_page, event, lost, number, numbers, retries, sent,
    store, until,
};

#[test]
fn an_append_is_sent_again_while_its_marker_is_sure_to_be_there() {
    let mut store = store();
    store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&[])), None, Vec::new());
    let mut now = 10;
    let mut tries = 0;
    // Half of the marker's 10 seconds.
    loop {
        match store.unanswered(now, FLOW, broke()) {
            Step::Wait(until) => {
                assert!(now < 5_000_000);
                now = until;
                assert_eq!(sent(&store.elapsed(now, FLOW)), "append");
                now += 10;
                tries += 1;
            }
            Step::Failed(Fault::Transport(lost)) => {
                assert_eq!((lost.failure, lost.cause), (Failure::MaybeExecuted, 3));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(now >= 5_000_000 && (8..40).contains(&tries), "{now} {tries}");

    // What is sent again is of no use once its marker may be gone.
    store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&[])), None, Vec::new());
    let now = until(&store.unanswered(10, FLOW, broke()));
    assert!(matches!(store.elapsed(now, FLOW), Step::Send(batch) if batch.deadline == 10_000_000));
    store.cancel(now, FLOW);

    // One that is kept for ever has no such end, but the deadline.
    let mut permanent = command(&[]);
    permanent.permanent = true;
    store.append(0, FLOW, 20_000_000, vec![event()], None, Some(permanent), None, Vec::new());
    let step = store.unanswered(19_999_999, FLOW, broke());
    assert_eq!(until(&step), 20_000_000);
    assert_eq!(store.elapsed(20_000_000, FLOW), Step::Failed(Fault::Deadline(true)));
}

#[test]
fn a_marker_that_answers_a_lost_attempt_is_its_result() {
    let mut store = store();
    let begin =
        |store: &mut Store| store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&[])), None, Vec::new());
    let repeated = numbers(&[1, 4, 4, 2, 9]);
    begin(&mut store);
    let now = until(&store.unanswered(0, FLOW, broke()));
    store.elapsed(now, FLOW);
    assert!(matches!(store.replied(now, FLOW, &repeated, &[]),
        Step::Done(Outcome::Appended(appended)) if appended.repeated && appended.attempts == 2 && appended.last == 4));
    begin(&mut store);
    assert_eq!(store.replied(0, FLOW, &repeated, &[]), Step::Failed(Fault::Duplicate(4, 4)));
    // What could not be sent the second time: the first may have been executed all the same.
    begin(&mut store);
    let now = until(&store.unanswered(0, FLOW, broke()));
    store.elapsed(now, FLOW);
    assert!(matches!(store.unanswered(now, FLOW, lost(Failure::NotSent, 4)), Step::Wait(_)));
    let step = store.cancel(now, FLOW);
    assert_eq!(step, Step::Failed(Fault::Cancelled(true)));
    begin(&mut store);
    let now = until(&store.unanswered(0, FLOW, broke()));
    store.elapsed(now, FLOW);
    let step = store.unanswered(now, FLOW, lost(Failure::NotSent, 8));
    assert!(matches!(step, Step::Failed(Fault::Transport(lost)) if lost.failure == Failure::MaybeExecuted));
    // So it is where the segments could not be asked for.
    begin(&mut store);
    let now = until(&store.unanswered(0, FLOW, broke()));
    store.elapsed(now, FLOW);
    assert_eq!(sent(&store.replied(now, FLOW, &numbers(&[9]), &[])), "meta");
    let step = store.replied(now, FLOW, &[6 | 3 << 16, 0], b"ERR");
    assert!(matches!(step, Step::Failed(Fault::Transport(lost)) if lost.failure == Failure::MaybeExecuted));
    // The deadline, as the client says it.
    begin(&mut store);
    let step = store.unanswered(0, FLOW, lost(Failure::NotSent, 1));
    assert_eq!(step, Step::Failed(Fault::Deadline(false)));
    begin(&mut store);
    let step = store.unanswered(0, FLOW, lost(Failure::MaybeExecuted, 1));
    assert_eq!(step, Step::Failed(Fault::Deadline(true)));
}

/// What the server says of the second attempt is no word on the first.
#[test]
fn a_refused_attempt_does_not_settle_a_lost_one() {
    for (nodes, text) in [(vec![6 | 7 << 16, 0], &b"OOM no!"[..]), (numbers(&[10]), b""), (number(1), b"")] {
        let mut store = store();
        store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&[])), None, Vec::new());
        let again = until(&store.unanswered(0, FLOW, broke()));
        store.elapsed(again, FLOW);
        let step = store.replied(again, FLOW, &nodes, text);
        let Step::Failed(Fault::Transport(lost)) = &step else { panic!("{step:?}") };
        assert_eq!(lost.failure, Failure::MaybeExecuted);
    }
}

#[test]
fn each_status_of_an_append_has_its_fault() {
    let faults = [
        (numbers(&[2]), Fault::IdReused(command(&[]).id)),
        (numbers(&[3, 9, 8]), Fault::Conflict(9, 8)),
        (numbers(&[4, 9]), Fault::Ahead(9)),
        (numbers(&[5, 9]), Fault::Rewritten(9)),
        (numbers(&[6]), Fault::TooBroad),
        (numbers(&[7]), Fault::TooManyTypes),
        (numbers(&[8, 0]), Fault::LockLost("a".to_owned())),
        (numbers(&[10]), Fault::Rebuilding),
    ];
    let mut store = store();
    for (reply, fault) in faults {
        store.execute(0, FLOW, DEADLINE, command(&["a"]), retries(1), None, Vec::new());
        store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
        store.decided(0, FLOW, vec![event()]);
        assert_eq!(sent(&store.replied(0, FLOW, &reply, &[])), "lease");
        assert_eq!(store.replied(0, FLOW, &number(0), &[]), Step::Failed(fault));
    }
    for reply in [vec![], numbers(&[99]), numbers(&[]), number(3), vec![10 | 1 << 63, 0], numbers(&[0, 1])] {
        store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new());
        assert!(matches!(store.replied(0, FLOW, &reply, &[]), Step::Failed(Fault::Server(_))), "{reply:?}");
    }
    store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new());
    let step = store.replied(0, FLOW, &[6 | 7 << 16, 0], b"OOM no!");
    assert_eq!(step, Step::Failed(Fault::Server("OOM no!".to_owned())));
}

/// The steps of an execution with two locks and one conflict, told in order; `at` of them are done.
fn execution(store: &mut Store, at: usize) -> (Step, u64) {
    let mut now = 0;
    let mut step = store.execute(0, FLOW, DEADLINE, command(&["b", "a"]), retries(3), None, Vec::new());
    for done in 0..at {
        step = match done {
            0 => store.replied(now, FLOW, &numbers(&[1, 50]), &[]),
            1 | 8 => {
                now = until(&step);
                store.elapsed(now, FLOW)
            }
            2 => store.replied(now, FLOW, &numbers(&[0, 1]), &[]),
            3 => store.unanswered(now, FLOW, broke()),
            4 => {
                now = until(&step);
                store.elapsed(now, FLOW)
            }
            5 => store.replied(now, FLOW, &numbers(&[0, 2]), &[]),
            6 | 9 => store.decided(now, FLOW, vec![event()]),
            7 => store.replied(now, FLOW, &numbers(&[3, 5, 5]), &[]),
            10 => store.unanswered(now, FLOW, broke()),
            11 => {
                now = until(&step);
                store.elapsed(now, FLOW)
            }
            _ => store.replied(now, FLOW, &appended(6), &[]),
        };
    }
    (step, now)
}

const STEPS: usize = 12;

#[test]
fn an_execution_takes_its_steps_in_order() {
    let mut store = store();
    let (step, _) = execution(&mut store, 0);
    assert_eq!(sent(&step), "lock");
    store = crate::bench::store();
    let (step, _) = execution(&mut store, 6);
    let Step::Decide(decision) = step else { panic!("{step:?}") };
    let names: Vec<&str> = decision.leases.iter().map(|lease| lease.name.as_str()).collect();
    assert_eq!((names, decision.attempt), (vec!["a", "b"], 1));
    assert_ne!(decision.leases.first().map(|lease| lease.token), decision.leases.last().map(|lease| lease.token));
    store = crate::bench::store();
    let (step, now) = execution(&mut store, STEPS + 1);
    assert_eq!(sent(&step), "lease");
    let step = store.replied(now, FLOW, &number(0), &[]);
    assert!(matches!(step, Step::Done(Outcome::Appended(appended)) if appended.attempts == 2 && appended.last == 6));
    assert_eq!(store.flows(), 0);
}

#[test]
fn cancelled_at_any_step_it_gives_its_locks_back() {
    for at in 0..=STEPS + 1 {
        let mut store = store();
        let (_, now) = execution(&mut store, at);
        let step = store.cancel(now, FLOW);
        let unsure = Step::Failed(Fault::Cancelled(matches!(at, 7 | 10..=12)));
        assert_eq!(sent(&step), "lease", "{at}");
        // Whatever comes of that; unanswered it is sent once more, and where the host may not have sent it, too.
        let end = if at % 2 == 0 {
            assert_eq!(store.unanswered(now, FLOW, broke()), step);
            store.unanswered(now, FLOW, broke())
        } else if at > STEPS {
            store.cancel(now, FLOW)
        } else {
            assert_eq!(store.cancel(now, FLOW), step);
            store.replied(now, FLOW, &number(1), &[])
        };
        if at > STEPS {
            // It is over already, but for the locks.
            assert!(matches!(end, Step::Done(Outcome::Appended(_))), "{at}");
        } else {
            assert_eq!(end, unsure, "{at}");
        }
        assert_eq!(store.flows(), 0);
    }
}

#[test]
fn past_its_deadline_it_gives_its_locks_back_in_time_of_its_own() {
    for at in [1, 4, 6, 8, 9, 11] {
        let mut store = store();
        let (step, now) = execution(&mut store, at);
        let late = match step {
            Step::Wait(_) => store.elapsed(DEADLINE, FLOW),
            Step::Decide(_) => store.decided(DEADLINE, FLOW, vec![event()]),
            other => panic!("{at} {now}: {other:?}"),
        };
        assert!(matches!(&late, Step::Send(batch) if batch.deadline == DEADLINE + 1_000_000), "{at}");
        assert_eq!(sent(&late), "lease");
        let fault = match at {
            1 => Fault::LockTimeout("a".to_owned()),
            4 => Fault::LockTimeout("b".to_owned()),
            _ => Fault::Deadline(at == 11),
        };
        assert_eq!(store.replied(DEADLINE, FLOW, &number(0), &[]), Step::Failed(fault), "{at}");
    }
    // An answer counts, however late it comes.
    let mut store = store();
    store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new());
    assert!(matches!(store.replied(DEADLINE + 1, FLOW, &appended(1), &[]), Step::Done(_)));
    assert_eq!(
        store.append(DEADLINE, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new()),
        Step::Failed(Fault::Deadline(false))
    );
}

#[test]
fn a_lock_that_may_have_been_taken_is_given_back() {
    let mut store = store();
    store.lock(0, FLOW, DEADLINE, "a".to_owned(), 100);
    assert_eq!(sent(&store.cancel(0, FLOW)), "lease");
    assert_eq!(store.replied(0, FLOW, &number(1), &[]), Step::Failed(Fault::Cancelled(false)));
    store.lock(0, FLOW, DEADLINE, "a".to_owned(), 100);
    assert_eq!(sent(&store.unanswered(0, FLOW, lost(Failure::MaybeExecuted, 1))), "lease");
    // Cancelled meanwhile, it is still the first reason that counts.
    assert_eq!(sent(&store.cancel(0, FLOW)), "lease");
    assert_eq!(store.cancel(0, FLOW), Step::Failed(Fault::LockTimeout("a".to_owned())));
    assert_eq!(store.flows(), 0);
    let first = store.lock(0, FLOW, DEADLINE, "a".to_owned(), 100);
    // By the same token it is not in its own way.
    let now = until(&store.unanswered(0, FLOW, broke()));
    assert_eq!(store.elapsed(now, FLOW), first);
    store.cancel(now, FLOW);
    store.replied(now, FLOW, &number(0), &[]);
    assert_ne!(store.lock(0, FLOW, DEADLINE, "a".to_owned(), 100), first);
    let step = store.replied(50, FLOW, &numbers(&[0, 7]), &[]);
    assert!(matches!(step, Step::Done(Outcome::Locked(lease)) if lease.fence == 7 && lease.until == 100_000));
}

#[test]
fn what_is_written_is_told_though_nobody_waits_for_acknowledgements() {
    let durability = Some(Durability::Replicas(Acknowledgements { count: 1, timeout: 7 }));
    for handler in [false, true] {
        let mut store = store();
        if handler {
            store.execute(0, FLOW, DEADLINE, command(&["a"]), retries(1), durability, Vec::new());
            store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
            store.decided(0, FLOW, vec![event()]);
        } else {
            store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&["a"])), durability, Vec::new());
            store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
        }
        assert_eq!(sent(&store.replied(0, FLOW, &appended(1), &[])), "wait");
        assert_eq!(sent(&store.cancel(0, FLOW)), "lease");
        let step = store.replied(0, FLOW, &number(0), &[]);
        let Step::Failed(Fault::TooFewAcknowledgements(0, 0, written)) = step else { panic!("{step:?}") };
        assert_eq!(written.last, 1);
    }
}

#[test]
fn a_subscription_of_a_client_that_is_closed_ends() {
    let mut store = store();
    let closing = || lost(Failure::NotSent, 8);
    store.subscribe(0, FLOW, vec![Item::default()], Cursor::default());
    let mut now = 0;
    // One that is replaced has another soon; and what breaks else does not count.
    for _ in 0..4 {
        now = until(&store.unanswered(now, FLOW, broke()));
        store.elapsed(now, FLOW);
    }
    for _ in 0..2 {
        // What is answered begins the count anew.
        store.replied(now, FLOW, &empty_page(7), &[]);
        store.elapsed(now, FLOW);
        for _ in 0..4 {
            now = until(&store.unanswered(now, FLOW, closing()));
            assert_eq!(sent(&store.elapsed(now, FLOW)), "script");
        }
    }
    assert_eq!(store.unanswered(now, FLOW, closing()), Step::Failed(Fault::Transport(closing())));
    assert!(now < 5_000_000);
}

#[test]
fn commands_of_events_that_are_not_there_are_none() {
    for (head, answer) in [(8, Some(Outcome::Nothing)), (9, None)] {
        let mut store = store();
        store.read_commands(0, FLOW, DEADLINE, Since::Position(9), 0);
        assert_eq!(sent(&store.replied(0, FLOW, &[10 | 1 << 16, 0, 0, 0], &[])), "meta");
        let state = format!("s3 {head} 9 0 0 0 0 0 1 0");
        let nodes = [10 | 2 << 16, 0, 7 | 1 << 16, 0, 7 | (state.len() as u64 - 1) << 16, 1];
        match (store.replied(0, FLOW, &nodes, state.as_bytes()), answer) {
            (Step::Done(outcome), Some(expected)) => assert_eq!(outcome, expected),
            (step, None) => assert_eq!(sent(&step), "script"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_checkpoint_is_moved_by_one_attempt() {
    let mut store = store();
    let to = Cursor { position: 5, id: Id(6) };
    let mut marks = std::collections::BTreeSet::new();
    for (set, fault) in [(1, None), (0, Some(Fault::CheckpointMoved(Some(to))))] {
        let step = store.advance(0, FLOW, DEADLINE, "c".to_owned(), None, to);
        assert!(matches!(&step, Step::Send(batch) if batch.commands.may_repeat));
        let [expected, wanted, mark] = arguments(&step, 3).try_into().unwrap();
        assert_eq!((expected.as_str(), wanted.split(' ').next()), ("", Some("5")));
        assert!(marks.insert(mark), "each attempt has its own");
        let stored = wanted.as_bytes();
        let nodes = [10 | 2 << 16, 0, 2, set, 7 | (stored.len() as u64) << 16, 0];
        match (store.replied(0, FLOW, &nodes, stored), fault) {
            (Step::Done(Outcome::Nothing), None) => {}
            (Step::Failed(found), Some(fault)) => assert_eq!(found, fault),
            other => panic!("{other:?}"),
        }
    }
}
