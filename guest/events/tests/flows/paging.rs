//! Logs of more than one page, which may be another log by the next page.

use coracle_events::event::{Cursor, Id};
use coracle_events::query::Item;
use coracle_events::step::{Fault, Outcome, Step};
use coracle_events::store::Store;

use crate::bench::{DEADLINE, FLOW, arguments, bodies, everything, numbers, page, store};

/// A page with events, which the caller takes: what is sent next.
fn told(store: &mut Store, page: &(Vec<u64>, Vec<u8>), cursor: u64) -> Step {
    let step = store.replied(0, FLOW, &page.0, &page.1);
    assert!(matches!(&step, Step::Events(page) if page.cursor.position == cursor), "{step:?}");
    store.resume(0, FLOW)
}

/// Whether a page is asked for: the place that is compared, with the tail of its id, and what is read behind or before.
fn asks(step: &Step, place: Option<(u64, u64)>, from: u64) -> bool {
    // Behind the place there is where it is in its list; without one, the segment that is current and its beginning.
    let front = place.map_or(vec![0, 1], |(position, tail)| vec![position, tail, position - 1]);
    let expected: Vec<String> = front.into_iter().chain([from]).map(|number| number.to_string()).collect();
    // Six follow.
    arguments(step, expected.len() + 6).starts_with(&expected)
}

#[test]
fn each_page_compares_the_log_that_the_first_one_saw() {
    for (refused, fault) in [([4, 8], Fault::Ahead(8)), ([5, 20], Fault::Rewritten(20))] {
        let mut store = store();
        assert!(asks(&store.read(0, FLOW, DEADLINE, everything(0)), None, 0));
        let step = told(&mut store, &page(20, 10, &[1, 10], &[]), 10);
        // The head, the tail of its id, where it is in the list; then from where on.
        assert!(asks(&step, Some((20, 9)), 10), "{step:?}");
        let step = told(&mut store, &page(25, 15, &[11], &[]), 11);
        assert!(asks(&step, Some((20, 9)), 15), "the head is the first page's: {step:?}");
        assert_eq!(store.replied(0, FLOW, &numbers(&refused), &[]), Step::Failed(fault));
    }
}

#[test]
fn bodies_that_had_no_room_are_of_the_same_log() {
    let mut store = store();
    store.read(0, FLOW, DEADLINE, everything(0));
    let step = told(&mut store, &page(20, 20, &[1], &[7, 8, 9]), 1);
    // Where the head is in its list, the tail of its id; three positions.
    assert_eq!(arguments(&step, 6), ["19", "9", "3", "7", "8", "9"]);
    let step = told(&mut store, &bodies(&[7]), 7);
    assert_eq!(arguments(&step, 5), ["19", "9", "2", "8", "9"]);
    // Another event is at that place: the page finds out which log that is.
    let step = store.replied(0, FLOW, &[2, 0], &[]);
    assert!(asks(&step, Some((20, 9)), 7), "{step:?}");
    let step = told(&mut store, &page(20, 20, &[8], &[9]), 8);
    assert_eq!(arguments(&step, 4), ["19", "9", "1", "9"]);
    let step = told(&mut store, &bodies(&[9]), 20);
    assert!(matches!(step, Step::Done(Outcome::Read(head)) if head.position == 20), "{step:?}");

    // Backwards, from behind it.
    let mut backwards = everything(0);
    backwards.backwards = true;
    store.read(0, FLOW, DEADLINE, backwards);
    told(&mut store, &page(20, 1, &[20], &[15, 3]), 20);
    // One is not there.
    let step = store.replied(0, FLOW, &[10 | 1 << 16, 0, 0, 0], &[]);
    assert!(asks(&step, Some((20, 9)), 16), "{step:?}");
}

#[test]
fn a_subscription_goes_on_where_what_it_told_is_still_there() {
    let all = || vec![Item::default()];
    for (gone, fault) in [([4, 8], Fault::Ahead(8)), ([5, 10], Fault::Rewritten(10))] {
        let mut store = store();
        store.subscribe(0, FLOW, all(), Cursor { position: 3, id: Id(3) });
        let step = told(&mut store, &page(20, 15, &[10], &[]), 10);
        assert!(asks(&step, Some((20, 9)), 15), "{step:?}");
        // The head of then is gone; what was told may be there.
        let step = store.replied(0, FLOW, &numbers(&[4, 12]), &[]);
        assert!(asks(&step, Some((10, 10)), 10), "{step:?}");
        assert_eq!(store.replied(0, FLOW, &numbers(&gone), &[]), Step::Failed(fault));
    }
    let mut store = store();
    store.subscribe(0, FLOW, all(), Cursor { position: 3, id: Id(3) });
    told(&mut store, &page(20, 15, &[10], &[16]), 10);
    store.replied(0, FLOW, &[2, 0], &[]);
    store.replied(0, FLOW, &numbers(&[5, 20]), &[]);
    let step = told(&mut store, &page(12, 12, &[11], &[]), 12);
    assert!(matches!(step, Step::Park(_)), "the round ended at the other log's head: {step:?}");
}

/// Nothing of a page is believed that the script does not write.
#[test]
fn a_page_that_is_none_is_an_error() {
    let (nodes, texts) = page(20, 10, &[1, 10], &[]);
    let (digits, two) = (texts.len() - "1,10".len(), 10 | 2 << 16);
    let more_bodies = nodes.iter().map(|word| if *word == two { 10 | 3 << 16 } else { *word }).collect();
    for (nodes, end) in [(more_bodies, "1,10"), (nodes.clone(), "1,x0"), (nodes.clone(), "1234"), (nodes, ",110")] {
        let mut store = store();
        store.read(0, FLOW, DEADLINE, everything(0));
        let texts = [texts.get(..digits).unwrap_or_default(), end.as_bytes()].concat();
        let step = store.replied(0, FLOW, &nodes, &texts);
        assert!(matches!(step, Step::Failed(Fault::Server(_))), "{end}: {step:?}");
    }
}
