//! Answers that are not the end, servers that fall silent, credentials that change.

use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::wire::{Cause, ClientState, EventKind, Failure, NEVER, option};

use crate::SECOND;
use crate::bench::{Bench, Row};

fn quiet() -> Bench {
    let mut bench = Bench::with(Limits::default(), |settings| settings.quiet_after = SECOND);
    bench.greet(1);
    bench
}

#[test]
fn a_server_that_loads_is_waited_for() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "a"]), Row::command(2, &["GET", "b"])]);
    bench.received(1, b"-LOADING Redis is loading\r\n-LOADING Redis is loading\r\n");
    assert_eq!(bench.resubmits(), [(1, false), (2, false)]);
    assert_eq!(bench.states(), [(ClientState::Connecting, Cause::Loading)]);
    bench.submit(&[Row::command(1, &["GET", "a"])]);
    assert_eq!(bench.accepted(), 0);
    bench.elapse(bench.wake_at());
    assert!(bench.output(1).ends_with(b"PING\r\n"));
    bench.received(1, b"-LOADING Redis is loading\r\n");
    assert_eq!(bench.states(), []);
    bench.elapse(bench.wake_at());
    bench.received(1, b"+PONG\r\n");
    assert_eq!(bench.states(), [(ClientState::Ready, Cause::None)]);
    assert_eq!(bench.count(EventKind::Room), 1);
}

/// What a script gives for an error is no word of the server's: it may have done anything before.
#[test]
fn a_program_that_says_what_a_server_would_has_been_executed() {
    let commands = [&["EVAL", "x", "0"][..], &["FCALL", "f", "0"], &["A.B", "k"], &["GET", "k"]];
    let errors = ["LOADING x", "READONLY x", "NOAUTH x"];
    for (command, error) in commands.iter().flat_map(|command| errors.iter().map(move |error| (command, error))) {
        let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
        bench.greet(1);
        bench.submit(&[Row::command(1, command)]);
        bench.received(1, format!("-{error}\r\n").as_bytes());
        let answered = bench.count(EventKind::Reply) == 1 && bench.resubmits().is_empty();
        assert!(answered || command == &["GET", "k"] && *error != "NOAUTH x", "{command:?} {error}");
    }
    let own = [
        "LOADING Valkey is loading the dataset in memory",
        "READONLY You can't write against a read only replica. script: 1f, on @user_script:1.",
        "READONLY Can not run script with write flag on readonly replica",
    ];
    for error in own {
        let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
        bench.greet(1);
        bench.submit(&[Row::command(1, &["EVAL", "x", "0"])]);
        bench.received(1, format!("-{error}\r\n").as_bytes());
        assert_eq!(bench.resubmits(), [(1, false)], "{error}");
    }
    let mut bench = Bench::ready();
    bench.submit(&[Row { options: option::SCRIPT, ..Row::command(1, &["EVALSHA", "0a", "x", "0"]) }]);
    bench.received(1, b"+OK\r\n");
    for (error, again) in [("NOSCRIPT mine", 0), ("NOSCRIPT No matching script. Please use EVAL.", 1)] {
        bench.submit(&[Row { options: option::SCRIPT, ..Row::command(2, &["EVALSHA", "0a", "x", "0"]) }]);
        bench.received(1, format!("-{error}\r\n").as_bytes());
        assert_eq!(bench.resubmits().len(), again, "{error}");
    }
}

#[test]
fn a_transaction_that_met_a_loading_server_goes_out_again() {
    let mut bench = Bench::ready();
    let part = Row { options: option::ATOMIC, ..Row::command(1, &["SET", "a", "1"]) };
    bench.submit(&[part, Row::command(1, &["SET", "b", "1"])]);
    bench.received(1, b"+OK\r\n-LOADING no\r\n-LOADING no\r\n-EXECABORT no\r\n");
    assert_eq!((bench.resubmits(), bench.count(EventKind::Kept)), (vec![(1, false)], 0));
}

#[test]
fn only_reads_and_overwrites_are_repeated_and_only_if_allowed() {
    let repeat = |id, args: &[&str]| Row { options: option::MAY_REPEAT, ..Row::command(id, args) };
    let mut bench = Bench::ready();
    bench.submit(&[
        repeat(1, &["GET", "a"]),
        Row::command(2, &["GET", "a"]),
        repeat(3, &["INCR", "a"]),
        repeat(4, &["MSET", "a", "1"]),
    ]);
    let written = bench.written(1);
    bench.closed(1, Reason::Lost, written);
    assert_eq!(bench.resubmits(), [(1, true), (4, true)]);
    let maybe = |id| (id, Failure::MaybeExecuted, Cause::Lost);
    assert_eq!(bench.failed(), [maybe(2), maybe(3)]);
}

#[test]
fn what_broke_the_link_is_not_repeated() {
    let mut bench = Bench::ready_with(Limits { reply_bytes: 10, ..Limits::default() });
    bench.submit(&[Row { options: option::MAY_REPEAT, ..Row::command(1, &["GET", "a"]) }]);
    bench.received(1, b"$100\r\n");
    let written = bench.written(1);
    bench.closed(1, Reason::Local, written);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::TooLarge)]);
}

#[test]
fn a_script_that_is_none_is_misuse() {
    let mut bench = Bench::ready();
    for args in [&["EVAL", "a", "b"][..], &["EVALSHA", "a"]] {
        bench.submit(&[Row { options: option::SCRIPT, ..Row::command(1, args) }]);
        assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)]);
    }
}

#[test]
fn a_silent_server_is_probed_and_then_left() {
    let mut bench = quiet();
    bench.submit(&[Row::command(1, &["GET", "a"])]);
    let asked = bench.now();
    bench.elapse(asked + SECOND);
    assert!(bench.output(1).ends_with(b"PING\r\n"));
    bench.elapse(asked + 2 * SECOND);
    assert_eq!(bench.closing(), [1]);
    let written = bench.written(1);
    bench.closed(1, Reason::Local, written);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Silent)]);
}

#[test]
fn a_probe_gets_its_time_however_late_the_host_calls() {
    let mut bench = quiet();
    bench.elapse(bench.now() + 60 * SECOND);
    assert_eq!((bench.closing(), bench.wake_at()), (vec![], bench.now() + SECOND));
}

#[test]
fn bytes_that_move_and_answers_to_the_probe_are_no_silence() {
    let mut bench = quiet();
    let start = bench.now();
    bench.elapse(start + SECOND);
    assert!(bench.output(1).ends_with(b"PING\r\n"));
    bench.received(1, b"+PONG\r\n");
    bench.submit(&[Row::command(1, &["GET", "a"])]);
    bench.elapse(bench.now() + SECOND - 10);
    bench.moved(1, 100, 200);
    bench.elapse(bench.now() + SECOND - 10);
    assert!(!bench.output(1).ends_with(b"PING\r\n"));
}

#[test]
fn blocking_is_no_silence() {
    let mut bench = quiet();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "60"])]);
    bench.greet(2);
    bench.submit(&[Row::command(1, &["BLPOP", "k", "60"])]);
    let sent = bench.output(2).len();
    bench.elapse(bench.now() + 30 * SECOND);
    assert_eq!((bench.output(2).len(), bench.closing()), (sent, vec![]));
    bench.elapse(bench.now() + 32 * SECOND);
    assert!(bench.output(2).ends_with(b"PING\r\n"));
}

#[test]
fn a_replica_is_left_for_the_next_endpoint() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
    bench.opened(1);
    // Cut in the middle of the word.
    bench.received(1, b"%2\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$7\r\nrep");
    bench.received(1, b"lica\r\n");
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, 0);
    assert_eq!(bench.states(), [(ClientState::Down, Cause::Replica)]);
}

#[test]
fn a_primary_that_became_a_replica_answers_and_is_left() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
    bench.greet(1);
    bench.submit(&[Row::command(1, &["SET", "a", "1"]), Row::command(2, &["GET", "a"])]);
    bench.received(1, b"-READONLY You can't write\r\n");
    assert_eq!((bench.resubmits(), bench.closing()), (vec![(1, false)], vec![]));
    bench.received(1, b"$1\r\n0\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.closing()), (vec![2], vec![1]));
}

#[test]
fn credentials_are_renewed_in_place_and_not_within_a_transaction() {
    let mut bench = Bench::ready();
    let from = bench.output(1).len();
    bench.submit(&[Row { options: option::ATOMIC, ..Row::command(1, &["SET", "a", "1"]) }]);
    bench.renew(7);
    assert!(!bench.output(1)[from..].windows(4).any(|word| word == b"AUTH"));
    bench.submit(&[Row::command(1, &["SET", "b", "1"])]);
    bench.received(1, b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
    assert!(bench.output(1)[from..].windows(4).any(|word| word == b"AUTH"));
    bench.received(1, b"+OK\r\n");
    assert_eq!(bench.ids(EventKind::Renewed), [7]);
}

#[test]
fn a_silent_link_in_a_session_s_transaction_is_left_alone() {
    let mut bench = quiet();
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.submit(&[Row { session: 5, ..Row::command(1, &["MULTI"]) }]);
    bench.received(2, b"+OK\r\n");
    let sent = bench.output(2).len();
    bench.elapse(bench.now() + 2 * SECOND);
    bench.elapse(bench.now() + 2 * SECOND);
    assert_eq!(bench.output(2).len(), sent);
    assert!(!bench.closing().contains(&2));
}

#[test]
fn the_rest_of_what_was_refused_is_let_go() {
    let mut bench = Bench::ready();
    let from = bench.output(1).len();
    let first = Row { options: option::CONTINUES, total: 4, ..Row::command(1, &["SELECT", "0"]) };
    bench.submit(&[first, Row { total: 2, ..Row::command(1, &["SET", "a"]) }, Row::command(2, &["PING"])]);
    assert_eq!((bench.accepted(), bench.failed()), (3, vec![(1, Failure::Misuse, Cause::Usage)]));
    assert_eq!(&bench.output(1)[from..], b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn a_loading_server_is_asked_often_enough() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["GET", "a"])]);
    bench.received(1, b"-LOADING Redis is loading\r\n");
    for _ in 0..50 {
        assert!(bench.wake_at() - bench.now() < SECOND / 5);
        bench.elapse(bench.wake_at());
        bench.received(1, b"-LOADING Redis is loading\r\n");
    }
}

#[test]
fn a_script_within_a_transaction_goes_by_its_source_wherever_it_stands() {
    let script = |options| Row { options, ..Row::command(1, &["EVALSHA", "5ha", "return 1", "0"]) };
    let mut bench = Bench::ready();
    bench.submit(&[script(option::SCRIPT | option::ATOMIC), script(option::SCRIPT)]);
    let output = bench.output(1).escape_ascii().to_string();
    assert_eq!((output.matches("EVALSHA").count(), output.matches("return 1").count()), (0, 2));
}

#[test]
fn a_link_in_its_handshake_takes_new_credentials_after_it() {
    let mut bench = Bench::new(Limits::default());
    bench.opened(1);
    bench.renew(2);
    assert_eq!(bench.count(EventKind::Renewed), 0);
    bench.received(1, b"%0\r\n");
    assert!(bench.output(1).ends_with(b"AUTH\r\n$3\r\n\r\n"));
    bench.received(1, b"+OK\r\n");
    assert_eq!(bench.ids(EventKind::Renewed), [2]);
}

#[test]
fn a_link_that_the_host_holds_is_not_silent() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.quiet_after = SECOND);
    bench.greet(1);
    for _ in 0..5 {
        bench.pass(SECOND);
        bench.hold(1);
        assert_eq!(bench.closing(), []);
    }
    bench.pass(2 * SECOND);
    bench.moved(1, 0, 0);
    assert!(bench.output(1).ends_with(b"PING\r\n"));
}

#[test]
fn a_link_that_has_subscribed_on_resp2_takes_no_new_credentials() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.resp2 = true);
    bench.opened(1);
    bench.subscribe(5, &[1], b"a");
    bench.opened(2);
    let subscribed = bench.output(2).len();
    bench.renew(2);
    assert!(bench.output(1).ends_with(b"AUTH\r\n$3\r\n\r\n"));
    assert_eq!(bench.output(2).len(), subscribed);
    bench.received(1, b"+OK\r\n");
    assert_eq!(bench.ids(EventKind::Renewed), [2]);
}

#[test]
fn a_replica_is_left_on_resp2_too() {
    let mut bench = Bench::with(Limits::default(), |settings| {
        settings.endpoints.push(settings.endpoints[0].clone());
        (settings.primary, settings.resp2) = (true, true);
    });
    bench.opened(1);
    assert!(bench.output(1).ends_with(b"ROLE\r\n"));
    bench.received(1, b"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n");
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, 100);
    assert_eq!(bench.opening(), [2]);
    bench.opened(2);
    bench.received(2, b"*3\r\n$6\r\nmaster\r\n:5\r\n*0\r\n");
    assert_eq!(bench.states(), [(ClientState::Ready, Cause::None)]);
    // Who must not ask takes what there is.
    let mut bench = Bench::with(Limits::default(), |settings| (settings.primary, settings.resp2) = (true, true));
    bench.opened(1);
    bench.received(1, b"-NOPERM no\r\n");
    assert_eq!(bench.states(), [(ClientState::Ready, Cause::None)]);
}
