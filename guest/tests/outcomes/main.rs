//! How requests end: what a vector can't say, as it hangs on time, on limits, and on how far a socket took its bytes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "in a test, a panic is how it fails")]

mod bench;
mod failover;
mod found;
mod hubs;
mod leases;
mod names;
mod order;
mod putoff;
mod raw;
mod tracking;
mod transactions;
mod usual;

use bench::{Bench, Row};
use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::wire::{Cause, ClientState, EventKind, Failure, HELD, NEVER, option};

const SECOND: u64 = 1_000_000;

#[test]
fn a_broken_link_tells_sent_from_not_sent_by_the_last_byte() {
    let mut bench = Bench::ready();
    let mut ends = Vec::new();
    for id in 1..=3 {
        bench.submit(&[Row::command(id, &["GET", "k"])]);
        ends.push(bench.written(1));
    }
    // All of 1, all but a byte of 2, nothing of 3.
    bench.closed(1, Reason::Lost, ends[1] - 1);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Lost)]);
    assert_eq!(bench.ids(EventKind::Resubmit), [2, 3]);
}

#[test]
fn what_was_not_sent_but_is_late_is_not_asked_for_again() {
    let mut bench = Bench::ready();
    bench.submit(&[Row { deadline: bench.now() + 10, ..Row::command(1, &["GET", "k"]) }]);
    bench.pass(20);
    bench.closed(1, Reason::Lost, 0);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Lost)]);
}

#[test]
fn a_deadline_ends_the_request_and_its_reply_is_swallowed() {
    let mut bench = Bench::ready();
    let deadline = bench.now() + SECOND;
    bench.submit(&[Row { deadline, ..Row::command(1, &["GET", "a"]) }, Row::command(2, &["GET", "b"])]);
    assert_eq!(bench.wake_at(), deadline);
    bench.elapse(deadline - 1);
    assert_eq!(bench.failed(), []);
    bench.elapse(deadline);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Deadline)]);
    assert_eq!(bench.wake_at(), NEVER);
    bench.received(1, b":1\r\n:2\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [2]);
}

#[test]
fn a_cancelled_transaction_takes_all_its_replies_with_it() {
    let mut bench = Bench::ready();
    let part = |args| Row { options: option::ATOMIC, ..Row::command(1, args) };
    bench.submit(&[part(&["SET", "a", "1"]), Row::command(1, &["NO"]), Row::command(2, &["GET", "b"])]);
    bench.cancel(&[1, 77]);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Cancelled)]);
    bench.received(1, b"+OK\r\n+QUEUED\r\n-ERR unknown\r\n-EXECABORT no\r\n:2\r\n");
    assert_eq!((bench.ids(EventKind::Kept), bench.ids(EventKind::Reply)), (vec![], vec![2]));
}

#[test]
fn a_transaction_whose_exec_was_not_sent_was_not_executed() {
    let mut bench = Bench::ready();
    let part = Row { options: option::ATOMIC, ..Row::command(1, &["SET", "a", "1"]) };
    bench.submit(&[part, Row::command(1, &["SET", "b", "2"])]);
    bench.closed(1, Reason::Lost, bench.written(1) - 1);
    assert_eq!((bench.failed(), bench.ids(EventKind::Resubmit)), (vec![], vec![1]));
}

#[test]
fn a_command_goes_on_over_several_calls() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 5, ..Row::command(1, &["MSET", "a", "1"]) };
    bench.submit(&[first]);
    bench.submit(&[Row { total: 2, ..Row::command(1, &["b", "2"]) }]);
    assert!(bench.output(1).ends_with(b"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n"));
    bench.received(1, b"+OK\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [1]);
}

#[test]
fn held_arguments_keep_their_place_over_rows() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 5, ..Row::command(1, &["MSET", "a"]) };
    bench.submit(&[first]);
    bench.submit_held(1, 3, &[HELD | 5000, 1, HELD | 6000], b"b");
    assert_eq!(bench.held(), [(1, 2, 5000), (1, 4, 6000)]);
    assert!(bench.output(1).ends_with(b"\r\n$1\r\na\r\n$5000\r\n<2>\r\n$1\r\nb\r\n$6000\r\n<4>\r\n"));
}

#[test]
fn a_row_between_the_parts_of_another_request_is_misuse() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 5, ..Row::command(1, &["MSET", "a", "1"]) };
    bench.submit(&[first]);
    bench.submit(&[Row::command(2, &["GET", "k"])]);
    assert_eq!(bench.failed(), [(2, Failure::Misuse, Cause::Usage)]);
    assert_eq!((bench.ids(EventKind::Resubmit), bench.closing()), (vec![1], vec![1]));
}

#[test]
fn a_request_cancelled_between_its_parts_closes_its_link() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 5, ..Row::command(1, &["MSET", "a", "1"]) };
    bench.submit(&[first]);
    bench.cancel(&[1]);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Cancelled)]);
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, bench.written(1));
    assert_eq!((bench.failed(), bench.ids(EventKind::Resubmit)), (vec![], vec![]));
}

#[test]
fn rows_that_do_not_fit_their_columns_are_misuse() {
    for (rows, lengths, bytes) in [
        (vec![Row { arguments: Some(3), total: 3, ..Row::command(1, &["GET", "k"]) }], None, None),
        (vec![Row::command(1, &["GET", "k"])], Some(vec![3, 9]), None),
        (vec![Row { arguments: Some(0), total: 0, ..Row::command(1, &[]) }], None, None),
        (vec![Row { total: 9, ..Row::command(1, &["GET", "k"]) }], None, None),
        (vec![Row { options: option::CONTINUES, ..Row::command(1, &["GET", "k"]) }], None, None),
        (vec![Row::command(1, &["", "k"])], None, None),
        (vec![Row::command(1, &["GET", "k"])], Some(vec![HELD | 9, 1]), Some(b"k".to_vec())),
    ] {
        let mut bench = Bench::ready();
        bench.submit_raw(&rows, lengths, bytes);
        assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)], "{rows:?}");
        assert_eq!(bench.accepted(), 1);
        bench.submit(&[Row::command(2, &["GET", "k"])]);
        bench.received(1, b":2\r\n");
        assert_eq!(bench.ids(EventKind::Reply), [2], "the link still serves, after {rows:?}");
    }
}

#[test]
fn a_full_link_takes_no_more_until_there_is_room() {
    let mut bench = Bench::ready_with(Limits { inflight: 4, ..Limits::default() });
    let rows: Vec<Row> = (1..=6).map(|id| Row::command(id, &["GET", "k"])).collect();
    bench.submit(&rows);
    assert_eq!(bench.accepted(), 4);
    bench.received(1, b":1\r\n");
    assert_eq!(bench.count(EventKind::Room), 0);
    bench.received(1, b":2\r\n");
    assert_eq!(bench.count(EventKind::Room), 1);
    bench.submit(&rows[4..]);
    assert_eq!(bench.accepted(), 2);
}

#[test]
fn a_full_client_takes_no_more_on_any_link() {
    let mut bench = Bench::ready_with(Limits { queued: 2, ..Limits::default() });
    let block = Row::command(1, &["BLPOP", "k", "0"]);
    bench.submit(std::slice::from_ref(&block));
    bench.greet(2);
    bench.submit(&[block, Row::command(2, &["GET", "k"]), Row::command(3, &["GET", "k"])]);
    assert_eq!(bench.accepted(), 2);
    bench.received(1, b"$-1\r\n");
    assert_eq!(bench.count(EventKind::Room), 1);
}

#[test]
fn there_is_no_room_while_what_blocks_fills_the_client() {
    let mut bench = Bench::ready_with(Limits { queued: 1, ..Limits::default() });
    let block = Row::command(1, &["BLPOP", "k", "0"]);
    bench.submit(std::slice::from_ref(&block));
    bench.greet(2);
    bench.submit(&[block, Row::command(2, &["GET", "k"])]);
    assert_eq!(bench.accepted(), 1);
    bench.received(1, b"");
    assert_eq!(bench.count(EventKind::Room), 0);
    bench.received(2, b"_\r\n");
    assert_eq!(bench.count(EventKind::Room), 1);
}

#[test]
fn a_full_client_takes_no_command_with_a_link_for_itself_but_on_the_one_it_keeps() {
    let mut bench = Bench::ready_with(Limits { queued: 1, ..Limits::default() });
    let block = Row::command(1, &["BLPOP", "k", "0"]);
    bench.submit(std::slice::from_ref(&block));
    bench.greet(2);
    assert_eq!(bench.resubmits(), [(1, false)]);
    bench.submit(&[Row::command(2, &["GET", "k"])]);
    bench.submit(&[Row::command(3, &["BLPOP", "l", "0"])]);
    assert_eq!(bench.accepted(), 0);
    // The place was given to this one before the client was full.
    bench.submit(&[block]);
    assert_eq!(bench.accepted(), 1);
}

#[test]
fn the_log_has_nothing_that_a_peer_said_against_the_protocol() {
    let mut bench = Bench::ready();
    bench.received(1, b":secret\r\n");
    bench.closed(1, Reason::Local, 0);
    assert!(bench.text().contains("secret"), "{}", bench.text());
    let [log] = bench.logs() else { panic!("one line is wanted") };
    assert!(log.contains("protocol") && !log.contains("secret"), "{log}");
}

#[test]
fn bytes_in_flight_are_bounded_but_for_one_request() {
    let mut bench = Bench::ready_with(Limits { inflight_bytes: 100, ..Limits::default() });
    let large = "x".repeat(200);
    bench.submit(&[Row::command(1, &["SET", "k", &large]), Row::command(2, &["GET", "k"])]);
    assert_eq!(bench.accepted(), 1);
    bench.received(1, b"+OK\r\n");
    assert_eq!(bench.count(EventKind::Room), 1);
}

#[test]
fn before_the_first_connection_requests_wait_and_then_fail_with_the_reason() {
    let mut bench = Bench::new(Limits::default());
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    assert_eq!(bench.accepted(), 0);
    bench.closed_with(1, Reason::Refused, 0, "nobody listens");
    assert_eq!(bench.states(), [(ClientState::Down, Cause::Unreachable)]);
    assert_eq!(bench.count(EventKind::Room), 1);
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Unreachable)]);
    assert!(bench.text().contains("server:6379") && bench.text().contains("nobody listens"), "{}", bench.text());
}

#[test]
fn a_client_that_was_down_comes_back_by_itself() {
    let mut bench = Bench::new(Limits::default());
    bench.closed(1, Reason::Refused, 0);
    bench.elapse(bench.wake_at());
    assert_eq!(bench.opening(), [2]);
    bench.greet(2);
    assert_eq!(bench.states().last(), Some(&(ClientState::Ready, Cause::None)));
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up() {
    let mut bench = Bench::new(Limits::default());
    bench.opened(1);
    let due = bench.wake_at();
    bench.elapse(due);
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, 0);
    assert_eq!(bench.states(), [(ClientState::Down, Cause::Unreachable)]);
    assert!(bench.text().contains("connect-timeout"), "{}", bench.text());
}

#[test]
fn draining_answers_what_was_accepted_and_refuses_the_rest() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    let deadline = bench.now() + SECOND;
    bench.drain(deadline);
    bench.submit(&[Row::command(2, &["GET", "k"])]);
    assert_eq!(bench.failed(), [(2, Failure::NotSent, Cause::Closing)]);
    assert_eq!((bench.closing(), bench.wake_at()), (vec![], deadline));
    bench.received(1, b":1\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.closing()), (vec![1], vec![1]));
    bench.closed(1, Reason::Local, 0);
    assert_eq!(bench.states(), [(ClientState::Closed, Cause::Closing)]);
    assert_eq!(bench.wake_at(), NEVER);
}

#[test]
fn draining_ends_at_its_deadline() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    let deadline = bench.now() + SECOND;
    bench.drain(deadline);
    bench.elapse(deadline);
    assert_eq!((bench.closing(), bench.wake_at()), (vec![1], NEVER));
    bench.closed(1, Reason::Local, bench.written(1));
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Closing)]);
    assert_eq!(bench.states(), [(ClientState::Closed, Cause::Closing)]);
}

#[test]
fn a_host_that_lets_too_much_pass_loses_the_link_and_no_more() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "k"])]);
    bench.received_after(1, 5, b":1\r\n");
    assert_eq!((bench.closing(), bench.ids(EventKind::Reply)), (vec![1], vec![]));
}

#[test]
fn an_invalid_subscription_ends_at_once() {
    for (lengths, names) in [(vec![], &b""[..]), (vec![5], b"abc"), (vec![1], b"abc"), (vec![HELD | 3], b"abc")] {
        let mut bench = Bench::ready();
        bench.subscribe(9, &lengths, names);
        assert_eq!(bench.ids(EventKind::Ended), [9], "{lengths:?}");
    }
}
