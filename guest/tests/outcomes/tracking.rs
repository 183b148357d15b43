//! What may be stored, and when it must be forgotten.

use coracle_core::client::Reason;
use coracle_core::config::{Limits, Tracking};
use coracle_core::wire::{EventKind, NodeKind, option};

use crate::bench::{Bench, Row};

const YES: &str = "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n";

fn tracked(id: u64, args: &[&str]) -> Row {
    Row { options: option::TRACK, ..Row::command(id, args) }
}

/// Link 1 is ready, and the server's answer to CLIENT TRACKING was this.
fn tracking_answered(tracking: Tracking, answer: &[u8]) -> Bench {
    let mut bench = Bench::with(Limits::default(), |settings| settings.tracking = tracking);
    bench.opened(1);
    bench.received(1, &[b"%0\r\n", answer].concat());
    bench
}

fn opted_in() -> Bench {
    tracking_answered(Tracking::OptIn, b"+OK\r\n")
}

fn sent(bench: &Bench) -> String {
    String::from_utf8_lossy(bench.output(1)).into_owned()
}

#[test]
fn a_read_that_the_server_remembers_may_be_stored() {
    let mut bench = opted_in();
    assert!(sent(&bench).ends_with("CLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$5\r\nOPTIN\r\n"));
    bench.submit(&[tracked(1, &["GET", "k"]), Row::command(2, &["GET", "k"])]);
    assert!(sent(&bench).contains(&format!("{YES}*2\r\n$3\r\nGET")));
    assert_eq!(sent(&bench).matches(YES).count(), 1);
    bench.received(1, b"+OK\r\n$1\r\nv\r\n$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, true), (2, false)]);
}

#[test]
fn only_reads_of_one_key_may_be_stored() {
    let mut bench = opted_in();
    let rows = [
        tracked(1, &["SET", "k", "v"]),
        tracked(2, &["MGET", "k", "l"]),
        tracked(3, &["DBSIZE"]),
        tracked(4, &["HGET", "k", "f"]),
        tracked(6, &["TTL", "k"]),
        tracked(7, &["SRANDMEMBER", "k"]),
        Row { options: option::TRACK | option::LONE, ..Row::command(5, &["GET", "k"]) },
    ];
    bench.submit(&rows);
    bench.received(1, b"+OK\r\n*0\r\n:1\r\n+OK\r\n$1\r\nv\r\n:5\r\n$1\r\nv\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, false), (2, false), (3, false), (4, true), (6, false), (7, false), (5, false)]);
}

#[test]
fn nothing_may_be_stored_where_the_server_does_not_tell() {
    for (tracking, answer) in [(Tracking::Off, &b""[..]), (Tracking::OptIn, b"-ERR unknown subcommand\r\n")] {
        let mut bench = tracking_answered(tracking, answer);
        bench.submit(&[tracked(1, &["GET", "k"])]);
        assert!(!sent(&bench).contains("CACHING"));
        bench.received(1, b"$1\r\nv\r\n");
        assert_eq!(bench.storable(), [(1, false)]);
    }
    // Nor without RESP3, nor where it refuses this once, nor what is an error.
    let mut bench = tracking_answered(Tracking::OptIn, b"+OK\r\n");
    bench.submit(&[tracked(1, &["GET", "k"]), tracked(2, &["GET", "k"])]);
    bench.received(1, b"-ERR no\r\n$1\r\nv\r\n+OK\r\n-WRONGTYPE no\r\n");
    assert_eq!(bench.storable(), [(1, false), (2, false)]);
    let mut bench = Bench::with(Limits::default(), |settings| settings.tracking = Tracking::OptIn);
    bench.opened(1);
    bench.received(1, b"-ERR unknown command HELLO\r\n+OK\r\n");
    bench.submit(&[tracked(1, &["GET", "k"])]);
    bench.received(1, b"$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, false)]);
}

#[test]
fn a_broadcast_covers_what_begins_so() {
    let prefixes = vec![b"a:".to_vec(), b"b:".to_vec()];
    let mut bench = tracking_answered(Tracking::Broadcast(prefixes), b"+OK\r\n");
    assert!(sent(&bench).ends_with("BCAST\r\n$6\r\nPREFIX\r\n$2\r\na:\r\n$6\r\nPREFIX\r\n$2\r\nb:\r\n"));
    bench.submit(&[tracked(1, &["GET", "a:1"]), tracked(2, &["GET", "c:1"])]);
    bench.received(1, b"$1\r\nv\r\n$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, true), (2, false)]);
    let mut bench = tracking_answered(Tracking::Broadcast(vec![]), b"+OK\r\n");
    bench.submit(&[tracked(1, &["GET", "c:1"])]);
    bench.received(1, b"$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, true)]);
}

#[test]
fn the_word_of_a_change_comes_in_its_place_among_the_replies() {
    let mut bench = opted_in();
    bench.submit(&[tracked(1, &["GET", "k"]), tracked(2, &["GET", "k"])]);
    let push = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nk\r\n$2\r\nkk\r\n";
    bench.received(1, &[b"+OK\r\n$1\r\nv\r\n", &push[..], b"+OK\r\n$1\r\nw\r\n"].concat());
    assert_eq!(bench.kinds(), [EventKind::Reply, EventKind::Invalidate, EventKind::Reply]);
    let kinds = [NodeKind::Array, NodeKind::Bulk, NodeKind::Bulk];
    assert_eq!(bench.nodes_of(EventKind::Invalidate), kinds.map(|kind| kind as u8));
    // However it is cut.
    for at in 1..push.len() {
        bench.received(1, &push[..at]);
        assert_eq!(bench.kinds(), []);
        bench.received(1, &push[at..]);
        assert_eq!(bench.nodes_of(EventKind::Invalidate), kinds.map(|kind| kind as u8), "cut at {at}");
    }
}

#[test]
fn all_is_forgotten_where_it_is_not_known_what_changed() {
    let all = [NodeKind::Nil as u8];
    let mut bench = opted_in();
    for push in [&b">2\r\n$10\r\ninvalidate\r\n_\r\n"[..], b">2\r\n$10\r\ninvalidate\r\n*1\r\n*1\r\n:1\r\n"] {
        bench.received(1, push);
        assert_eq!(bench.nodes_of(EventKind::Invalidate), all);
    }
    // A key that passes by.
    let limits = Limits { pass_above: 64, ..Limits::default() };
    let mut bench = Bench::with(limits, |settings| settings.tracking = Tracking::OptIn);
    bench.opened(1);
    bench.received(1, b"%0\r\n+OK\r\n");
    bench.received(1, b">2\r\n$10\r\ninvalidate\r\n*1\r\n$100\r\nabc");
    assert_eq!(bench.kinds(), [EventKind::Part, EventKind::Invalidate]);
    assert_eq!(bench.nodes_of(EventKind::Invalidate), all);
    bench.received_after(1, 97, b"\r\n");
    assert_eq!(bench.kinds(), [EventKind::Discard]);
}

#[test]
fn a_word_of_too_many_keys_makes_all_be_forgotten_and_breaks_nothing() {
    let keys = 100_000;
    // Its last words are no push of their own.
    let ends = "$3\r\nabc\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n";
    let push = format!(">2\r\n$10\r\ninvalidate\r\n*{}\r\n{}", keys + 3, "$1\r\nk\r\n".repeat(keys));
    let mut bench = opted_in();
    bench.submit(&[tracked(1, &["GET", "k"])]);
    bench.received(1, b"+OK\r\n");
    let mut told = 0;
    for piece in push.as_bytes().chunks(65_536) {
        bench.received(1, piece);
        assert_eq!(bench.closing(), []);
        told += bench.count(EventKind::Invalidate);
        // Nobody waits for any part of it.
        assert!(bench.details(EventKind::Part).iter().all(|detail| *detail == 1));
        if bench.count(EventKind::Invalidate) > 0 {
            assert_eq!(bench.nodes_of(EventKind::Invalidate), [NodeKind::Nil as u8]);
        }
    }
    assert_eq!(told, 1);
    bench.received(1, ends.as_bytes());
    assert_eq!((bench.kinds(), bench.closing()), (vec![EventKind::Discard], vec![]));
    bench.received(1, b"$1\r\nv\r\n");
    assert_eq!(bench.storable(), [(1, true)]);
}

#[test]
fn all_is_forgotten_with_the_link_that_would_have_told() {
    let mut bench = opted_in();
    bench.closed(1, Reason::Lost, 1000);
    assert_eq!(bench.nodes_of(EventKind::Invalidate), [NodeKind::Nil as u8]);
    // From the moment that nothing is read from it any more, and once.
    let mut bench = opted_in();
    bench.received(1, b"?\r\n");
    assert_eq!(bench.count(EventKind::Invalidate), 1);
    bench.closed(1, Reason::Local, 1000);
    assert_eq!(bench.count(EventKind::Invalidate), 0);
    // A link on which it was not tracked has nothing to say.
    let mut bench = Bench::ready();
    bench.received(1, b">2\r\n$10\r\ninvalidate\r\n_\r\n");
    assert_eq!(bench.count(EventKind::Invalidate), 0);
    bench.closed(1, Reason::Lost, 1000);
    assert_eq!(bench.count(EventKind::Invalidate), 0);
}

#[test]
fn only_the_shared_link_tracks_and_a_server_that_does_not_is_told_of() {
    let mut bench = opted_in();
    assert!(bench.logs().is_empty());
    bench.subscribe(5, &[1], b"a");
    bench.opened(2);
    assert!(!String::from_utf8_lossy(bench.output(2)).contains("TRACKING"));
    assert_eq!(tracking_answered(Tracking::OptIn, b"-ERR no\r\n").logs().len(), 1);
}

#[test]
fn a_server_that_can_not_track_now_is_asked_again() {
    let mut bench = tracking_answered(Tracking::OptIn, b"-BUSY Redis is busy running a script.\r\n");
    assert_eq!(bench.closing(), [1]);
    bench.closed(1, Reason::Local, 0);
    bench.elapse(bench.wake_at());
    assert_eq!(bench.opening(), [2]);
}
