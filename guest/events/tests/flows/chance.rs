//! Any calls, with any replies: no panic, no flow that is forgotten, nothing that goes on for ever.

use coracle_events::event::{Cursor, Event, Id};
use coracle_events::given::{Acknowledgements, Durability, Since};
use coracle_events::query::Item;
use coracle_events::step::{Failure, Lost, Step};
use proptest::prelude::*;

use crate::bench::{broke, command, event, everything, retries, store};

#[derive(Clone, Debug)]
enum Call {
    Begin(u8),
    Replied(Vec<u64>, Vec<u8>),
    Numbers(Vec<u64>),
    Unanswered(u8, u8),
    Elapsed,
    Resume,
    Decided(u8),
    Cancel,
}

fn call() -> impl Strategy<Value = Call> {
    let small = prop_oneof![0..12_u64, any::<u64>()];
    prop_oneof![
        3 => (0..15_u8).prop_map(Call::Begin),
        4 => (proptest::collection::vec(node(), 0..12), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(nodes, texts)| Call::Replied(nodes.concat(), texts)),
        6 => proptest::collection::vec(small, 0..9).prop_map(Call::Numbers),
        2 => (0..5_u8, 0..16_u8).prop_map(|(failure, cause)| Call::Unanswered(failure, cause)),
        2 => Just(Call::Elapsed),
        2 => Just(Call::Resume),
        2 => (0..3_u8).prop_map(Call::Decided),
        1 => Just(Call::Cancel),
    ]
}

fn node() -> impl Strategy<Value = Vec<u64>> {
    (0..20_u64, prop_oneof![0..6_u64, any::<u64>()], prop_oneof![0..12_u64, any::<u64>()])
        .prop_map(|(kind, size, value)| vec![kind | size << 16, value])
}

fn failure(number: u8) -> Failure {
    match number {
        0 => Failure::NotSent,
        1 => Failure::MaybeExecuted,
        2 => Failure::Refused,
        3 => Failure::Limit,
        _ => Failure::Misuse,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_call_breaks_a_store(calls in proptest::collection::vec((0..6_u64, call()), 0..60)) {
        let mut store = store();
        let mut now = 0;
        for (flow, call) in calls {
            now += 1000;
            let before = store.flows();
            let begins = matches!(call, Call::Begin(_));
            let deadline = now + 500_000;
            let after = Cursor { position: flow, id: Id(9) };
            let step = match call {
                Call::Begin(0) => store.append(now, flow, deadline, vec![event()], None, None, None, Vec::new()),
                Call::Begin(1) => {
                    let condition = Some((vec![Item::default()], after));
                    store.append(now, flow, deadline, vec![event()], condition, Some(command(&[])), None, Vec::new())
                }
                Call::Begin(2) => {
                    let wanted = Acknowledgements { count: 1, timeout: 9 };
                    let durability = Some(Durability::Fsynced(true, wanted));
                    store.append(now, flow, deadline, vec![event()], None, Some(command(&[])), durability, Vec::new())
                }
                Call::Begin(3) => store.read(now, flow, deadline, everything(0)),
                Call::Begin(4) => store.read(now, flow, deadline, everything(1)),
                Call::Begin(5) => store.subscribe(now, flow, vec![Item::default()], after),
                Call::Begin(6) => store.execute(now, flow, deadline, command(&[]), retries(2), None, Vec::new()),
                Call::Begin(7) => store.execute(now, flow, deadline, command(&["a", "b"]), retries(2), None, Vec::new()),
                Call::Begin(8) => store.lock(now, flow, deadline, "a".to_owned(), 5),
                Call::Begin(9) => store.read_commands(now, flow, deadline, Since::Position(1), 3),
                Call::Begin(10) => store.read_commands(now, flow, deadline, Since::Time(1), 0),
                Call::Begin(11) => store.inspect(now, flow, deadline),
                Call::Begin(12) => store.verify(now, flow, deadline),
                Call::Begin(13) => store.listen(now, flow),
                Call::Begin(_) => store.rebuild(now, flow, deadline),
                Call::Replied(nodes, texts) => store.replied(now, flow, &nodes, &texts),
                Call::Numbers(list) => store.replied(now, flow, &crate::bench::numbers(&list), &[]),
                Call::Unanswered(which, cause) => {
                    let lost = Lost { failure: failure(which), cause, ..broke() };
                    store.unanswered(now, flow, lost)
                }
                Call::Elapsed => store.elapsed(now, flow),
                Call::Resume => store.resume(now, flow),
                Call::Decided(count) => {
                    store.decided(now, flow, (0..count).map(|_| Event { id: Id(1), ..event() }).collect())
                }
                Call::Cancel => store.cancel(now, flow),
            };
            let ended = matches!(step, Step::Done(_) | Step::Failed(_));
            let known = store.flows();
            prop_assert!(known <= 4);
            let kept = before - usize::from(!begins && known < before);
            let expected = if begins { before + usize::from(!ended) } else { kept };
            prop_assert_eq!(known, expected);
            prop_assert!(ended || begins || known == before);
        }
        // Each of them ends: cancelled, and at most two batches later.
        for flow in 1..6 {
            let mut step = store.cancel(now, flow);
            for _ in 0..2 {
                if matches!(step, Step::Send(_)) {
                    step = store.unanswered(now, flow, broke());
                }
            }
            prop_assert!(matches!(step, Step::Done(_) | Step::Failed(_)), "{:?}", step);
        }
        prop_assert_eq!(store.flows(), 0);
    }
}
