//! What the simulation found (`tests/simulation`), each cut down to the calls that show it.

use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::wire::{Cause, EventKind, Failure, HELD, NEVER, option};

use crate::bench::{Bench, Row};

/// Link 2 carries subscription 9 of the channel `c`.
fn subscribed() -> Bench {
    let mut bench = Bench::ready();
    bench.subscribe(9, &[1], b"c");
    bench.greet(2);
    bench.received(2, b">3\r\n+subscribe\r\n+c\r\n:1\r\n");
    assert_eq!(bench.ids(EventKind::Subscribed), [9]);
    bench
}

#[test]
fn an_unsubscribe_that_is_lost_with_its_link_ends_the_subscription() {
    let mut bench = subscribed();
    bench.unsubscribe(9);
    assert_eq!(bench.count(EventKind::Ended), 0);
    bench.closed(2, Reason::Lost, bench.written(2));
    assert_eq!(bench.ids(EventKind::Ended), [9]);
}

#[test]
fn messages_are_for_those_whom_the_server_has_confirmed() {
    const MESSAGE: &[u8] = b">3\r\n+message\r\n+c\r\n+hello\r\n";
    let mut bench = subscribed();
    bench.unsubscribe(9);
    bench.subscribe(10, &[1], b"c");
    // The server has not read what ends the one, nor what begins the other.
    bench.received(2, MESSAGE);
    assert_eq!(bench.count(EventKind::Message), 0, "whose loss nobody would tell");
    bench.received(2, b">3\r\n+unsubscribe\r\n+c\r\n:0\r\n>3\r\n+subscribe\r\n+c\r\n:1\r\n");
    assert_eq!((bench.ids(EventKind::Ended), bench.ids(EventKind::Subscribed)), (vec![9], vec![10]));
    bench.received(2, MESSAGE);
    assert_eq!(bench.ids(EventKind::Message), [10]);
    bench.closed(2, Reason::Lost, bench.written(2));
    assert_eq!(bench.ids(EventKind::Gap), [10]);
}

#[test]
fn what_ends_with_a_refused_name_leaves_no_other_name_behind() {
    let mut bench = Bench::ready();
    bench.subscribe(8, &[2], b"no");
    bench.greet(2);
    bench.subscribe(9, &[1, 2], b"cno");
    bench.received(2, b"-NOPERM no\r\n");
    assert_eq!(bench.ids(EventKind::Ended), [8, 9]);
    let output = bench.output(2).escape_ascii().to_string();
    assert!(output.ends_with(r"UNSUBSCRIBE\r\n$1\r\nc\r\n"), "{output}");
}

#[test]
fn a_subscription_without_a_main_link_asks_for_no_wake_up_of_its_own() {
    let mut bench = subscribed();
    bench.closed(1, Reason::Lost, bench.written(1));
    bench.closed(2, Reason::Lost, bench.written(2));
    // The main link is tried first; while that hangs, nothing is due but its time-out.
    while bench.opening().is_empty() {
        bench.elapse(bench.wake_at());
    }
    let (now, due) = (bench.now(), bench.wake_at());
    assert!(due > now + 1_000_000, "woken at {due} again, {now} is now");
}

#[test]
fn a_request_of_many_rows_fails_once_where_none_are_taken() {
    let mut bench = Bench::ready();
    bench.drain(NEVER);
    let part = Row { options: option::ATOMIC, ..Row::command(1, &["SET", "a", "1"]) };
    bench.submit(&[part.clone(), part, Row::command(1, &["GET", "a"]), Row::command(2, &["GET", "a"])]);
    let closing = |id| (id, Failure::NotSent, Cause::Closing);
    assert_eq!(bench.failed(), [closing(1), closing(2)]);
    assert_eq!(bench.accepted(), 4);
}

#[test]
fn a_request_whose_link_closes_between_its_parts_is_no_misuse() {
    let mut bench = Bench::ready();
    bench.submit(&[Row { options: option::CONTINUES, total: 3, ..Row::command(1, &["SET", "a"]) }]);
    bench.received(1, b"?\r\n");
    assert_eq!(bench.closing(), [1]);
    bench.submit(&[Row::command(1, &["1"])]);
    assert_eq!((bench.accepted(), bench.failed()), (0, vec![]));
    bench.closed(1, Reason::Local, bench.written(1));
    assert_eq!(bench.ids(EventKind::Resubmit), [1]);
}

#[test]
fn a_refusal_of_what_has_ended_lets_nobody_wait_in_vain() {
    for wanted_again in [false, true] {
        let mut bench = Bench::ready();
        bench.subscribe(8, &[2, 1], b"noc");
        bench.greet(2);
        bench.unsubscribe(8);
        if wanted_again {
            bench.subscribe(9, &[1], b"c");
        }
        bench.received(2, b"-NOPERM no\r\n");
        assert_eq!(bench.closing().contains(&2), wanted_again);
        if !wanted_again {
            bench.subscribe(9, &[1], b"c");
            bench.received(2, b">3\r\n+unsubscribe\r\n+c\r\n:0\r\n>3\r\n+unsubscribe\r\n+no\r\n:0\r\n");
            assert_eq!(bench.ids(EventKind::Ended), [8]);
            bench.received(2, b">3\r\n+subscribe\r\n+c\r\n:1\r\n");
            assert_eq!(bench.ids(EventKind::Subscribed), [9]);
        }
    }
}

#[test]
fn what_is_watched_stays_so_without_multi() {
    for word in ["EXEC", "DISCARD"] {
        let mut bench = Bench::ready();
        bench.lease(5, NEVER);
        bench.greet(2);
        for (id, args) in [(1, vec!["WATCH", "a"]), (2, vec![word])] {
            bench.submit(&[Row { session: 5, ..Row::command(id, &args) }]);
            bench.received(2, if id == 1 { b"+OK\r\n" } else { b"-ERR without MULTI\r\n" });
        }
        bench.release(5);
        let output = bench.output(2).escape_ascii().to_string();
        assert!(output.ends_with(r"UNWATCH\r\n"), "{output}");
    }
}

#[test]
fn a_subcommand_comes_with_its_command() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 3, ..Row::command(1, &["CLIENT"]) };
    bench.submit(&[first, Row { total: 2, ..Row::command(1, &["REPLY", "OFF"]) }]);
    assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)]);
}

#[test]
fn a_request_for_which_a_link_is_reserved_is_taken_however_many_wait() {
    let mut bench = Bench::ready_with(Limits { links: 2, queued: 2, ..Limits::default() });
    let blocking = |id| Row::command(id, &["BLPOP", "k", "0"]);
    bench.submit(&[blocking(1), blocking(2)]);
    bench.submit(&[blocking(3), Row::command(4, &["GET", "k"])]);
    // To keep it back would keep back all that is behind it, be it of whoever has the link.
    assert_eq!((bench.accepted(), bench.failed()), (2, vec![(3, Failure::Limit, Cause::None)]));
    bench.greet(2);
    assert_eq!(bench.resubmits(), [(1, false)]);
    bench.lease(5, NEVER);
    bench.submit(&[blocking(1)]);
    assert_eq!((bench.accepted(), bench.failed()), (1, vec![]));
}

#[test]
fn a_reserved_link_is_taken_whatever_the_core_asks_on_it() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.greet(2);
    bench.renew(2);
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    assert_eq!(bench.opening(), []);
    assert!(bench.output(2).ends_with(b"BLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n"));
}

#[test]
fn a_link_on_which_nobody_is_subscribed_makes_place_for_a_lease() {
    let mut bench = Bench::ready_with(Limits { links: 2, ..Limits::default() });
    bench.subscribe(9, &[1], b"c");
    bench.greet(2);
    bench.received(2, b">3\r\n+subscribe\r\n+c\r\n:1\r\n");
    bench.lease(5, NEVER);
    assert_eq!(bench.closing(), []);
    bench.unsubscribe(9);
    assert_eq!(bench.closing(), [2]);
    bench.closed(2, Reason::Local, bench.written(2));
    assert_eq!((bench.ids(EventKind::Ended), bench.opening()), (vec![9], vec![3]));
    // A refusal leaves nobody there either.
    let mut bench = Bench::ready_with(Limits { links: 2, ..Limits::default() });
    bench.subscribe(9, &[1], b"c");
    bench.greet(2);
    bench.lease(5, NEVER);
    bench.received(2, b"-NOPERM no\r\n");
    assert_eq!(bench.closing(), [2]);
}

#[test]
fn a_reply_between_the_parts_of_a_blocking_command_does_not_end_its_time() {
    let mut bench = Bench::ready();
    bench.lease(5, NEVER);
    bench.greet(2);
    let first = Row { options: option::CONTINUES, total: 3, session: 5, ..Row::command(2, &["BLPOP", "k"]) };
    bench.submit(&[Row { session: 5, ..Row::command(1, &["GET", "k"]) }, first]);
    bench.received(2, b"$-1\r\n");
    bench.submit(&[Row { session: 5, total: 1, ..Row::command(2, &["0"]) }]);
    bench.cancel(&[2]);
    assert_eq!(bench.failed(), [(2, Failure::MaybeExecuted, Cause::Cancelled)]);
    assert_eq!(bench.closing(), [2], "an element that it may still get would be lost unseen");
}

#[test]
fn that_a_socket_takes_the_probe_is_no_sign_of_life() {
    let quiet_after = 1_000_000;
    // What was there before the probe, and goes out slowly, is one.
    for (left, closing) in [(0, vec![1]), (2, vec![])] {
        let mut bench = Bench::with(Limits::default(), |settings| settings.quiet_after = quiet_after);
        bench.greet(1);
        bench.submit(&[Row::command(1, &["GET", "k"])]);
        bench.moved(1, bench.written(1) - left, 0);
        bench.elapse(bench.now() + quiet_after);
        assert!(bench.output(1).ends_with(b"PING\r\n"));
        bench.moved(1, bench.written(1), 0);
        bench.elapse(bench.now() + quiet_after);
        assert_eq!(bench.closing(), closing);
    }
}

#[test]
fn a_drain_ends_with_the_last_request_or_session_that_is_given_up() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    bench.drain(NEVER);
    assert_eq!(bench.closing(), []);
    bench.cancel(&[1]);
    assert_eq!(bench.closing(), [1]);
    let mut bench = Bench::ready();
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.submit(&[Row { session: 5, ..Row::command(1, &["GET", "k"]) }]);
    bench.drain(NEVER);
    bench.release(5);
    assert_eq!(bench.closing(), [2, 1]);
}

#[test]
fn a_script_whose_hash_is_held_goes_by_its_source_each_time() {
    let mut bench = Bench::ready_with(Limits { hold_above: 16, ..Limits::default() });
    for id in 1..3 {
        let words = [id, NEVER, 4, u64::from(option::SCRIPT) | 4 << 32];
        bench.submit_words(&words, &[7, 40 | HELD, 8, 1], b"EVALSHAreturn 10");
        assert!(bench.output(1).ends_with(b"*3\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n"));
    }
    assert_eq!(bench.held(), []);
}
