//! Many names: in which commands they are sent and refused, and how many there may be.

use coracle_core::pubsub::{MAX_NAMES, NAME};
use coracle_core::wire::{EventKind, NEVER};

use crate::bench::Bench;
use crate::hubs::confirm;

/// Names of four bytes, so many.
fn names(count: usize) -> (Vec<u32>, String) {
    (vec![4; count], (0..count).map(|number| format!("{number:04}")).collect())
}

#[test]
fn a_refusal_is_of_the_names_in_its_command() {
    for second_refused in [false, true] {
        let mut bench = Bench::ready();
        let (lengths, text) = names(1500);
        bench.subscribe(8, &lengths, text.as_bytes());
        bench.greet(2);
        // One name of the second command, and one of its own.
        bench.subscribe(9, &[4, 4], b"1400mine");
        let from = bench.output(2).len();
        bench.received(2, b"-NOPERM no\r\n");
        assert_eq!((bench.ids(EventKind::Ended), bench.closing()), (vec![8], vec![]));
        // What is sent, and nobody wants.
        let given_up = String::from_utf8_lossy(&bench.output(2)[from..]).into_owned();
        assert!(given_up.starts_with("*500\r\n$11\r\nUNSUBSCRIBE\r\n$4\r\n1000\r\n"), "{given_up:.80}");
        assert!(!given_up.contains("\r\n1400\r\n"));
        if second_refused {
            bench.received(2, b"-NOPERM no\r\n");
            assert_eq!((bench.ids(EventKind::Ended), bench.closing()), (vec![9], vec![]));
        } else {
            (1000..1500).for_each(|name| confirm(&mut bench, 2, &name.to_string()));
            confirm(&mut bench, 2, "mine");
            assert_eq!((bench.ids(EventKind::Subscribed), bench.closing()), (vec![9], vec![]));
        }
    }
}

#[test]
fn many_subscriptions_are_sent_in_portions() {
    let count = 5000;
    let mut bench = Bench::ready();
    bench.subscribe(1, &[1], b"c");
    bench.opened(2);
    let name = |id: u64| format!("{id:0>30}");
    for id in 2..=count {
        bench.subscribe(id, &[30], name(id).as_bytes());
    }
    let mut sent = bench.output(2).len();
    bench.received(2, b"%0\r\n");
    let mut calls = 1;
    loop {
        let more = bench.output(2).len() - sent;
        assert!((1..80_000).contains(&more), "{more}");
        sent = bench.output(2).len();
        if bench.wake_at() == NEVER {
            break;
        }
        assert_eq!(bench.wake_at(), bench.now());
        // One that comes meanwhile need not wait, nor one that goes.
        if calls == 1 {
            bench.subscribe(count + 1, &[3], b"new");
            assert!(bench.output(2).ends_with(b"SUBSCRIBE\r\n$3\r\nnew\r\n"));
            bench.unsubscribe(count);
            assert_eq!(bench.ids(EventKind::Ended), [count]);
            sent = bench.output(2).len();
        }
        bench.elapse(bench.now() + 1);
        calls += 1;
    }
    assert!(calls > 3);
    let output = String::from_utf8_lossy(bench.output(2)).into_owned();
    assert_eq!(output.matches("$9\r\nSUBSCRIBE\r\n").count() as u64, count);
    assert!(!output.contains(&name(count)));
}

#[test]
fn portions_end_with_their_link() {
    let mut bench = Bench::ready();
    let (lengths, text) = names(9000);
    for id in 1..=3 {
        bench.subscribe(id, &lengths, text.as_bytes());
    }
    bench.greet(2);
    assert_eq!(bench.wake_at(), bench.now());
    bench.received(2, b"?\r\n");
    assert_eq!(bench.closing(), [2]);
    bench.elapse(bench.now() + 1);
    assert_eq!(bench.wake_at(), NEVER);
}

#[test]
fn the_names_of_all_subscriptions_are_bounded() {
    let name = "x".repeat(65_536);
    let mut bench = Bench::ready();
    let mut id = 0;
    while bench.count(EventKind::Ended) == 0 {
        id += 1;
        assert!(id < 1000);
        bench.subscribe(id, &[65_536], name.as_bytes());
    }
    assert_eq!((bench.ids(EventKind::Ended), id), (vec![id], MAX_NAMES as u64 / (2 * 65_536 + NAME as u64) + 1));
    // One that ends makes room for another.
    bench.unsubscribe(1);
    bench.subscribe(2000, &[65_536], name.as_bytes());
    assert_eq!(bench.count(EventKind::Ended), 0);
    bench.subscribe(2001, &[1], b"c");
    bench.subscribe(2002, &[65_536], name.as_bytes());
    assert_eq!(bench.ids(EventKind::Ended), [2002]);
}
