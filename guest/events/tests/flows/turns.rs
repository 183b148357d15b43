//! Calls out of turn, bounds, and what is asked of the caller when.

use coracle_events::event::Cursor;
use coracle_events::given::{Acknowledgements, Durability, Settings, Since};
use coracle_events::plan::lock::Token;
use coracle_events::query::Item;
use coracle_events::step::{Failure, Fault, Lease, Outcome, Step};
use coracle_events::store::Store;

use crate::bench::{
    DEADLINE, FLOW, appended, broke, command, empty_page, event, everything, lost, number, numbers, retries, sent,
    settings, store, until,
};

fn misused(step: &Step) -> bool {
    matches!(step, Step::Failed(Fault::Misuse(_)))
}

#[test]
fn settings_have_bounds() {
    let change = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Store::open(settings).err().map(|(name, _)| name).unwrap_or_default()
    };
    assert_eq!(change(|_| ()), "");
    assert_eq!(change(|settings| settings.namespace = "a b".to_owned()), "namespace");
    assert_eq!(change(|settings| settings.max_batch_events = 1001), "max-batch-events");
    assert_eq!(change(|settings| settings.max_batch_bytes = 0), "max-batch-bytes");
    assert_eq!(change(|settings| settings.scan_budget = 999), "scan-budget");
    assert_eq!(change(|settings| settings.page_events = 0), "page-events");
    assert_eq!(change(|settings| settings.segment_bytes = 1 << 29), "segment-bytes");
    assert_eq!(change(|settings| settings.marker_ttl = 0), "marker-ttl");
    assert_eq!(change(|settings| settings.max_flows = 0), "max-flows");
    let none = |settings: &mut Settings| {
        settings.durability = Durability::Fsynced(false, Acknowledgements { count: 0, timeout: 1 });
    };
    assert_eq!(change(none), "durability");
    let for_ever = |settings: &mut Settings| {
        settings.durability = Durability::Replicas(Acknowledgements { count: 1, timeout: 0 });
    };
    assert_eq!(change(for_ever), "durability");
}

#[test]
fn ids_are_of_one_flow_and_flows_are_bounded() {
    let mut store = store();
    assert!(misused(&store.stats(0, 0, DEADLINE)));
    assert_eq!(sent(&store.stats(0, 1, DEADLINE)), "meta");
    assert!(misused(&store.stats(0, 1, DEADLINE)));
    for flow in [2, 3] {
        store.stats(0, flow, DEADLINE);
    }
    assert_eq!(store.stats(0, 4, DEADLINE), Step::Failed(Fault::TooManyFlows));
    assert_eq!(store.cancel(0, 2), Step::Failed(Fault::Cancelled(false)));
    assert_eq!(sent(&store.stats(0, 4, DEADLINE)), "meta");
    assert_eq!(store.flows(), 3);
    assert!(misused(&store.cancel(0, 2)) && misused(&store.replied(0, 2, &[], &[])));
}

#[test]
fn a_call_out_of_turn_changes_nothing() {
    let mut store = store();
    assert_eq!(sent(&store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new())), "append");
    assert!(misused(&store.elapsed(0, FLOW)) && misused(&store.resume(0, FLOW)));
    assert!(misused(&store.decided(0, FLOW, Vec::new())));
    let step = store.replied(0, FLOW, &appended(1), &[]);
    let Step::Done(Outcome::Appended(appended)) = step else { panic!("{step:?}") };
    assert_eq!((appended.last, appended.cursor, appended.attempts), (1, Cursor { position: 1, id: event().id }, 1));
    assert!(misused(&store.replied(0, FLOW, &[], &[])));

    let step = store.execute(0, FLOW, DEADLINE, command(&[]), retries(1), None, Vec::new());
    assert!(matches!(&step, Step::Decide(decision) if decision.attempt == 1 && decision.leases.is_empty()));
    assert!(misused(&store.replied(0, FLOW, &[], &[])) && misused(&store.elapsed(0, FLOW)));
    // A read names a flow whose handler runs, and no other.
    assert!(misused(&store.read(0, 6, DEADLINE, everything(7))));
    assert_eq!(sent(&store.read(0, 6, DEADLINE, everything(FLOW))), "script");
    assert_eq!(sent(&store.decided(0, FLOW, vec![event()])), "append");
    assert!(misused(&store.read(0, 7, DEADLINE, everything(FLOW))));
}

#[test]
fn what_is_given_is_checked_before_anything_is_sent() {
    let mut store = store();
    let field = |step: Step| match step {
        Step::Failed(Fault::Invalid(field, _)) => field,
        other => panic!("{other:?}"),
    };
    let mut other = event();
    other.tags = vec!["a".to_owned()];
    let events = vec![event(), other];
    assert_eq!(field(store.append(0, FLOW, DEADLINE, events, None, None, None, Vec::new())), "events[1].tags[0]");
    assert_eq!(field(store.append(0, FLOW, DEADLINE, Vec::new(), None, None, None, Vec::new())), "events");
    let condition = Some((Vec::new(), Cursor::default()));
    assert_eq!(
        field(store.append(0, FLOW, DEADLINE, vec![event()], condition, None, None, Vec::new())),
        "condition.query"
    );
    let durability = Some(Durability::Replicas(Acknowledgements { count: 0, timeout: 1 }));
    assert_eq!(field(store.append(0, FLOW, DEADLINE, vec![event()], None, None, durability, Vec::new())), "durability");
    let locked = Some(command(&["a", ""]));
    assert_eq!(field(store.append(0, FLOW, DEADLINE, vec![event()], None, locked, None, Vec::new())), "locks[1]");
    let names: Vec<String> = (0..17).map(|name| format!("lock:{name}")).collect();
    let mut many = event();
    many.tags = names;
    assert_eq!(field(store.append(0, FLOW, DEADLINE, vec![many], None, None, None, Vec::new())), "locks");
    let mut nameless = event();
    nameless.tags = vec!["lock:".to_owned()];
    assert_eq!(
        field(store.append(0, FLOW, DEADLINE, vec![event(), nameless], None, None, None, Vec::new())),
        "events[1].tags"
    );
    let mut locks = everything(0);
    locks.queries = vec![vec![Item { tags: vec!["a:1".to_owned(), "lock:a".to_owned()], ..Item::default() }]];
    assert_eq!(field(store.read(0, FLOW, DEADLINE, locks)), "queries[0].tags[1]");
    let mut large = command(&[]);
    large.metadata = 998;
    assert_eq!(field(store.execute(0, FLOW, DEADLINE, large, retries(1), None, Vec::new())), "command.data");
    let mut nameless = command(&[]);
    nameless.kind.clear();
    assert_eq!(field(store.execute(0, FLOW, DEADLINE, nameless, retries(1), None, Vec::new())), "command.type");
    assert_eq!(field(store.execute(0, FLOW, DEADLINE, command(&[]), retries(0), None, Vec::new())), "retries.attempts");
    assert_eq!(
        field(store.execute(0, FLOW, DEADLINE, command(&["a", ""]), retries(1), None, Vec::new())),
        "command.locks[1]"
    );
    let mut none = everything(0);
    none.queries.clear();
    assert_eq!(field(store.read(0, FLOW, DEADLINE, none)), "queries");
    assert_eq!(field(store.subscribe(0, FLOW, Vec::new(), Cursor::default())), "query");
    assert_eq!(field(store.lock(0, FLOW, DEADLINE, String::new(), 1)), "name");
    assert_eq!(field(store.lock(0, FLOW, DEADLINE, "a".to_owned(), 0)), "duration");
    assert_eq!(field(store.keep(0, FLOW, Vec::new(), 1)), "leases");
    assert_eq!(field(store.checkpoint(0, FLOW, DEADLINE, String::new())), "consumer");
    assert_eq!(field(store.read_commands(0, FLOW, DEADLINE, Since::Position(0), 0)), "since");
    assert_eq!(store.flows(), 0);
    // A handler's events, too; its locks are given back.
    store.execute(0, FLOW, DEADLINE, command(&["a"]), retries(1), None, Vec::new());
    store.replied(0, FLOW, &numbers(&[0, 1]), &[]);
    let mut bad = event();
    bad.kind.clear();
    assert_eq!(sent(&store.decided(0, FLOW, vec![bad])), "lease");
    assert_eq!(field(store.replied(0, FLOW, &number(0), &[])), "events[0].type");
}

#[test]
fn acknowledgements_are_waited_for_on_the_session_that_wrote() {
    let mut store = store();
    let wanted = Acknowledgements { count: 2, timeout: 7 };
    let mut asked = std::collections::BTreeSet::new();
    for (durability, name, reply, ending) in [
        (Durability::Replicas(wanted), "wait", number(2), None),
        (Durability::Replicas(wanted), "wait", number(1), Some((0, 1))),
        (Durability::Fsynced(true, wanted), "waitaof", numbers(&[1, 2]), None),
        (Durability::Fsynced(true, wanted), "waitaof", numbers(&[0, 2]), Some((0, 2))),
        (Durability::Fsynced(false, wanted), "waitaof", numbers(&[0, 3]), None),
    ] {
        let id = Some(command(&[]));
        let mut step = store.append(0, FLOW, DEADLINE, vec![event()], None, id, Some(durability), Vec::new());
        // Once for all appends.
        if sent(&step) == "waitaof" && asked.insert(matches!(durability, Durability::Fsynced(true, _))) {
            step = store.replied(0, FLOW, &numbers(&[0, 0]), &[]);
        }
        assert_eq!(sent(&step), "append");
        assert!(matches!(&step, Step::Send(batch) if batch.session && !batch.commands.may_repeat));
        let step = store.replied(0, FLOW, &appended(1), &[]);
        assert!(matches!(&step, Step::Send(batch) if batch.session && !batch.commands.script));
        assert_eq!(sent(&step), name);
        assert!(has(&step, "7"));
        match (store.replied(0, FLOW, &reply, &[]), ending) {
            (Step::Done(Outcome::Appended(_)), None) => {}
            (Step::Failed(Fault::TooFewAcknowledgements(files, replicas, written)), Some(counts)) => {
                assert_eq!(((files, replicas), written.last), (counts, 1));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Nothing is written where files can't be waited for, or nobody knows.
#[test]
fn whether_files_can_be_waited_for_is_asked_first() {
    let mut store = store();
    let durability = Some(Durability::Fsynced(true, Acknowledgements { count: 0, timeout: 7 }));
    let error = b"ERR unknown command 'WAITAOF'";
    for (lost, ending) in [
        (None, "Invalid"),
        (Some(broke()), "Transport(Lost { failure: NotSent"),
        (Some(lost(Failure::MaybeExecuted, 1)), "Deadline(false)"),
    ] {
        let step = store.append(0, FLOW, DEADLINE, vec![event()], None, Some(command(&[])), durability, Vec::new());
        assert_eq!(sent(&step), "waitaof");
        let step = match lost {
            None => store.replied(0, FLOW, &[6 | (error.len() as u64) << 16, 0], error),
            Some(lost) => store.unanswered(0, FLOW, lost),
        };
        let Step::Failed(fault) = step else { panic!("{step:?}") };
        assert!(format!("{fault:?}").starts_with(ending), "{fault:?}");
    }
    let step = store.append(0, FLOW, DEADLINE, vec![event()], None, None, durability, Vec::new());
    assert_eq!(sent(&step), "waitaof");
    assert_eq!(store.cancel(0, FLOW), Step::Failed(Fault::Cancelled(false)));
}

/// Another server may be there since, which can't.
#[test]
fn whether_files_can_be_waited_for_is_asked_again_after_a_loss_or_an_error() {
    enum End {
        Error,
        LostWritten,
        Lost,
        TooFew,
    }
    let error = b"ERR WAITAOF cannot be used";
    for (end, again) in [(End::Error, true), (End::LostWritten, true), (End::Lost, true), (End::TooFew, false)] {
        let mut store = store();
        let durability = Some(Durability::Fsynced(true, Acknowledgements { count: 0, timeout: 7 }));
        store.append(0, FLOW, DEADLINE, vec![event()], None, None, durability, Vec::new());
        assert_eq!(sent(&store.replied(0, FLOW, &numbers(&[0, 0]), &[])), "append");
        let step = if let End::Lost = end {
            store.unanswered(0, FLOW, lost(Failure::MaybeExecuted, 1))
        } else {
            assert_eq!(sent(&store.replied(0, FLOW, &appended(1), &[])), "waitaof");
            match end {
                End::Error => store.replied(0, FLOW, &[6 | (error.len() as u64) << 16, 0], error),
                End::LostWritten => store.unanswered(0, FLOW, broke()),
                _ => store.replied(0, FLOW, &numbers(&[0, 0]), &[]),
            }
        };
        assert!(matches!(step, Step::Failed(_)), "{step:?}");
        let step = store.append(0, FLOW, DEADLINE, vec![event()], None, None, durability, Vec::new());
        assert_eq!(sent(&step), if again { "waitaof" } else { "append" });
    }
}

#[test]
fn acknowledgements_are_not_waited_for_beyond_the_deadline() {
    for (now, milliseconds) in [(DEADLINE - 100_000, "90"), (DEADLINE - 1, "1"), (DEADLINE + 1, "1")] {
        let mut store = store();
        let durability = Some(Durability::Replicas(Acknowledgements { count: 2, timeout: 1000 }));
        store.append(0, FLOW, DEADLINE, vec![event()], None, None, durability, Vec::new());
        let step = store.replied(now, FLOW, &appended(1), &[]);
        assert!(has(&step, milliseconds), "{step:?}");
    }
}

#[test]
fn stale_segments_are_asked_for_and_a_store_that_stays_so_is_given_up() {
    let mut store = store();
    let mut step = store.append(0, FLOW, DEADLINE, vec![event()], None, None, None, Vec::new());
    let mut asked = 0;
    while let Step::Send(_) = step {
        assert_eq!(sent(&step), "append");
        step = store.replied(0, FLOW, &numbers(&[9]), &[]);
        if let Step::Send(_) = step {
            assert_eq!(sent(&step), "meta");
            asked += 1;
            step = store.replied(0, FLOW, &numbers(&[]), &[]);
        }
    }
    assert_eq!(asked, 16);
    assert!(matches!(step, Step::Failed(Fault::Corrupt(..))));
    // A question that is lost is not mistaken for what it was asked for.
    let id = Some(command(&[]));
    store.append(0, FLOW, DEADLINE, vec![event()], None, id, None, Vec::new());
    assert_eq!(sent(&store.replied(0, FLOW, &numbers(&[9]), &[])), "meta");
    let step = store.unanswered(0, FLOW, broke());
    assert_eq!(sent(&store.elapsed(until(&step), FLOW)), "append");
    assert!(matches!(store.replied(until(&step), FLOW, &appended(1), &[]), Step::Done(_)));
}

#[test]
fn reads_of_a_decision_share_its_head_and_make_its_condition() {
    let mut store = store();
    store.execute(0, FLOW, DEADLINE, command(&[]), retries(2), None, Vec::new());
    // Two at once, which see different heads: the lower one counts.
    store.read(0, 1, DEADLINE, everything(FLOW));
    let mut tagged = everything(FLOW);
    tagged.queries = vec![vec![Item { types: Vec::new(), tags: vec!["only:here".to_owned()] }]];
    store.read(0, 2, DEADLINE, tagged.clone());
    assert!(
        matches!(store.replied(0, 1, &empty_page(44), &[]), Step::Done(Outcome::Read(head)) if head.position == 44)
    );
    assert!(
        matches!(store.replied(0, 2, &empty_page(43), &[]), Step::Done(Outcome::Read(head)) if head.position == 43)
    );
    // A later one stops there.
    let step = store.read(0, 1, DEADLINE, everything(FLOW));
    assert!(has(&step, "43") && !has(&step, "44"), "{step:?}");
    assert!(
        matches!(store.replied(0, 1, &empty_page(50), &[]), Step::Done(Outcome::Read(head)) if head.position == 43)
    );
    let step = store.decided(0, FLOW, vec![event()]);
    // Everything makes the tag superfluous.
    assert!(has(&step, "43") && !has(&step, "only:here"), "{step:?}");
    // After a conflict nothing of that is left.
    let step = store.replied(0, FLOW, &numbers(&[3, 45, 45]), &[]);
    let at = until(&step);
    assert!(at <= 10_000);
    assert!(matches!(store.elapsed(at, FLOW), Step::Decide(decision) if decision.attempt == 2));
    store.read(at, 2, DEADLINE, tagged);
    store.replied(at, 2, &empty_page(46), &[]);
    let step = store.decided(at, FLOW, vec![event()]);
    assert!(has(&step, "46") && has(&step, "only:here"), "{step:?}");
    assert_eq!(store.replied(at, FLOW, &numbers(&[3, 47, 47]), &[]), Step::Failed(Fault::Conflict(47, 47)));

    // Too much to be one condition is refused, and not kept without end.
    store.execute(0, FLOW, DEADLINE, command(&[]), retries(1), None, Vec::new());
    for number in 0..1200 {
        let mut one = everything(FLOW);
        one.queries = vec![vec![Item { types: Vec::new(), tags: vec![format!("n:{number}")] }]];
        store.read(0, 1, DEADLINE, one);
        store.replied(0, 1, &empty_page(44), &[]);
    }
    let step = store.decided(0, FLOW, vec![event()]);
    assert!(matches!(&step, Step::Failed(Fault::Invalid(field, _)) if field == "reads"), "{step:?}");

    // One who reads nothing has no condition.
    store.execute(0, FLOW, DEADLINE, command(&[]), retries(1), None, Vec::new());
    let bare = store.decided(0, FLOW, Vec::new());
    assert!(matches!(store.replied(0, FLOW, &numbers(&[0, 0, 3, 7, 9]), &[]),
        Step::Done(Outcome::Appended(appended)) if (appended.first, appended.last, appended.command) == (0, 0, 7)));
    assert!(has(&bare, "APPENDED") || sent(&bare) == "append");
}

fn has(step: &Step, what: &str) -> bool {
    let Step::Send(batch) = step else { return false };
    let mut bytes = batch.commands.bytes.as_slice();
    let mut arguments = Vec::new();
    for piece in &batch.commands.pieces {
        if piece >> 62 == 0 {
            let (argument, rest) = bytes.split_at(*piece as usize);
            arguments.push(argument);
            bytes = rest;
        }
    }
    arguments.iter().any(|argument| *argument == what.as_bytes() || argument.ends_with(format!(":{what}").as_bytes()))
}

#[test]
fn leases_are_renewed_at_a_third_and_lost_at_their_end() {
    let mut store = store();
    let lease = Lease { name: "a".to_owned(), fence: 1, token: Token(1), until: 300_000 };
    let step = store.keep(0, FLOW, vec![lease.clone()], 300);
    assert_eq!(until(&step), 100_000);
    assert_eq!(sent(&store.elapsed(100_000, FLOW)), "lease");
    let step = store.replied(120_000, FLOW, &number(0), &[]);
    assert_eq!(until(&step), 200_000);
    store.elapsed(200_000, FLOW);
    assert_eq!(until(&store.unanswered(210_000, FLOW, broke())), 225_000);
    store.elapsed(225_000, FLOW);
    // Why a server refuses may pass.
    assert_eq!(until(&store.replied(230_000, FLOW, &[6 | 10 << 16, 0], b"NOREPLICAS")), 245_000);
    store.elapsed(245_000, FLOW);
    let step = store.unanswered(400_000, FLOW, broke());
    assert_eq!(step, Step::Failed(Fault::LockLost("a".to_owned())));

    store.keep(0, FLOW, vec![lease], 300);
    store.elapsed(100_000, FLOW);
    assert_eq!(store.replied(100_000, FLOW, &number(1), &[]), Step::Failed(Fault::LockLost("a".to_owned())));
}
