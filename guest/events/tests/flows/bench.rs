//! What the tests have in common.
#![expect(clippy::panic, clippy::unwrap_used, reason = "clippy allows them in tests, and does not know that these are")]

use coracle_events::event::{Cursor, Event, Id};
use coracle_events::given::{Command, Durability, Retries, Selection, Settings};
use coracle_events::pieces::SCRIPT;
use coracle_events::query::Item;
use coracle_events::scripts;
use coracle_events::step::{Batch, Failure, Lost, Step};
use coracle_events::store::Store;

/// The flow of most tests.
pub const FLOW: u64 = 5;
/// When their flows have to be over.
pub const DEADLINE: u64 = 1_000_000_000;

pub fn settings() -> Settings {
    Settings {
        namespace: "n".to_owned(),
        seed: 1,
        token_seed: (2, 3),
        max_batch_events: 10,
        max_batch_bytes: 1000,
        scan_budget: 1000,
        page_events: 10,
        segment_bytes: 1 << 20,
        marker_ttl: 10_000,
        durability: Durability::None,
        max_flows: 3,
    }
}

pub fn store() -> Store {
    Store::open(settings()).unwrap()
}

pub fn event() -> Event {
    Event { id: Id((7 << 64) | 9), kind: "e".to_owned(), tags: vec!["a:1".to_owned()], data: 3, metadata: 0 }
}

pub fn command(locks: &[&str]) -> Command {
    Command {
        id: Id(8),
        kind: "c".to_owned(),
        data: 3,
        metadata: 0,
        fingerprint: 4,
        locks: locks.iter().map(|&name| name.to_owned()).collect(),
        permanent: false,
    }
}

pub fn retries(attempts: u32) -> Retries {
    Retries { attempts, backoff: 10, max_backoff: 1000, lease: 3000 }
}

pub fn everything(decision: u64) -> Selection {
    Selection { queries: vec![vec![Item::default()]], after: Cursor::default(), limit: 0, backwards: false, decision }
}

/// A reply of numbers.
pub fn numbers(list: &[u64]) -> Vec<u64> {
    let mut nodes = vec![10 | (list.len() as u64) << 16, 0];
    for number in list {
        nodes.extend([2, *number]);
    }
    nodes
}

/// One number.
pub fn number(number: u64) -> Vec<u64> {
    vec![2, number]
}

/// An append's.
pub fn appended(position: u64) -> Vec<u64> {
    numbers(&[0, position, position, 1, 9])
}

/// A page without events, of a log with this head.
pub fn empty_page(head: u64) -> Vec<u64> {
    page(head, head, &[], &[]).0
}

/// A page of a log with this head, whose id ends in 9: the events at these positions, and others whose bodies have no
/// room; `to` is how far it looked.
pub fn page(head: u64, to: u64, events: &[u64], rest: &[u64]) -> (Vec<u64>, Vec<u8>) {
    let front = numbers(&[0, head, 9, to, u64::from(to == head)]);
    let mut nodes: Vec<u64> = [10 | 7 << 16, 0].into_iter().chain(front.into_iter().skip(2)).collect();
    let (bodies, mut texts) = bodies(events);
    let found: Vec<String> = [events, rest].concat().iter().map(u64::to_string).collect();
    let (digits, offset) = (found.join(","), texts.len() as u64);
    nodes.extend([10 | u64::from(!found.is_empty()) << 16, 0]);
    if !found.is_empty() {
        nodes.extend([7 | (digits.len() as u64) << 16, offset]);
    }
    texts.extend(digits.as_bytes());
    (nodes.into_iter().chain(bodies).collect(), texts)
}

/// The bodies of the events at these positions, whose ids are these numbers.
pub fn bodies(positions: &[u64]) -> (Vec<u64>, Vec<u8>) {
    let (mut nodes, mut texts) = (vec![10 | (positions.len() as u64) << 16, 0], Vec::new());
    for position in positions {
        let id = u128::from(*position).to_be_bytes();
        let body = [b"1,0,\x01".as_slice(), &id, b"\x01e\0\0"].concat();
        nodes.extend([7 | (body.len() as u64) << 16, texts.len() as u64]);
        texts.extend(body);
    }
    (nodes, texts)
}

pub fn lost(failure: Failure, cause: u8) -> Lost {
    Lost { failure, cause, text: "lost".to_owned() }
}

/// The link broke.
pub fn broke() -> Lost {
    lost(Failure::MaybeExecuted, 3)
}

pub fn until(step: &Step) -> u64 {
    match step {
        Step::Wait(until) => *until,
        other => panic!("no wait but {other:?}"),
    }
}

/// All that is sent, scripts among it.
pub fn text(batch: &Batch) -> String {
    let scripts = batch.commands.pieces.iter().filter(|piece| **piece & SCRIPT != 0);
    let sources = scripts.map(|piece| scripts::ALL.get((piece & !SCRIPT) as usize).unwrap().source());
    sources.fold(String::from_utf8_lossy(&batch.commands.bytes).into_owned(), |text, source| text + &source)
}

/// All that a step sends.
pub fn said(step: &Step) -> String {
    let Step::Send(batch) = step else { panic!("nothing is sent but {step:?}") };
    text(batch)
}

/// The last arguments of what is sent, which must be bytes of its own.
pub fn arguments(step: &Step, count: usize) -> Vec<String> {
    let Step::Send(batch) = step else { panic!("nothing is sent but {step:?}") };
    let lengths = batch.commands.pieces.iter().rev().take(count);
    let mut rest = batch.commands.bytes.as_slice();
    let mut last = Vec::new();
    for length in lengths {
        let (front, argument) = rest.split_at(rest.len() - *length as usize);
        last.push(String::from_utf8_lossy(argument).into_owned());
        rest = front;
    }
    last.reverse();
    last
}

/// The name of what is sent: of a script, what is only in it.
pub fn sent(step: &Step) -> &'static str {
    let text = said(step);
    let has = |what: &str| text.contains(what);
    match () {
        () if has("{n}:b") && has("XREAD") => "bell",
        () if has("WAITAOF") => "waitaof",
        () if has("WAIT") => "wait",
        () if has("HGETALL") => "meta",
        () if has("'HSET', KEYS[1], 'w'") => "listen",
        () if has("HINCRBY") => "lock",
        () if has("PEXPIRE") => "lease",
        () if has("XADD") => "append",
        () if has("EVALSHA") => "script",
        () => "other",
    }
}
