//! Links for one caller alone.

use coracle_core::client::Reason;
use coracle_core::config::Limits;
use coracle_core::wire::{Cause, EventKind, Failure, NEVER, option};

use crate::SECOND;
use crate::bench::{Bench, Row};

fn in_session(session: u32, id: u64, args: &[&str]) -> Row {
    Row { session, ..Row::command(id, args) }
}

/// Session 5 is on link 2.
fn with_session() -> Bench {
    let mut bench = Bench::ready();
    bench.lease(5, NEVER);
    assert_eq!(bench.opening(), [2]);
    bench.greet(2);
    assert_eq!(bench.leased(), [(5, true)]);
    bench
}

/// What link 2 was sent from there on.
fn sent_since(bench: &Bench, from: usize) -> String {
    String::from_utf8_lossy(&bench.output(2)[from..]).into_owned()
}

#[test]
fn a_blocking_command_gets_a_link_and_leaves_it_to_the_next() {
    let mut bench = Bench::ready();
    let main = bench.output(1).len();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"]), Row::command(2, &["GET", "k"])]);
    assert_eq!((bench.accepted(), bench.opening()), (2, vec![2]));
    assert!(bench.output(1)[main..].ends_with(b"GET\r\n$1\r\nk\r\n"));
    bench.greet(2);
    assert_eq!(bench.resubmits(), [(1, false)]);
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.received(2, b"*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [1]);
    bench.submit(&[Row::command(3, &["BLPOP", "k", "0"])]);
    assert_eq!((bench.opening(), bench.resubmits()), (vec![], vec![]));
    assert!(bench.output(2).ends_with(b"BLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n"));
}

/// But SHUTDOWN, before which all that was sent earlier is to be executed.
#[test]
fn what_ends_or_tells_of_a_script_does_not_wait_behind_it() {
    for (command, alone) in [
        (&["SCRIPT", "KILL"][..], true),
        (&["FUNCTION", "KILL"], true),
        (&["FUNCTION", "STATS"], true),
        (&["SHUTDOWN", "NOSAVE"], false),
        (&["SCRIPT", "FLUSH"], false),
        (&["CLIENT", "ID"], false),
    ] {
        let mut bench = Bench::ready();
        bench.submit(&[Row::command(1, &["EVAL", "x", "0"]), Row::command(2, command)]);
        assert_eq!(!bench.opening().is_empty(), alone, "{command:?}");
    }
}

#[test]
fn the_parts_of_a_request_that_waits_for_a_link_are_let_go() {
    let mut bench = Bench::ready();
    let first = Row { options: option::CONTINUES, total: 4, ..Row::command(1, &["BLPOP", "a"]) };
    bench.submit(&[first.clone(), Row { total: 2, ..Row::command(1, &["b", "0"]) }, Row::command(2, &["PING"])]);
    assert_eq!((bench.accepted(), bench.failed()), (3, vec![]));
    bench.greet(2);
    assert_eq!(bench.resubmits(), [(1, false)]);
    // Before its second part came: it comes again from its first.
    let mut bench = Bench::ready();
    bench.submit(std::slice::from_ref(&first));
    bench.greet(2);
    bench.submit(&[first, Row { total: 2, ..Row::command(1, &["b", "0"]) }]);
    assert_eq!(bench.failed(), []);
    assert!(bench.output(2).ends_with(b"$1\r\na\r\n$1\r\nb\r\n$1\r\n0\r\n"));
}

#[test]
fn who_gives_up_a_blocking_command_takes_the_link_along() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.greet(2);
    bench.submit(&[Row { deadline: bench.now() + SECOND, ..Row::command(1, &["BLPOP", "k", "0"]) }]);
    bench.elapse(bench.now() + 2 * SECOND);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Deadline)]);
    assert_eq!(bench.closing(), [2]);
}

#[test]
fn a_usual_deadline_is_put_off_by_what_the_command_may_block() {
    let mut bench = Bench::ready();
    let deadline = bench.now() + SECOND;
    let row = Row { deadline, options: option::PATIENT, ..Row::command(1, &["BLPOP", "k", "2"]) };
    bench.submit(std::slice::from_ref(&row));
    bench.greet(2);
    bench.submit(&[row]);
    bench.elapse(deadline + 2 * SECOND - 1);
    assert_eq!(bench.failed(), []);
    bench.elapse(deadline + 2 * SECOND);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Deadline)]);
}

#[test]
fn who_waits_for_a_link_can_be_late_or_cancelled() {
    let mut bench = Bench::ready();
    let deadline = bench.now() + SECOND;
    bench.submit(&[Row { deadline, ..Row::command(1, &["BLPOP", "k", "0"]) }, Row::command(2, &["BLPOP", "k", "0"])]);
    bench.lease(5, deadline);
    bench.cancel(&[2]);
    assert_eq!(bench.failed(), [(2, Failure::NotSent, Cause::Cancelled)]);
    bench.elapse(deadline);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Deadline)]);
    assert_eq!(bench.leased(), [(5, false)]);
}

#[test]
fn links_that_can_not_be_had_end_the_wait() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    for link in 2..=4 {
        bench.closed(link, Reason::Refused, 0);
        if link < 4 {
            assert_eq!(bench.failed(), []);
            bench.elapse(bench.wake_at());
        }
    }
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Unreachable)]);
}

#[test]
fn links_that_are_refused_together_are_one_failure() {
    let mut bench = Bench::ready();
    bench.submit(&[1, 2, 3, 4].map(|id| Row::command(id, &["BLPOP", "k", "0"])));
    for round in 1..=3 {
        let links = bench.opening();
        assert_eq!(links.len(), 4);
        for link in links {
            assert_eq!(bench.failed(), []);
            bench.closed(link, Reason::Refused, 0);
            if round == 3 {
                return assert_eq!(bench.failed().len(), 4);
            }
        }
        assert_eq!(bench.failed(), []);
        bench.elapse(bench.now().max(bench.wake_at()));
    }
}

#[test]
fn the_number_of_links_is_bounded_and_they_go_round() {
    let mut bench = Bench::ready_with(Limits { links: 3, ..Limits::default() });
    for session in 1..=4 {
        bench.lease(session, NEVER);
    }
    bench.greet(2);
    bench.greet(3);
    assert_eq!((bench.leased(), bench.opening()), (vec![(2, true)], vec![]));
    bench.release(2);
    assert_eq!((bench.leased(), bench.opening()), (vec![(3, true)], vec![]));
    bench.closed(2, Reason::Lost, 0);
    assert_eq!((bench.leased(), bench.opening()), (vec![(1, false)], vec![4]));
}

#[test]
fn a_session_leaves_its_link_clean_or_not_at_all() {
    let cases: [(&[&[&str]], &str, bool); 6] = [
        (&[&["GET", "a"], &["PING"]], "", false),
        (&[&["WATCH", "a"]], "*1\r\n$7\r\nUNWATCH\r\n", false),
        (&[&["WATCH", "a"], &["MULTI"], &["GET", "a"]], "*1\r\n$7\r\nDISCARD\r\n*1\r\n$7\r\nUNWATCH\r\n", false),
        (&[&["WATCH", "a"], &["MULTI"], &["EXEC"]], "", false),
        (&[&["SELECT", "3"]], "", true),
        (&[&["client", "no-evict", "on"]], "", true),
    ];
    for (commands, undone, closes) in cases {
        let mut bench = with_session();
        for (id, command) in (1..).zip(commands) {
            bench.submit(&[in_session(5, id, command)]);
            bench.received(2, b"+OK\r\n");
        }
        let from = bench.output(2).len();
        bench.release(5);
        assert_eq!(sent_since(&bench, from), undone, "{commands:?}");
        assert_eq!(!bench.closing().is_empty(), closes, "{commands:?}");
        bench.lease(6, NEVER);
        assert_eq!(bench.leased().is_empty(), closes || !undone.is_empty(), "{commands:?}");
        if !undone.is_empty() {
            assert_eq!(bench.leased(), []);
            bench.received(2, &b"+OK\r\n".repeat(undone.matches('*').count()));
            assert_eq!(bench.leased(), [(6, true)]);
        }
    }
}

#[test]
fn a_session_that_is_somebody_else_stays_so_when_credentials_are_renewed() {
    for (command, stays) in [("AUTH", true), ("ECHO", false)] {
        let mut bench = with_session();
        bench.submit(&[in_session(5, 1, &[command, "theirs"])]);
        bench.received(2, b"+OK\r\n");
        let from = bench.output(2).len();
        bench.renew(2);
        assert!(bench.output(1).ends_with(b"AUTH\r\n$3\r\n\r\n"));
        assert_eq!(sent_since(&bench, from).is_empty(), stays, "{command}");
        bench.received(1, b"+OK\r\n");
        assert_eq!(bench.count(EventKind::Renewed) == 1, stays);
    }
}

#[test]
fn a_session_that_is_released_ends_what_it_asked() {
    let mut bench = with_session();
    bench.submit(&[in_session(5, 1, &["GET", "a"])]);
    bench.release(5);
    assert_eq!(bench.failed(), [(1, Failure::MaybeExecuted, Cause::Cancelled)]);
    assert_eq!(bench.closing(), [2]);
}

#[test]
fn a_session_ends_with_its_link_and_is_asked_for_nothing_again() {
    let mut bench = with_session();
    let options = option::MAY_REPEAT;
    bench.submit(&[Row { options, ..in_session(5, 1, &["GET", "a"]) }]);
    let written = bench.written(2);
    bench.submit(&[Row { options, ..in_session(5, 2, &["GET", "a"]) }]);
    bench.closed(2, Reason::Lost, written);
    let lost = [(1, Failure::MaybeExecuted, Cause::Lost), (2, Failure::NotSent, Cause::Lost)];
    assert_eq!((bench.failed(), bench.resubmits(), bench.leased()), (lost.to_vec(), vec![], vec![(5, false)]));
    bench.submit(&[in_session(5, 3, &["GET", "a"])]);
    assert_eq!(bench.failed(), [(3, Failure::NotSent, Cause::Lost)]);
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let mut bench = Bench::ready_with(Limits { links: 2, ..Limits::default() });
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.submit(&[in_session(5, 1, &["WATCH", "a"])]);
    bench.received(2, b"+OK\r\n");
    bench.submit(&[Row::command(2, &["BLPOP", "k", "0"])]);
    bench.release(5);
    // The link is being made clean, and 3 comes: 2 has waited longer.
    bench.submit(&[Row::command(3, &["BLPOP", "k", "0"])]);
    bench.received(2, b"+OK\r\n");
    assert_eq!(bench.resubmits(), [(2, false)]);
    bench.submit(&[Row::command(4, &["BLPOP", "k", "0"])]);
    assert_eq!(bench.resubmits(), []);
}

#[test]
fn an_idle_link_is_closed_in_time() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.idle_timeout = SECOND);
    bench.greet(1);
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.release(5);
    let idle = bench.now();
    assert_eq!(bench.wake_at(), idle + SECOND);
    bench.elapse(idle + SECOND);
    assert_eq!(bench.closing(), [2]);
}

#[test]
fn a_link_kept_for_a_request_that_does_not_come_is_free_again() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.greet(2);
    bench.lease(5, NEVER);
    assert_eq!((bench.leased(), bench.opening()), (vec![], vec![3]));
    bench.elapse(bench.now() + 2 * SECOND);
    assert_eq!(bench.leased(), [(5, true)]);
}

#[test]
fn what_needs_a_session_is_refused_on_the_shared_link() {
    let mut bench = Bench::ready();
    for command in ["MULTI", "WATCH", "SELECT", "AUTH"] {
        bench.submit(&[Row::command(1, &[command, "1"])]);
        assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)], "{command}");
    }
}

#[test]
fn a_drain_ends_those_who_wait() {
    let mut bench = Bench::ready();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.lease(5, NEVER);
    bench.drain(NEVER);
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Closing)]);
    assert_eq!(bench.leased(), [(5, false)]);
}

#[test]
fn a_session_released_while_its_link_closes_hears_no_more_of_it() {
    let mut bench = with_session();
    bench.received(2, b"!rubbish\r\n");
    assert_eq!(bench.closing(), [2]);
    bench.release(5);
    bench.closed(2, Reason::Local, 0);
    assert_eq!(bench.leased(), []);
    // Nor is what it asked for asked of it again.
    let mut bench = with_session();
    bench.submit(&[in_session(5, 1, &["GET", "k"])]);
    bench.received(2, b"!rubbish\r\n");
    bench.release(5);
    bench.closed(2, Reason::Local, 0);
    assert_eq!((bench.leased(), bench.resubmits()), (vec![], vec![]));
    assert_eq!(bench.failed(), [(1, Failure::NotSent, Cause::Protocol)]);
}

#[test]
fn no_more_wait_for_a_link_than_may() {
    let mut bench = Bench::ready_with(Limits { queued: 2, ..Limits::default() });
    for session in 1..=2 {
        bench.lease(session, NEVER);
        assert_eq!(bench.leased(), []);
    }
    bench.lease(3, NEVER);
    assert_eq!(bench.leased(), [(3, false)]);
}

#[test]
fn a_link_that_answered_a_probe_serves_who_waits() {
    let limits = Limits { links: 2, ..Limits::default() };
    let mut bench = Bench::with(limits, |settings| settings.quiet_after = SECOND);
    bench.greet(1);
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.release(5);
    bench.elapse(bench.now() + 2 * SECOND);
    assert!(bench.output(2).ends_with(b"PING\r\n"));
    bench.lease(6, NEVER);
    assert_eq!(bench.leased(), []);
    bench.received(2, b"+PONG\r\n");
    assert_eq!(bench.leased(), [(6, true)]);
}

#[test]
fn what_has_no_place_behind_a_command_that_blocks_keeps_nobody_back() {
    let mut bench = Bench::ready_with(Limits { inflight: 2, ..Limits::default() });
    bench.lease(5, NEVER);
    bench.greet(2);
    bench.submit(&[in_session(5, 1, &["BLPOP", "k", "0"]), in_session(5, 2, &["GET", "a"])]);
    bench.submit(&[in_session(5, 3, &["GET", "b"]), Row::command(4, &["GET", "c"])]);
    assert_eq!(bench.failed(), [(3, Failure::Limit, Cause::None)]);
    assert!(bench.output(1).ends_with(b"GET\r\n$1\r\nc\r\n"));
    // Behind what does not block, there will be room soon.
    bench.received(2, b"_\r\n");
    bench.submit(&[in_session(5, 6, &["GET", "d"])]);
    bench.submit(&[in_session(5, 7, &["GET", "e"])]);
    assert_eq!((bench.failed(), bench.accepted()), (vec![], 0));
}
