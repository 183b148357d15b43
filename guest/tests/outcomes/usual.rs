//! What is usual goes a short way through the core, and must end as on the long one.

use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::wire::{ClientState, EventKind, NodeKind, option};

use crate::SECOND;
use crate::bench::{Bench, Row};

fn get(id: u64) -> Row {
    Row::command(id, &["GET", "k"])
}

/// Link 1 is ready, and link 2 has a subscription, number 9, to `ch`.
fn subscribed(limits: Limits) -> Bench {
    let mut bench = Bench::ready_with(limits);
    bench.subscribe(9, &[2], b"ch");
    bench.greet(2);
    bench.received(2, b">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n");
    bench
}

#[test]
fn bytes_in_flight_of_the_whole_client_are_bounded() {
    let mut bench = Bench::ready_with(Limits { queued_bytes: 50, ..Limits::default() });
    bench.submit(&[get(1), get(2), get(3), get(4)]);
    // Each has 20 bytes: the third is one more while there are fewer.
    assert_eq!(bench.accepted(), 3);
}

#[test]
fn silence_counts_from_the_first_command_after_a_pause_and_no_later() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.quiet_after = SECOND);
    bench.greet(1);
    bench.pass(SECOND / 2);
    bench.submit(&[get(1)]);
    let asked = bench.now();
    assert_eq!(bench.wake_at(), asked + SECOND);
    bench.pass(SECOND / 2);
    bench.submit(&[get(2)]);
    assert_eq!(bench.wake_at(), asked + SECOND);
}

#[test]
fn a_link_that_only_answers_what_it_was_asked_gets_no_more() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
    bench.greet(1);
    bench.submit(&[Row::command(1, &["SET", "k", "v"]), get(2)]);
    bench.received(1, b"-READONLY no\r\n");
    let before = bench.output(1).len();
    bench.submit(&[get(3)]);
    assert_eq!((bench.accepted(), bench.output(1).len()), (0, before));
}

#[test]
fn a_connection_that_answered_counts_however_short_it_was() {
    let mut bench = Bench::ready();
    for link in 1..20 {
        bench.submit(&[get(u64::from(link))]);
        bench.received(link, b"$1\r\nv\r\n");
        let written = bench.written(link);
        bench.closed(link, Reason::Lost, written);
        // The first delay's bound, each time.
        assert!(bench.wake_at() <= bench.now() + 10_000, "{link}");
        bench.elapse(bench.wake_at());
        bench.greet(link + 1);
        assert_eq!(bench.states().last().map(|(state, _)| *state), Some(ClientState::Ready));
    }
}

#[test]
fn what_looks_like_a_message_within_another_is_none() {
    let inner = ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n";
    let mut bench = subscribed(Limits::default());
    bench.received(2, format!(">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n${}\r\n", inner.len()).as_bytes());
    bench.received(2, inner.as_bytes());
    assert_eq!(bench.count(EventKind::Message), 0);
    bench.received(2, b"\r\n");
    assert_eq!(bench.ids(EventKind::Message), [9]);
}

#[test]
fn a_reply_is_no_message_and_a_message_no_reply() {
    let mut bench = subscribed(Limits::default());
    bench.submit(&[get(1)]);
    bench.received(1, b">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n$1\r\nv\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.count(EventKind::Message)), (vec![1], 0));
}

#[test]
fn messages_for_nobody_leave_nothing() {
    let mut bench = subscribed(Limits::default());
    bench.received(2, b">3\r\n$7\r\nmessage\r\n$2\r\nno\r\n$1\r\nx\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n");
    assert_eq!((bench.ids(EventKind::Message), bench.all_nodes()), (vec![9], 3));
    let kinds = [NodeKind::Array, NodeKind::Bulk, NodeKind::Bulk].map(|kind| kind as u8);
    assert_eq!(bench.nodes_of(EventKind::Message), kinds);
}

#[test]
fn a_message_is_bounded_as_a_whole() {
    let mut bench = subscribed(Limits { reply_bytes: 60, ..Limits::default() });
    let message = |size: usize| format!(">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n${size}\r\n{}\r\n", "x".repeat(size));
    bench.received(2, message(30).as_bytes());
    assert_eq!((bench.ids(EventKind::Message), bench.closing()), (vec![9], vec![]));
    bench.received(2, message(31).as_bytes());
    assert_eq!((bench.count(EventKind::Message), bench.closing()), (0, vec![2]));
}

#[test]
fn messages_that_too_many_want_break_their_link_and_not_the_core() {
    let (audience, most) = (500, 3 << 20);
    // On the short way, and on the long one.
    for message in [">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n", ">3\r\n+message\r\n+ch\r\n$1\r\nx\r\n"] {
        let mut bench = subscribed(Limits::default());
        for id in 10..9 + audience {
            bench.subscribe(id, &[2], b"ch");
        }
        // So many can be said in a call.
        let feed = message.repeat(200);
        bench.received(2, feed.as_bytes());
        assert_eq!((bench.count(EventKind::Message), bench.closing()), (200 * audience as usize, vec![]));
        // These can't. Whom they would have been for is told of the gap, and no more is lost.
        let feed = message.repeat(65_536 / message.len());
        bench.received(2, feed.as_bytes());
        let said = bench.count(EventKind::Message);
        assert_eq!((bench.closing(), said % audience as usize), (vec![2], 0));
        assert!((most..most + 24 * audience as usize + 24).contains(&(said * 24)), "{said}");
        bench.closed(2, Reason::Local, bench.written(2));
        assert_eq!((bench.count(EventKind::Gap), bench.count(EventKind::Ended)), (audience as usize, 0));
    }
    // The few that it is not asked for can't make more in a call.
    let shortest = ">3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n".len();
    assert!(65_536 / shortest * 32 * 24 < most);
}

#[test]
fn raw_replies_and_usual_ones_take_turns() {
    let raw = |id| Row { options: option::RAW, ..get(id) };
    let mut bench = Bench::ready();
    bench.submit(&[get(1), raw(2), get(3), raw(4)]);
    let from = 4; // behind HELLO's answer
    bench.received(1, b"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [1, 2, 3, 4]);
    assert_eq!((bench.raw_of(2), bench.raw_of(4)), (vec![(from + 7, 7)], vec![(from + 21, 7)]));
}
