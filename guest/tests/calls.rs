//! Any calls in any order, with any bytes: the core must not panic, and what it says must hold together. What is
//! checked is in `tests/fuzz-targets`, which a fuzzer runs too.

use fuzz_targets::calls::{Call, Row, run};
use proptest::prelude::*;

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let link = 0..4_u8;
    let id = 0..5_u8;
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
        Just(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n".to_owned()),
        Just(">2\r\n+invalidate\r\n_\r\n".to_owned()),
        Just("%0\r\n+OK\r\n".to_owned()),
        Just("+1.0 [0 a:1] \"GET\"\r\n".to_owned()),
        "[+:$*>_%|\r\n0-9a-z-]{0,12}",
    ];
    let row = (id.clone(), any::<u8>(), 0..4_u8, 0..3_u8, 0..128_u8, 0..4_u8).prop_map(
        |(id, deadline, arguments, session, options, total)| Row { id, deadline, arguments, session, options, total },
    );
    let call = prop_oneof![
        4 => (link.clone(), any::<bool>()).prop_map(|(link, secret)| Call::Opened { link, secret }),
        12 => (link.clone(), 0..3_u8, said).prop_map(|(link, skip, said)| {
            Call::Received { link, skipped: if skip == 2 { 40 } else { 0 }, bytes: said.into_bytes() }
        }),
        2 => (link, 0..400_u32).prop_map(|(link, written)| Call::Closed { link, written }),
        3 => (0..6_000_000_u32).prop_map(|time| Call::Elapsed { time }),
        2 => (
            proptest::collection::vec(row, 0..4),
            proptest::collection::vec(prop_oneof![0..5_u32, any::<u32>()], 0..8),
            proptest::collection::vec(any::<u8>(), 0..20),
        ).prop_map(|(rows, lengths, bytes)| Call::Submit { rows, lengths, bytes }),
        8 => (id.clone(), 0..4_u8).prop_map(|(id, seconds)| {
            Call::Command { id, seconds, words: vec![b"GET".to_vec(), b"k".to_vec()] }
        }),
        2 => (id.clone(), 0..4_u8, any::<bool>()).prop_map(|(id, commands, lone)| {
            Call::Transaction { id, commands, lone }
        }),
        1 => (id.clone(), "(GET|SUBSCRIBE|)", 0..3_u8).prop_map(|(id, name, rest)| {
            Call::Parts { id, name: name.into_bytes(), rest }
        }),
        2 => id.clone().prop_map(|id| Call::Cancel { id }),
        4 => (id.clone(), 0..4_u8, any::<bool>(), "[ab]{0,3}").prop_map(|(id, kind, own, names)| {
            Call::Subscribe { id, kind, own, names: names.into_bytes() }
        }),
        2 => id.clone().prop_map(|id| Call::Unsubscribe { id }),
        1 => id.clone().prop_map(|session| Call::Lease { session }),
        1 => id.prop_map(|session| Call::Release { session }),
        1 => Just(Call::Renew),
        1 => (0..9_000_000_u32).prop_map(|time| Call::Drain { time }),
    ];
    proptest::collection::vec(call, 1..80)
}

/// Miri is slow, and lets nothing out, so that failures can't be kept in files.
fn config() -> ProptestConfig {
    match cfg!(miri) {
        true => ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() },
        false => ProptestConfig { cases: 2000, ..ProptestConfig::default() },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_calls_in_any_order_do_no_harm(calls in calls(), settings in 0..32_u8) {
        run(settings, &calls);
    }
}
