//! Subscriptions whose links break, or are refused.

use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::pubsub::Kind;
use coracle_core::wire::{Cause, ClientState, EventKind, NEVER};

use crate::bench::{Bench, Row};

/// What the server says to SUBSCRIBE.
pub fn confirm(bench: &mut Bench, link: u32, name: &str) {
    bench.received(link, format!(">3\r\n+subscribe\r\n+{name}\r\n:1\r\n").as_bytes());
}

/// Link 2 carries subscription 9 of the channel `c`, and there may be so many links.
fn subscribed(links: u32) -> Bench {
    let mut bench = Bench::ready_with(Limits { links, ..Limits::default() });
    bench.subscribe(9, &[1], b"c");
    bench.greet(2);
    confirm(&mut bench, 2, "c");
    assert_eq!(bench.ids(EventKind::Subscribed), [9]);
    bench
}

/// Passes time until a link is opened.
fn next_link(bench: &mut Bench) -> u32 {
    while bench.opening().is_empty() {
        assert_ne!(bench.wake_at(), NEVER);
        bench.elapse(bench.wake_at());
    }
    bench.opening()[0]
}

#[test]
fn a_subscription_keeps_its_place_however_many_wait_for_a_link() {
    let mut bench = subscribed(3);
    for id in 1..=3 {
        bench.submit(&[Row::command(id, &["BLPOP", "k", "0"])]);
    }
    bench.greet(3);
    bench.closed(2, Reason::Lost, bench.written(2));
    assert_eq!((bench.ids(EventKind::Gap), bench.opening()), (vec![9], vec![]));
    // A new one shares that place, and another that wants one for itself has none.
    bench.subscribe_alone(Kind::Channel, 10, &[1], b"c");
    assert_eq!((bench.ids(EventKind::Ended), bench.opening()), (vec![10], vec![]));
    let link = next_link(&mut bench);
    assert_eq!((link, bench.count(EventKind::Ended)), (4, 0));
    bench.greet(4);
    confirm(&mut bench, 4, "c");
    assert_eq!(bench.ids(EventKind::Subscribed), [9]);
}

#[test]
fn what_was_kept_for_a_subscription_is_given_away_when_it_ends() {
    for alone in [false, true] {
        let mut bench = Bench::ready_with(Limits { links: 2, ..Limits::default() });
        if alone {
            bench.subscribe_alone(Kind::Channel, 9, &[1], b"c");
        } else {
            bench.subscribe(9, &[1], b"c");
        }
        bench.greet(2);
        confirm(&mut bench, 2, "c");
        bench.lease(5, NEVER);
        bench.closed(2, Reason::Lost, bench.written(2));
        assert_eq!(bench.opening(), []);
        bench.unsubscribe(9);
        assert_eq!((bench.ids(EventKind::Ended), bench.opening()), (vec![9], vec![3]));
    }
}

#[test]
fn a_new_subscription_for_which_there_is_no_place_ends() {
    let mut bench = Bench::ready_with(Limits { links: 2, ..Limits::default() });
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.subscribe(9, &[1], b"c");
    assert_eq!(bench.ids(EventKind::Ended), [9]);
    // An idle link makes place for it, and who waits for one does not take it.
    bench.release(5);
    bench.subscribe(10, &[1], b"c");
    assert_eq!((bench.count(EventKind::Ended), bench.closing()), (0, vec![2]));
    bench.lease(6, NEVER);
    bench.closed(2, Reason::Local, bench.written(2));
    assert_eq!((bench.leased(), bench.opening()), (vec![], vec![3]));
    bench.greet(3);
    confirm(&mut bench, 3, "c");
    assert_eq!(bench.ids(EventKind::Subscribed), [10]);
}

#[test]
fn nobody_waits_for_a_place_that_another_had() {
    let mut bench = subscribed(2);
    bench.closed(2, Reason::Lost, bench.written(2));
    bench.unsubscribe(9);
    bench.lease(5, NEVER);
    bench.greet(3);
    assert_eq!(bench.leased().len(), 1);
    bench.subscribe(10, &[1], b"c");
    assert_eq!(bench.ids(EventKind::Ended), [10]);
}

#[test]
fn a_subscription_that_was_let_in_outlives_a_refusal() {
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    let mut bench = subscribed(8);
    bench.closed(2, Reason::Lost, bench.written(2));
    let link = next_link(&mut bench);
    bench.opened(link);
    bench.received(link, wrong.as_bytes());
    bench.closed(link, Reason::Local, 0);
    assert_eq!(bench.count(EventKind::Ended), 0);
    let link = next_link(&mut bench);
    bench.greet(link);
    confirm(&mut bench, link, "c");
    assert_eq!(bench.ids(EventKind::Subscribed), [9]);
    // One that was not is told at once.
    let mut bench = Bench::ready();
    bench.subscribe(9, &[1], b"c");
    bench.opened(2);
    bench.received(2, wrong.as_bytes());
    bench.closed(2, Reason::Local, 0);
    assert_eq!(bench.ids(EventKind::Ended), [9]);
}

#[test]
fn a_handshake_is_tried_again_where_an_error_passes() {
    let busy = "-BUSY Redis is busy running a script.\r\n";
    let mut bench = Bench::with(Limits::default(), |settings| settings.database = 3);
    bench.opened(1);
    bench.received(1, format!("%0\r\n{busy}").as_bytes());
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, 0);
    assert_eq!(bench.states(), [(ClientState::Down, Cause::Unreachable)]);
    let link = next_link(&mut bench);
    bench.opened(link);
    bench.received(link, b"%0\r\n+OK\r\n");
    assert_eq!(bench.states(), [(ClientState::Ready, Cause::None)]);
    // So is that of a new subscription.
    bench.subscribe(9, &[1], b"c");
    bench.opened(3);
    bench.received(3, format!("%0\r\n{busy}").as_bytes());
    bench.closed(3, Reason::Local, 0);
    assert_eq!(bench.count(EventKind::Ended), 0);
    assert_eq!(next_link(&mut bench), 4);
}

/// The server says that it has subscribed to this shard channel, or not any longer.
fn shard(bench: &mut Bench, word: &str, name: &str) {
    bench.received(2, format!(">3\r\n+{word}\r\n+{name}\r\n:1\r\n").as_bytes());
}

#[test]
fn what_the_server_ends_is_not_mistaken_for_what_we_end() {
    let mut bench = Bench::ready();
    bench.subscribe_to_names(Kind::Shard, 8, &[1], b"a");
    bench.greet(2);
    bench.subscribe_to_names(Kind::Shard, 9, &[1, 1], b"bc");
    for name in ["a", "b", "c"] {
        shard(&mut bench, "ssubscribe", name);
    }
    bench.unsubscribe(8);
    let from = bench.output(2).len();
    // A slot moves away. The other name of whoever loses one is of no use to him.
    shard(&mut bench, "sunsubscribe", "b");
    assert_eq!(bench.ids(EventKind::Ended), [9]);
    assert_eq!(&bench.output(2)[from..], b"*2\r\n$12\r\nSUNSUBSCRIBE\r\n$1\r\nc\r\n");
    shard(&mut bench, "sunsubscribe", "a");
    assert_eq!(bench.ids(EventKind::Ended), [8]);
    shard(&mut bench, "sunsubscribe", "c");
    assert_eq!((bench.count(EventKind::Ended), bench.closing()), (0, vec![]));
}

#[test]
fn what_we_end_is_not_mistaken_for_what_is_wanted_again() {
    let mut bench = Bench::ready();
    bench.subscribe_to_names(Kind::Shard, 8, &[1], b"a");
    bench.greet(2);
    shard(&mut bench, "ssubscribe", "a");
    bench.unsubscribe(8);
    bench.subscribe_to_names(Kind::Shard, 9, &[1], b"a");
    shard(&mut bench, "sunsubscribe", "a");
    assert_eq!(bench.ids(EventKind::Ended), [8]);
    shard(&mut bench, "ssubscribe", "a");
    assert_eq!(bench.ids(EventKind::Subscribed), [9]);
}

#[test]
fn a_link_of_its_own_closes_with_what_the_server_ends() {
    let mut bench = Bench::ready();
    bench.subscribe_alone(Kind::Shard, 9, &[1, 1], b"ab");
    bench.greet(2);
    shard(&mut bench, "ssubscribe", "a");
    shard(&mut bench, "ssubscribe", "b");
    shard(&mut bench, "sunsubscribe", "a");
    assert_eq!((bench.ids(EventKind::Ended), bench.closing()), (vec![9], vec![2]));
}

#[test]
fn a_gap_is_told_each_time_that_messages_may_have_been_lost() {
    let mut bench = Bench::ready();
    bench.subscribe(9, &[1, 1], b"cd");
    bench.greet(2);
    confirm(&mut bench, 2, "c");
    confirm(&mut bench, 2, "d");
    bench.closed(2, Reason::Lost, bench.written(2));
    assert_eq!(bench.ids(EventKind::Gap), [9]);
    // One name is back, and so are its messages.
    let link = next_link(&mut bench);
    bench.greet(link);
    confirm(&mut bench, link, "c");
    bench.received(link, b">3\r\n+message\r\n+c\r\n$1\r\nx\r\n");
    assert_eq!(bench.ids(EventKind::Message), [9]);
    bench.closed(link, Reason::Lost, bench.written(link));
    assert_eq!(bench.ids(EventKind::Gap), [9]);
    // None is: nothing could be lost that was not told of.
    let link = next_link(&mut bench);
    bench.greet(link);
    bench.closed(link, Reason::Lost, bench.written(link));
    assert_eq!(bench.count(EventKind::Gap), 0);
}

/// However it comes in pieces, the name of a push is needed whole; what it carries may be longer than that and pass by.
#[test]
fn names_that_are_longer_than_what_passes_by_are_known() {
    let name = "n".repeat(50_000);
    let pushes = |resp2: bool, name: &str| {
        let sign = if resp2 { '*' } else { '>' };
        let (length, payload) = (name.len(), "p".repeat(20_000));
        [
            format!("{sign}3\r\n$9\r\nsubscribe\r\n${length}\r\n{name}\r\n:1\r\n"),
            format!("{sign}3\r\n$7\r\nmessage\r\n${length}\r\n{name}\r\n$1\r\nx\r\n"),
            format!("{sign}3\r\n$7\r\nmessage\r\n${length}\r\n{name}\r\n$20000\r\n{payload}\r\n"),
        ]
    };
    for resp2 in [false, true] {
        let mut bench = Bench::with(Limits::default(), |settings| settings.resp2 = resp2);
        let greet = |bench: &mut Bench, link| {
            bench.opened(link);
            if !resp2 {
                bench.received(link, b"%0\r\n");
            }
        };
        greet(&mut bench, 1);
        bench.subscribe(9, &[50_000], name.as_bytes());
        greet(&mut bench, 2);
        let [confirmed, short, long] = pushes(resp2, &name);
        let in_pieces = |bench: &mut Bench, bytes: &str, kind: EventKind| {
            let (mut count, mut skipped, mut rest) = (0, 0, bytes.as_bytes());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(999));
                bench.received_after(2, skipped, piece);
                assert_eq!(bench.closing(), [0; 0]);
                count += bench.count(kind);
                skipped = bench.pass_by().min(behind.len() as u64);
                rest = &behind[skipped as usize..];
            }
            count
        };
        assert_eq!(in_pieces(&mut bench, &confirmed, EventKind::Subscribed), 1, "{resp2}");
        assert_eq!(in_pieces(&mut bench, &short, EventKind::Message), 1, "{resp2}");
        // Its end passes by the core, so it leaves in parts.
        assert_eq!(in_pieces(&mut bench, &long, EventKind::Message), 1, "{resp2}");
    }
}
