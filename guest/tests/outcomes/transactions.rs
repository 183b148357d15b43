//! Transactions that go wrong in the middle.

use coracle_core::client::Reason;
use coracle_core::wire::{Cause, EventKind, Failure, NEVER, option};

use crate::bench::{Bench, Row};

/// A command of transaction 1, with more behind it.
fn part(args: &[&str]) -> Row {
    Row { options: option::ATOMIC, ..Row::command(1, args) }
}

#[test]
fn one_that_is_refused_on_the_way_is_discarded_and_nobody_else_is_hurt() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(9, &["INCR", "n"])]);
    bench.submit(&[part(&["SET", "a", "1"]), Row::command(1, &["SELECT", "1"]), Row::command(2, &["GET", "k"])]);
    assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)]);
    assert_eq!(bench.closing(), []);
    assert!(bench.output(1).ends_with(b"*1\r\n$7\r\nDISCARD\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    bench.received(1, b":5\r\n+OK\r\n+QUEUED\r\n+OK\r\n$1\r\nv\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [9, 2]);
}

#[test]
fn one_that_is_cancelled_between_its_commands_is_discarded() {
    let mut bench = Bench::ready();
    bench.submit(&[part(&["SET", "a", "1"])]);
    bench.cancel(&[1]);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Cancelled)]);
    bench.submit(&[Row::command(2, &["GET", "k"])]);
    assert!(bench.output(1).ends_with(b"*1\r\n$7\r\nDISCARD\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    bench.received(1, b"+OK\r\n-ERR no such command\r\n+OK\r\n$1\r\nv\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.count(EventKind::Kept)), (vec![2], 0));
    assert_eq!(bench.closing(), []);
}

#[test]
fn half_a_command_takes_its_link_along() {
    let mut bench = Bench::ready();
    let half = Row { options: option::ATOMIC | option::CONTINUES, total: 3, ..part(&["SET", "a"]) };
    bench.submit(&[half]);
    bench.cancel(&[1]);
    assert_eq!(bench.closing(), [1]);
}

#[test]
fn a_session_s_own_transaction_is_not_discarded_for_it() {
    let mut bench = Bench::ready();
    bench.lease(7, NEVER);
    bench.greet(2);
    bench.submit(&[Row { session: 7, ..part(&["SET", "a", "1"]) }]);
    bench.cancel(&[1]);
    assert_eq!(bench.closing(), [2]);
}

/// MULTI of transaction 1, of two commands, is refused.
fn loose() -> Bench {
    let mut bench = Bench::ready();
    bench.submit(&[part(&["INCR", "a"]), Row::command(1, &["INCR", "b"])]);
    bench.received(1, b"-NOPERM no MULTI for you\r\n");
    bench
}

#[test]
fn where_multi_is_refused_what_was_executed_one_by_one_is_told() {
    let mut bench = loose();
    bench.received(1, b":1\r\n-NOPERM no\r\n-ERR EXEC without MULTI\r\n");
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::None)]);
    bench.submit(&[Row::command(2, &["GET", "k"])]);
    bench.received(1, b"$1\r\nv\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [2]);
}

#[test]
fn where_all_of_it_is_refused_the_server_s_word_is_the_reply() {
    let mut bench = loose();
    bench.received(1, b"-NOPERM no\r\n-NOPERM no\r\n-ERR EXEC without MULTI\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.failed()), (vec![1], vec![]));
}

#[test]
fn what_was_executed_one_by_one_is_not_sent_again() {
    let mut bench = loose();
    bench.received(1, b":1\r\n");
    let written = bench.written(1);
    // Without its EXEC a transaction would not have been sent.
    bench.closed(1, Reason::Lost, written - 1);
    assert_eq!((bench.failed(), bench.resubmits()), (vec![(1, Failure::MaybeExecuted, Cause::Lost)], vec![]));

    let mut bench = Bench::ready();
    bench.submit(&[part(&["INCR", "a"])]);
    bench.received(1, b"-NOPERM no\r\n:1\r\n");
    let written = bench.written(1);
    bench.closed(1, Reason::Lost, written);
    assert_eq!((bench.failed(), bench.resubmits()), (vec![(1, Failure::MaybeExecuted, Cause::Lost)], vec![]));
}

/// A session's caller has sent MULTI, and then sends a transaction of one command.
fn nested() -> Bench {
    let mut bench = Bench::ready();
    bench.lease(7, NEVER);
    bench.greet(2);
    bench.submit(&[Row { session: 7, ..Row::command(9, &["MULTI"]) }]);
    bench.received(2, b"+OK\r\n");
    bench.submit(&[Row { session: 7, options: option::LONE, ..Row::command(1, &["GET", "k"]) }]);
    bench.received(2, b"-ERR MULTI calls can not be nested\r\n");
    bench
}

#[test]
fn what_is_queued_by_a_multi_of_the_caller_s_is_not_executed_yet() {
    for pieces in [&[&b"+QUEUED\r\n*1\r\n$1\r\nv\r\n"[..]][..], &[b"+QUE", b"UED\r\n", b"*1\r\n", b"$1\r\nv\r\n"]] {
        let mut bench = nested();
        for piece in pieces {
            bench.received(2, piece);
        }
        assert_eq!((bench.ids(EventKind::Reply), bench.failed()), (vec![1], vec![]), "{pieces:?}");
    }
}

#[test]
fn of_a_reply_that_comes_for_nothing_nothing_stays() {
    let mut bench = nested();
    bench.received(2, b"+string\r\n*1\r\n");
    assert_eq!(bench.count(EventKind::Part), 1);
    bench.received(2, b"$1\r\nv\r\n");
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::None)]);
    assert_eq!(bench.count(EventKind::Discard), 1);
}

#[test]
fn what_became_of_one_says_nothing_of_another_by_the_same_number() {
    let mut bench = loose();
    bench.received(1, b"-NOPERM no\r\n-NOPERM no\r\n-ERR EXEC without MULTI\r\n");
    bench.submit(&[Row { options: option::LONE, ..Row::command(1, &["INCR", "a"]) }]);
    bench.received(1, b"+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.failed()), (vec![1], vec![]));
}
