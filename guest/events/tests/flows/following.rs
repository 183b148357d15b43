//! Who follows the log, and who listens for all of them.

use coracle_events::event::Cursor;
use coracle_events::query::Item;
use coracle_events::step::{Failure, Fault, Outcome, Step};
use coracle_events::store::Store;

use crate::bench::{FLOW, broke, empty_page, lost, numbers, page, said, sent, store, text, until};

/// The flow that listens.
const EAR: u64 = 100;
/// An error of the server's.
const ERROR: [u64; 2] = [6 | 3 << 16, 0];

fn follow(store: &mut Store, now: u64, flow: u64) -> Step {
    store.subscribe(now, flow, vec![Item::default()], Cursor::default())
}

/// A round of this flow, which was sent for, finds nothing up to here.
fn found(store: &mut Store, now: u64, flow: u64, head: u64) -> Step {
    store.replied(now, flow, &empty_page(head), &[])
}

/// Nothing came for as long as the server was asked to wait.
fn silence(store: &mut Store, now: u64) -> Step {
    store.replied(now, EAR, &[0, 0], &[])
}

/// A listener asks the server to ring, which it does.
fn has_it_rung(store: &mut Store, now: u64) {
    assert!(asks(&store.listen(now, EAR)));
    assert_eq!(store.replied(now, EAR, &numbers(&[0]), &[]), Step::Done(Outcome::Nothing));
}

/// One that is parked at this head, and the bell asked for.
fn parked(store: &mut Store, flow: u64, head: u64) {
    follow(store, 0, flow);
    assert!(parks(&found(store, 0, flow, head)));
    has_it_rung(store, 0);
    assert_eq!(sent(&store.elapsed(0, flow)), "script");
    assert!(parks(&found(store, 0, flow, head)));
}

fn parks(step: &Step) -> bool {
    matches!(step, Step::Park(_))
}

fn has(step: &Step, what: &str) -> bool {
    matches!(step, Step::Send(batch) if text(batch).contains(what))
}

fn asks(step: &Step) -> bool {
    sent(step) == "listen" && has(step, "120000")
}

/// Whether it waits for what is behind a position of one digit, so many milliseconds.
fn waits(step: &Step, behind: u64, time: u64) -> bool {
    sent(step) == "bell" && has(step, &format!("{{n}}:b{behind}")) && has(step, &time.to_string())
}

#[test]
fn the_bell_is_asked_for_as_long_as_somebody_waits() {
    let mut store = store();
    parked(&mut store, FLOW, 7);
    // The last wait ends while it rings: it was asked for two minutes, at 0.
    for now in [10_000_000, 80_000_000] {
        assert!(waits(&store.listen(now, EAR), 7, 30_000));
        assert_eq!(silence(&mut store, now), Step::Done(Outcome::Nothing));
        store.elapsed(now, FLOW);
        assert!(parks(&found(&mut store, now, FLOW, 7)));
    }
    assert!(asks(&store.listen(80_000_001, EAR)));
    // A server that refuses to write is looked at each second, and asked again later.
    assert_eq!(store.replied(81_000_000, EAR, &ERROR, b"OOM"), Step::Done(Outcome::Nothing));
    for now in [81_000_000, 180_000_000] {
        store.elapsed(now, FLOW);
        assert!(parks(&found(&mut store, now, FLOW, 7)));
        assert!(waits(&store.listen(now, EAR), 7, 1000));
        silence(&mut store, now);
    }
    has_it_rung(&mut store, 190_000_001);
    store.elapsed(191_000_000, FLOW);
    found(&mut store, 191_000_000, FLOW, 7);
    assert!(waits(&store.listen(191_000_000, EAR), 7, 30_000));
    // Behind a link that broke nobody may be asked to ring.
    let now = until(&store.unanswered(192_000_000, EAR, broke()));
    assert_eq!(store.elapsed(now, EAR), Step::Done(Outcome::Nothing));
    store.elapsed(now, FLOW);
    found(&mut store, now, FLOW, 7);
    assert!(asks(&store.listen(now, EAR)));
}

#[test]
fn a_wait_is_answered_in_time_and_never_repeated() {
    let mut store = store();
    parked(&mut store, FLOW, 7);
    let step = store.listen(5, EAR);
    assert!(matches!(&step, Step::Send(batch) if batch.deadline == 40_000_005 && !batch.commands.may_repeat));
}

/// However often the server refuses that, pages are read.
#[test]
fn a_bell_that_cannot_be_waited_for_is_done_without() {
    let mut store = store();
    parked(&mut store, FLOW, 7);
    let mut now = 0;
    for _ in 0..50 {
        store.listen(now, EAR);
        let before = now;
        now = until(&store.replied(now, EAR, &ERROR, b"NOPERM"));
        assert!(now <= before + 1_000_000);
        assert_eq!(store.elapsed(now, EAR), Step::Done(Outcome::Nothing));
        store.elapsed(now, FLOW);
        found(&mut store, now, FLOW, 7);
    }
    // Not as often as at first.
    assert!(now > 10_000_000, "{now}");
    // Until it once could.
    store.listen(now, EAR);
    silence(&mut store, now);
    store.listen(now, EAR);
    assert!(until(&store.replied(now, EAR, &ERROR, b"NOPERM")) <= now + 10_000);
}

#[test]
fn all_who_follow_wait_by_one_listener_for_what_is_behind_the_lowest() {
    let mut store = store();
    parked(&mut store, 1, 5);
    for (flow, head) in [(2, 4), (3, 6)] {
        follow(&mut store, 0, flow);
        assert!(parks(&found(&mut store, 0, flow, head)));
    }
    assert!(waits(&store.listen(0, EAR), 4, 30_000));
    silence(&mut store, 9);
    // Those that come later wait for theirs.
    store.elapsed(9, 1);
    assert!(parks(&found(&mut store, 9, 1, 8)));
    assert!(waits(&store.listen(9, EAR), 8, 30_000));
}

/// It knows less than the listener, which waits for what is behind that.
#[test]
fn who_is_behind_the_listener_looks_once_more() {
    let mut store = store();
    parked(&mut store, 1, 5);
    store.listen(0, EAR);
    follow(&mut store, 0, 2);
    assert_eq!(sent(&found(&mut store, 0, 2, 4)), "script");
    assert!(parks(&found(&mut store, 0, 2, 5)));
    // A log that lost its end stays behind.
    follow(&mut store, 0, 3);
    assert_eq!(sent(&found(&mut store, 0, 3, 4)), "script");
    assert!(parks(&found(&mut store, 0, 3, 4)));
    // And the next time again.
    store.elapsed(0, 3);
    assert_eq!(sent(&found(&mut store, 0, 3, 4)), "script");
}

/// What was appended before the bell was asked to ring did not.
#[test]
fn who_began_a_round_before_the_bell_was_asked_looks_once_more() {
    let mut store = store();
    follow(&mut store, 0, 1);
    follow(&mut store, 0, 2);
    follow(&mut store, 0, 3);
    assert!(parks(&found(&mut store, 0, 1, 7)));
    has_it_rung(&mut store, 0);
    // However late its last page is sent for, or again: where it ends was said by the first.
    let (nodes, texts) = page(7, 3, &[], &[]);
    assert_eq!(sent(&store.replied(0, 2, &nodes, &texts)), "script");
    let now = until(&store.unanswered(0, 2, broke()));
    assert_eq!(sent(&store.elapsed(now, 2)), "script");
    let step = found(&mut store, now, 2, 7);
    assert!(sent(&step) == "script" && has(&step, "7"), "{step:?}");
    assert!(parks(&found(&mut store, now, 2, 7)));
    // And though somebody listens by now.
    store.listen(now, EAR);
    assert_eq!(sent(&found(&mut store, now, 3, 7)), "script");
    assert!(parks(&found(&mut store, now, 3, 7)));
}

/// What it waits for may be the bell of a server that nobody appends to any more.
#[test]
fn a_listener_is_not_relied_on_behind_a_link_that_broke() {
    let mut store = store();
    parked(&mut store, 1, 7);
    follow(&mut store, 0, 2);
    assert!(waits(&store.listen(0, EAR), 7, 30_000));
    let mut now = until(&store.unanswered(0, 2, broke()));
    for _ in 0..20 {
        assert_eq!(sent(&store.elapsed(now, 2)), "script");
        let before = now;
        now = until(&found(&mut store, now, 2, 7));
        assert!(now <= before + 1_000_000);
    }
    // Not as often as at first.
    assert!(now > 1_000_000, "{now}");
    silence(&mut store, now);
    store.elapsed(now, 2);
    assert!(parks(&found(&mut store, now, 2, 7)));
    has_it_rung(&mut store, now);
    store.elapsed(now, 1);
    assert!(parks(&found(&mut store, now, 1, 7)));
    // Who does not want to know any more says nothing of the link.
    store.listen(now, EAR);
    store.elapsed(now, 2);
    store.unanswered(now, 2, lost(Failure::MaybeExecuted, 2));
    store.cancel(now, 2);
    follow(&mut store, now, 3);
    assert!(parks(&found(&mut store, now, 3, 7)));
}

#[test]
fn a_listener_that_is_cancelled_leaves_those_to_the_next_who_park_later() {
    let mut store = store();
    parked(&mut store, 1, 7);
    store.listen(0, EAR);
    assert_eq!(store.cancel(0, 1), Step::Failed(Fault::Cancelled(false)));
    assert_eq!(store.cancel(0, EAR), Step::Failed(Fault::Cancelled(false)));
    follow(&mut store, 0, 2);
    assert!(parks(&found(&mut store, 0, 2, 9)));
    assert!(waits(&store.listen(0, EAR), 9, 30_000));
    // One that ends while there is another is no listener any more.
    assert!(waits(&store.listen(0, EAR + 1), 0, 30_000));
    store.cancel(0, EAR);
    follow(&mut store, 0, 3);
    assert_eq!(found(&mut store, 0, 3, 8), Step::Park(4));
}

/// Nobody knows whether the server was asked.
#[test]
fn a_bell_that_was_asked_for_without_an_answer_is_asked_for_again() {
    for cause in [None, Some(2), Some(3)] {
        let mut store = store();
        follow(&mut store, 0, 1);
        assert!(parks(&found(&mut store, 0, 1, 7)));
        assert!(asks(&store.listen(0, EAR)));
        if let Some(cause) = cause {
            until(&store.unanswered(0, EAR, lost(Failure::MaybeExecuted, cause)));
        }
        assert_eq!(store.cancel(0, EAR), Step::Failed(Fault::Cancelled(false)));
        store.elapsed(0, 1);
        assert!(parks(&found(&mut store, 0, 1, 7)));
        assert!(asks(&store.listen(0, EAR)), "{cause:?}");
    }
    // A link broke meanwhile: what answers may be no server that anybody appends to.
    let mut store = store();
    for flow in [1, 2] {
        follow(&mut store, 0, flow);
    }
    assert!(parks(&found(&mut store, 0, 1, 7)));
    assert!(asks(&store.listen(0, EAR)));
    until(&store.unanswered(0, 2, broke()));
    assert_eq!(store.replied(0, EAR, &numbers(&[0]), &[]), Step::Done(Outcome::Nothing));
    store.elapsed(0, 1);
    assert!(parks(&found(&mut store, 0, 1, 7)));
    assert!(asks(&store.listen(0, EAR)));
}

/// The host may hear of a listener's end, and of the next one's beginning, before it does what a flow was told.
#[test]
fn who_is_parked_is_told_which_listener_he_may_wait_for() {
    let mut store = store();
    parked(&mut store, 1, 7);
    // The first asked for the bell. This one waits for both, the later one for more than the second has seen.
    follow(&mut store, 0, 2);
    assert_eq!(found(&mut store, 0, 2, 6), Step::Park(2));
    assert!(waits(&store.listen(0, EAR), 6, 30_000));
    follow(&mut store, 0, 3);
    assert_eq!(found(&mut store, 0, 3, 6), Step::Park(2));
    silence(&mut store, 0);
    store.elapsed(0, 1);
    assert_eq!(found(&mut store, 0, 1, 9), Step::Park(3));
    assert!(waits(&store.listen(0, EAR), 9, 30_000));
    // Who looked once more while another one listened has not done so for this one.
    store.elapsed(0, 3);
    assert_eq!(sent(&found(&mut store, 0, 3, 8)), "script");
    silence(&mut store, 0);
    store.elapsed(0, 1);
    assert_eq!(found(&mut store, 0, 1, 10), Step::Park(4));
    assert!(waits(&store.listen(0, EAR), 10, 30_000));
    assert_eq!(sent(&found(&mut store, 0, 3, 9)), "script");
    assert_eq!(found(&mut store, 0, 3, 10), Step::Park(4));
}

#[test]
fn there_is_room_for_one_listener_beside_all_others() {
    let mut store = store();
    for flow in 1..=3 {
        follow(&mut store, 0, flow);
    }
    assert_eq!(follow(&mut store, 0, 4), Step::Failed(Fault::TooManyFlows));
    assert!(asks(&store.listen(0, EAR)));
    assert_eq!(store.listen(0, EAR + 1), Step::Failed(Fault::TooManyFlows));
    // It takes nobody's place.
    store.cancel(0, 1);
    follow(&mut store, 0, 4);
    store.replied(0, EAR, &numbers(&[0]), &[]);
    assert!(waits(&store.listen(0, EAR + 1), 0, 30_000));
}

#[test]
fn a_subscription_outlives_what_breaks() {
    let mut store = store();
    let mut now = 0;
    assert_eq!(sent(&follow(&mut store, now, FLOW)), "script");
    for _ in 0..50 {
        let step = store.unanswered(now, FLOW, lost(Failure::NotSent, 4));
        assert!(until(&step) <= now + 1_000_000);
        now = until(&step);
        assert_eq!(sent(&store.elapsed(now, FLOW)), "script");
    }
    assert!(parks(&found(&mut store, now, FLOW, 7)));
    // It looks whether the log is still the same.
    let step = store.elapsed(now, FLOW);
    assert!(sent(&step) == "script" && has(&step, "7"), "{step:?}");
    // Of what is gone it has told nothing: it begins again.
    let step = store.replied(now, FLOW, &numbers(&[4, 6]), &[]);
    store.cancel(now, FLOW);
    assert_eq!(said(&step), said(&follow(&mut store, now, FLOW)));
    store.cancel(now, FLOW);
    // While the store is rebuilt, which may take long.
    follow(&mut store, now, FLOW);
    for _ in 0..20 {
        now = until(&store.replied(now, FLOW, &numbers(&[10]), &[]));
        assert_eq!(sent(&store.elapsed(now, FLOW)), "script");
    }
    store.cancel(now, FLOW);
    // An error of the server's, again and again.
    follow(&mut store, now, FLOW);
    for _ in 0..10 {
        now = until(&store.replied(now, FLOW, &ERROR, b"ERR"));
        store.elapsed(now, FLOW);
    }
    assert_eq!(store.replied(now, FLOW, &ERROR, b"ERR"), Step::Failed(Fault::Server("ERR".to_owned())));
}

#[test]
fn a_subscription_outlives_what_passes_however_long() {
    let mut store = store();
    let mut step = follow(&mut store, 0, FLOW);
    let mut now = 0;
    for _ in 0..100 {
        assert_eq!(sent(&step), "script");
        now = until(&store.replied(now, FLOW, &[6 | 9 << 16, 0], b"BUSY a b "));
        step = store.elapsed(now, FLOW);
    }
    // Not one refusal was counted, nor is a link that breaks.
    for _ in 0..5 {
        now = until(&store.replied(now, FLOW, &ERROR, b"ERR"));
        store.elapsed(now, FLOW);
        now = until(&store.unanswered(now, FLOW, broke()));
        store.elapsed(now, FLOW);
    }
    assert!(parks(&found(&mut store, now, FLOW, 7)));
}
