//! Servers that turn out to be no primary, and which links that concerns.

use coracle_core::client::Reason;
use coracle_core::config::{Endpoint, Limits};
use coracle_core::wire::{Cause, ClientState, EventKind, NEVER};

use crate::bench::{Bench, Row};

const READONLY: &[u8] = b"-READONLY You can't write against a read only replica.\r\n";
const REPLICA: &[u8] = b"%1\r\n+role\r\n+replica\r\n";

/// Link 1 is ready; a primary is wanted.
fn primary() -> Bench {
    let mut bench = Bench::with(Limits::default(), |settings| settings.primary = true);
    bench.greet(1);
    bench
}

/// Link 1 was found to lead to no primary, and is closed; link `next` takes its place.
fn fail_over(bench: &mut Bench, next: u32) {
    bench.submit(&[Row::command(90, &["SET", "k", "v"])]);
    bench.received(1, READONLY);
    assert_eq!((bench.resubmits(), bench.closing().contains(&1)), (vec![(90, false)], true));
    bench.closed(1, Reason::Local, bench.written(1));
    bench.elapse(bench.wake_at());
    assert_eq!(bench.opening(), [next]);
    bench.greet(next);
}

/// Request 1 waits on link 2, which is leased for it alone.
fn blocked(bench: &mut Bench) {
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.greet(2);
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
}

#[test]
fn a_session_s_link_is_not_leased_again_after_a_failover() {
    let mut bench = primary();
    bench.lease(5, NEVER);
    bench.greet(2);
    fail_over(&mut bench, 3);
    bench.submit(&[Row { session: 5, ..Row::command(2, &["GET", "k"]) }]);
    bench.received(2, b"$1\r\nv\r\n");
    assert_eq!((bench.ids(EventKind::Reply), bench.closing()), (vec![2], vec![]));
    bench.release(5);
    assert_eq!(bench.closing(), [2]);
}

#[test]
fn a_link_that_was_being_opened_is_not_leased_after_a_failover() {
    let mut bench = primary();
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.opened(2);
    bench.submit(&[Row::command(90, &["SET", "k", "v"])]);
    bench.received(1, READONLY);
    bench.received(2, b"%0\r\n");
    assert_eq!((bench.resubmits(), bench.closing()), (vec![], vec![2]));
    bench.closed(1, Reason::Local, bench.written(1));
    bench.elapse(bench.wake_at());
    bench.greet(3);
    // Another one is.
    assert_eq!(bench.opening(), [4]);
}

#[test]
fn a_leased_link_that_is_older_than_the_main_one_retires_alone() {
    let mut bench = primary();
    blocked(&mut bench);
    bench.closed(1, Reason::Lost, bench.written(1));
    bench.elapse(bench.wake_at());
    bench.greet(3);
    bench.received(2, READONLY);
    assert_eq!((bench.resubmits(), bench.closing(), bench.states()), (vec![(1, false)], vec![2], vec![]));
    // From a newer one, it concerns them all.
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    assert_eq!(bench.opening(), [4]);
    bench.greet(4);
    bench.submit(&[Row::command(1, &["BLPOP", "k", "0"])]);
    bench.received(4, READONLY);
    assert_eq!((bench.resubmits(), bench.closing()), (vec![(1, false)], vec![3, 4]));
    assert_eq!(bench.states(), [(ClientState::Connecting, Cause::Replica)]);
}

#[test]
fn a_replica_is_not_leased_and_tells_of_the_main_link() {
    let mut bench = primary();
    bench.lease(5, NEVER);
    bench.opened(2);
    bench.received(2, REPLICA);
    assert_eq!((bench.leased(), bench.closing()), (vec![], vec![2, 1]));
    assert_eq!(bench.states(), [(ClientState::Connecting, Cause::Replica)]);
    // Where none is wanted, it is leased.
    let mut bench = Bench::ready();
    bench.lease(5, NEVER);
    bench.opened(2);
    bench.received(2, REPLICA);
    assert_eq!(bench.leased(), [(5, true)]);
}

#[test]
fn an_idle_link_that_leads_elsewhere_than_the_new_main_one_closes() {
    for elsewhere in [false, true] {
        let other = Endpoint::Tcp("other".into(), 6379);
        let mut bench = Bench::with(Limits::default(), |settings| settings.endpoints.push(other));
        bench.greet(1);
        bench.lease(5, NEVER);
        bench.greet(2);
        bench.release(5);
        bench.closed(1, Reason::Lost, bench.written(1));
        bench.elapse(bench.wake_at());
        if elsewhere {
            bench.closed(3, Reason::Refused, 0);
        }
        bench.greet(if elsewhere { 4 } else { 3 });
        assert_eq!(bench.closing().contains(&2), elsewhere);
    }
}
