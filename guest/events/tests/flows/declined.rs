//! What an execution does when its handler gives an error.

use coracle_events::event::Id;
use coracle_events::step::{Failure, Fault, Outcome, Step};
use coracle_events::store::Store;

use crate::bench::{DEADLINE, FLOW, broke, command, lost, number, numbers, retries, sent, store};

/// A store with an execution whose handler gave an error, and what that sends.
fn declined(locks: &[&str]) -> (Store, Step) {
    let mut store = store();
    let mut step = store.execute(0, FLOW, DEADLINE, command(locks), retries(3), None, Vec::new());
    while let Step::Send(_) = step {
        step = store.replied(0, FLOW, &numbers(&[0, 7]), b"");
    }
    assert!(matches!(step, Step::Decide(_)), "{step:?}");
    let step = store.declined(1, FLOW);
    (store, step)
}

/// A string, and its reply.
fn text(text: &str) -> (Vec<u64>, &[u8]) {
    (vec![7 | (text.len() as u64) << 16, 0], text.as_bytes())
}

#[test]
fn the_marker_is_asked_for() {
    let (_, step) = declined(&[]);
    let Step::Send(batch) = &step else { panic!("{step:?}") };
    let bytes = String::from_utf8_lossy(&batch.commands.bytes);
    assert_eq!(bytes, "GET{n}:d:00000000000000000000000000000008");
}

#[test]
fn what_was_executed_before_is_the_result() {
    let (mut store, _) = declined(&[]);
    let (nodes, bytes) = text("4 3 4 2 9");
    let step = store.replied(2, FLOW, &nodes, bytes);
    let Step::Done(Outcome::Appended(appended)) = step else { panic!("{step:?}") };
    assert_eq!((appended.first, appended.last, appended.command, appended.repeated), (3, 4, 2, true));
}

#[test]
fn what_was_not_is_cancelled() {
    let (mut store, _) = declined(&[]);
    assert_eq!(store.replied(2, FLOW, &[0, 0], b""), Step::Failed(Fault::Cancelled(false)));
}

#[test]
fn what_can_not_be_known_is_told_as_that() {
    for lost in [broke(), lost(Failure::NotSent, 3)] {
        let (mut store, _) = declined(&[]);
        assert_eq!(store.unanswered(2, FLOW, lost.clone()), Step::Failed(Fault::Transport(lost)));
    }
    let (mut store, _) = declined(&[]);
    let late = lost(Failure::MaybeExecuted, 1);
    assert_eq!(store.unanswered(2, FLOW, late), Step::Failed(Fault::Deadline(true)));
}

#[test]
fn another_content_is_told() {
    let (mut store, _) = declined(&[]);
    let (nodes, bytes) = text("5 3 4 2 9");
    assert_eq!(store.replied(2, FLOW, &nodes, bytes), Step::Failed(Fault::IdReused(Id(8))));
}

#[test]
fn what_is_no_marker_is_told() {
    for wrong in ["", "4", "4 3 4 2", "x 3 4 2 9", "4 3 4 2 x"] {
        let (mut store, _) = declined(&[]);
        let (nodes, bytes) = text(wrong);
        let step = store.replied(2, FLOW, &nodes, bytes);
        assert!(matches!(step, Step::Failed(Fault::Corrupt(..))), "{wrong:?}: {step:?}");
    }
}

#[test]
fn locks_are_given_back_whatever_it_was() {
    for (nodes, bytes) in [(vec![0, 0], &b""[..]), (text("4 3 4 2 9").0, b"4 3 4 2 9")] {
        let (mut store, _) = declined(&["a"]);
        let step = store.replied(2, FLOW, &nodes, bytes);
        assert_eq!(sent(&step), "lease");
        let over = store.replied(3, FLOW, &number(0), b"");
        assert!(matches!(over, Step::Done(_) | Step::Failed(Fault::Cancelled(false))), "{over:?}");
    }
}
