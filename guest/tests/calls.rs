//! Any calls in any order, with any bytes: the core must not panic, and what it says must hold together.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "in a test, a panic is how it fails")]

use std::collections::{BTreeMap, BTreeSet};

use coracle_core::Core;
use coracle_core::client::{Reason, Traffic};
use coracle_core::config::{Credentials, Endpoint, Limits, Settings};
use coracle_core::effects::Effect;
use coracle_core::output::Progress;
use coracle_core::pubsub::Kind;
use coracle_core::wire::NEVER;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Call {
    Opened(u32, bool),
    Received(u32, u64, Vec<u8>),
    Closed(u32, u64),
    Elapsed(u64),
    Submit(Vec<[u64; 4]>, Vec<u32>, Vec<u8>),
    Command(u64, u8),
    Cancel(u64),
    Subscribe(u64, u8, bool, Vec<u8>),
    Unsubscribe(u64),
    Drain(u64),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let link = 1..5_u32;
    let id = 1..6_u64;
    let said = prop_oneof![
        Just("%0\r\n".to_owned()),
        Just("-ERR unknown command\r\n".to_owned()),
        Just("-WRONGPASS no\r\n".to_owned()),
        Just("+OK\r\n".to_owned()),
        Just("$100\r\nabc".to_owned()),
        Just("*2\r\n:1\r\n".to_owned()),
        Just(">3\r\n+subscribe\r\n+a\r\n:1\r\n".to_owned()),
        Just(">3\r\n+unsubscribe\r\n+a\r\n:1\r\n".to_owned()),
        Just(">3\r\n+message\r\n+a\r\n$70\r\n".to_owned()),
        Just("*3\r\n+message\r\n+a\r\n+b\r\n".to_owned()),
        Just(">2\r\n+me".to_owned()),
        "[+:$*>_%|\r\n0-9a-z-]{0,12}",
    ];
    let row = (id.clone(), any::<u64>(), 0..4_u64, 0..128_u64, 0..4_u64)
        .prop_map(|(id, deadline, count, options, total)| [id, deadline, count, options | total << 32]);
    let call = prop_oneof![
        4 => (link.clone(), any::<bool>()).prop_map(|(link, secret)| Call::Opened(link, secret)),
        12 => (link.clone(), 0..3_u64, said).prop_map(|(link, skip, said)| {
            Call::Received(link, if skip == 2 { 40 } else { 0 }, said.into_bytes())
        }),
        2 => (link, 0..400_u64).prop_map(|(link, written)| Call::Closed(link, written)),
        3 => (0..6_000_000_u64).prop_map(Call::Elapsed),
        2 => (
            proptest::collection::vec(row, 0..4),
            proptest::collection::vec(prop_oneof![0..5_u32, any::<u32>()], 0..8),
            proptest::collection::vec(any::<u8>(), 0..20),
        ).prop_map(|(rows, lengths, bytes)| Call::Submit(rows, lengths, bytes)),
        8 => (id.clone(), 0..4_u8).prop_map(|(id, shape)| Call::Command(id, shape)),
        2 => id.clone().prop_map(Call::Cancel),
        4 => (id.clone(), 0..3_u8, any::<bool>(), "[ab]{1,3}").prop_map(|(id, kind, own, names)| {
            Call::Subscribe(id, kind, own, names.into_bytes())
        }),
        2 => id.prop_map(Call::Unsubscribe),
        1 => (0..9_000_000_u64).prop_map(Call::Drain),
    ];
    proptest::collection::vec(call, 1..80)
}

/// What a host knows, as far as it is needed to check what the core says.
struct Watch {
    open: BTreeSet<u32>,
    /// Requests accepted and not ended.
    requests: BTreeMap<u64, u32>,
    subscriptions: BTreeSet<u64>,
}

impl Watch {
    fn check(&mut self, core: &mut Core, given: &[u64]) {
        for effect in core.effects().list() {
            match effect {
                Effect::Open { link, .. } => assert!(self.open.insert(*link), "link {link} is opened twice"),
                Effect::Send { link, start, end } => {
                    assert!(self.open.contains(link), "output on link {link}, which is closed");
                    assert_eq!(core.effects().bytes(*start, *end).len(), end - start);
                }
                Effect::SendHeld { link, .. } | Effect::SendSecret { link, .. } | Effect::Close { link } => {
                    assert!(self.open.contains(link), "an effect on link {link}, which is closed");
                }
            }
        }
        let progress = core.progress();
        for id in given.iter().take(progress.accepted as usize) {
            *self.requests.entry(*id).or_default() += 1;
        }
        self.check_events(&progress);
    }

    fn check_events(&mut self, progress: &Progress) {
        for [head, id, span] in progress.events.as_chunks::<3>().0 {
            let (first, count) = (*span as u32 as usize, (*span >> 32) as usize);
            assert!((first + count) * 2 <= progress.nodes.len(), "an event's nodes are not there");
            match *head as u8 {
                1..=3 => {
                    let open = self.requests.get_mut(id).filter(|open| **open > 0);
                    // Ids that are used twice at a time are the host's fault: then only the sum can be right.
                    *open.unwrap_or_else(|| panic!("request {id} ended, but is not open")) -= 1;
                }
                8 => _ = self.subscriptions.remove(id),
                5..=7 => assert!(self.subscriptions.contains(id), "a notice for subscription {id}, which has ended"),
                _ => {}
            }
        }
        for node in progress.nodes.as_chunks::<2>().0 {
            let (kind, size) = (node[0] as u8, (node[0] >> 16) as usize);
            if kind == 14 {
                let text = progress.texts.get(node[1] as usize..node[1] as usize + size).unwrap();
                assert!(std::str::from_utf8(text).is_ok());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_in_any_order_do_no_harm(calls in calls(), resp2 in any::<bool>()) {
        run(calls, resp2);
    }
}

fn run(calls: Vec<Call>, resp2: bool) {
    let settings = Settings {
        seed: 3,
        endpoints: vec![Endpoint::Tcp("server".into(), 6379), Endpoint::Unix("socket".into())],
        database: 0,
        name: String::new(),
        library_name: String::new(),
        library_version: String::new(),
        resp2,
        connect_timeout: 5_000_000,
        quiet_after: NEVER,
        idle_timeout: NEVER,
        primary: false,
        limits: Limits { pass_above: 64, inflight: 4, depth: 4, ..Limits::default() },
    };
    let mut core = Core::new(0, settings).unwrap();
    let mut watch = Watch { open: BTreeSet::new(), requests: BTreeMap::new(), subscriptions: BTreeSet::new() };
    watch.check(&mut core, &[]);
    let mut now = 0;
    for call in calls {
        now += 1;
        let mut given = Vec::new();
        match call {
            Call::Opened(link, secret) => {
                let credentials = Credentials { generation: 1, username: 0, password: 3 };
                core.handle_opened(now, link, secret.then_some(credentials));
            }
            Call::Received(link, skipped, bytes) => core.handle_received(now, link, skipped, &bytes),
            Call::Closed(link, written) => {
                watch.open.remove(&link);
                core.handle_closed(now, link, Reason::Lost, written, "");
            }
            Call::Elapsed(time) => {
                now += time;
                core.handle_elapsed(now, &[Traffic { link: 1, written: 0, received: 0 }]);
            }
            Call::Submit(rows, lengths, bytes) => {
                // One row an id: a request's rows count as one, and are tried by `Command`.
                let mut seen = BTreeSet::new();
                let rows: Vec<[u64; 4]> = rows
                    .into_iter()
                    .filter(|row| seen.insert(row[0]) && watch.requests.get(&row[0]).is_none_or(|open| *open == 0))
                    .filter(|row| row[3] as u32 & 0b100_1001 == 0)
                    .collect();
                given = rows.iter().map(|row| row[0]).collect();
                core.submit(now, &rows.concat(), &lengths, &bytes);
            }
            Call::Command(id, shape) => {
                if watch.requests.get(&id).is_some_and(|open| *open > 0) {
                    continue;
                }
                given = vec![id];
                let deadline = now + u64::from(shape) * 1_000_000;
                core.submit(now, &[id, deadline, 2, 2 << 32], &[3, 1], b"GETk");
            }
            Call::Cancel(id) => core.cancel(now, &[id]),
            Call::Subscribe(id, kind, own, names) => {
                let kind = [Kind::Channel, Kind::Pattern, Kind::Shard][usize::from(kind)];
                watch.subscriptions.insert(id);
                core.subscribe(now, id, kind, own, &vec![1; names.len()], &names);
            }
            Call::Unsubscribe(id) => core.unsubscribe(now, id),
            Call::Drain(time) => core.handle_drain(now, now + time),
        }
        watch.check(&mut core, &given);
    }
}
