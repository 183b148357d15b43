//! A reply's bytes as they came, and lines of MONITOR.

use coracle_core::config::Limits;
use coracle_core::pubsub::Kind;
use coracle_core::wire::{Cause, EventKind, Failure, NEVER, NodeKind, option};

use crate::SECOND;
use crate::bench::{Bench, Row};

fn raw(id: u64, args: &[&str]) -> Row {
    Row { options: option::RAW, ..Row::command(id, args) }
}

/// The bytes that request 2 was given, as a host puts them together.
#[derive(Default)]
struct Tape {
    input: Vec<u8>,
    raw: Vec<u8>,
    replies: usize,
    kept_from: u64,
}

impl Tape {
    /// Feeds so much of what the server says. Input that the core lets go is no longer there.
    fn feed(&mut self, bench: &mut Bench, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        bench.received(1, bytes);
        for (from, size) in bench.raw_of(2) {
            assert!(from >= self.kept_from, "byte {from} was let go, up to {}", self.kept_from);
            self.raw.extend_from_slice(&self.input[from as usize..(from + size) as usize]);
        }
        self.kept_from = bench.keep_from();
        self.replies += bench.ids(EventKind::Reply).iter().filter(|id| **id == 2).count();
    }
}

#[test]
fn the_bytes_of_a_reply_are_given_whole_however_they_are_cut() {
    let replies: [&[u8]; 7] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b"$5\r\nhello\r\n",
        b"*3\r\n$5\r\nhello\r\n:12\r\n*1\r\n_\r\n",
        b"|1\r\n+a\r\n:1\r\n$2\r\nxy\r\n",
        b"%1\r\n+k\r\n=7\r\ntxt:abc\r\n",
        b"!9\r\nERR wrong\r\n",
    ];
    for reply in replies {
        for cut in 1..reply.len() {
            let mut bench = Bench::ready();
            let before = b"%0\r\n$2\r\nno\r\n".as_slice();
            bench.submit(&[Row::command(1, &["GET", "a"]), raw(2, &["GET", "b"]), Row::command(3, &["GET", "c"])]);
            let mut tape = Tape { input: b"%0\r\n".to_vec(), ..Tape::default() };
            tape.feed(&mut bench, &before[4..]);
            tape.feed(&mut bench, &reply[..cut]);
            tape.feed(&mut bench, &[&reply[cut..], b":7\r\n"].concat());
            assert_eq!((tape.raw.as_slice(), tape.replies), (reply, 1), "cut at {cut}");
        }
    }
}

#[test]
fn what_passes_by_lies_between_the_ranges() {
    let mut bench = Bench::ready_with(Limits { pass_above: 64, ..Limits::default() });
    bench.submit(&[raw(2, &["GET", "b"])]);
    bench.received(1, b"*2\r\n$100\r\nabc");
    assert_eq!((bench.raw_of(2), bench.pass_by()), (vec![(4, 13)], 97));
    bench.received_after(1, 97, b"\r\n:1\r");
    assert_eq!(bench.raw_of(2), [(114, 5)]);
    bench.received(1, b"\n");
    assert_eq!(bench.raw_of(2), [(119, 1)]);
    assert_eq!(bench.ids(EventKind::Reply), [2]);
}

#[test]
fn a_reply_that_puts_off_gives_no_bytes() {
    let mut bench = Bench::ready();
    bench.submit(&[raw(2, &["GET", "b"])]);
    bench.received(1, b"-LOADING wai");
    assert_eq!(bench.raw_of(2), []);
    bench.received(1, b"t\r\n");
    assert_eq!((bench.raw_of(2), bench.resubmits()), (vec![], vec![(2, false)]));
}

#[test]
fn of_a_transaction_the_bytes_are_those_of_exec() {
    let mut bench = Bench::ready();
    bench.submit(&[Row { options: option::RAW | option::LONE, ..Row::command(2, &["GET", "b"]) }]);
    bench.received(1, b"+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    assert_eq!(bench.raw_of(2), [(18, 8)]);
}

#[test]
fn monitor_gives_line_after_line_on_a_link_of_its_own() {
    let mut bench = Bench::with(Limits::default(), |settings| settings.quiet_after = SECOND);
    bench.greet(1);
    bench.subscribe_to(Kind::Monitor, 5);
    assert_eq!(bench.opening(), [2]);
    bench.greet(2);
    assert!(bench.output(2).ends_with(b"*1\r\n$7\r\nMONITOR\r\n"));
    bench.received(2, b"+OK\r\n+1.2 [0 a:1] \"PI");
    assert_eq!(bench.ids(EventKind::Subscribed), [5]);
    assert_eq!(bench.count(EventKind::Message), 0);
    bench.received(2, b"NG\"\r\n+1.3 [0 a:1] \"GET\" \"k\"\r\n");
    assert_eq!(bench.ids(EventKind::Message), [5, 5]);
    assert_eq!(bench.nodes_of(EventKind::Message), [NodeKind::Status as u8]);
    // A silent one is asked, and its answer is no line.
    bench.elapse(bench.now() + 2 * SECOND);
    assert!(bench.output(2).ends_with(b"PING\r\n"));
    bench.received(2, b"+1.4 [0 b:1] \"PING\"\r\n+PONG\r\n");
    assert_eq!((bench.ids(EventKind::Message), bench.closing()), (vec![5], vec![]));
    bench.unsubscribe(5);
    assert_eq!((bench.ids(EventKind::Ended), bench.closing()), (vec![5], vec![2]));
}

#[test]
fn monitor_begins_again_after_a_gap_and_has_no_names() {
    let mut bench = Bench::ready();
    bench.subscribe_to(Kind::Monitor, 5);
    bench.greet(2);
    bench.received(2, b"+OK\r\n");
    bench.closed(2, coracle_core::client::Reason::Lost, NEVER);
    assert_eq!(bench.ids(EventKind::Gap), [5]);
    bench.elapse(bench.wake_at());
    bench.greet(3);
    bench.received(3, b"+OK\r\n");
    assert_eq!(bench.ids(EventKind::Subscribed), [5]);
    bench.subscribe_to_names(Kind::Monitor, 6, &[1], b"a");
    assert_eq!(bench.ids(EventKind::Ended), [6]);
    bench.submit(&[Row::command(1, &["MONITOR"])]);
    assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)]);
    // A line that comes where nobody monitors is a fault of the peer.
    bench.received(1, b"+1.2 [0 a:1] \"PING\"\r\n");
    assert_eq!(bench.closing(), [1]);
}

#[test]
fn a_line_of_monitor_is_cut_however_long_it_is() {
    let mut bench = Bench::ready();
    bench.subscribe_to(Kind::Monitor, 9);
    bench.greet(2);
    bench.received(2, b"+OK\r\n");
    let line = format!("+{}\r\n+1.3 [0 a:1] \"GET\" \"k\"\r\n", "x".repeat(300_000));
    let (mut fed, mut came) = (b"%0\r\n+OK\r\n".len() as u64, Vec::new());
    for piece in line.as_bytes().chunks(65_000) {
        bench.received(2, piece);
        fed += piece.len() as u64;
        came.push(bench.count(EventKind::Message));
        // Its front waits for what makes it a message, and of the rest nothing is kept.
        assert_eq!(bench.keep_from() == fed, came.len() > 1, "{came:?}");
    }
    assert_eq!((came, bench.closing()), (vec![0, 1, 0, 0, 1], vec![]));
    // What is no line of it is none.
    bench.received(2, format!("-{}", "x".repeat(65_535)).as_bytes());
    assert_eq!(bench.closing(), []);
    bench.received(2, b"xx");
    assert_eq!(bench.closing(), [2]);
}
