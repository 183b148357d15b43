//! The codec without a server: what may be given, and replies that no server of this store would send.

use coracle_events::event::{Event, Id};
use coracle_events::layout::Layout;
use coracle_events::pieces::Commands;
use coracle_events::plan::{append, bodies, checkpoint, commands, lock, meta, page};
use coracle_events::query::{Item, Query};
use coracle_events::reply::Reply;
use coracle_events::validate::{self, Limits};
use proptest::prelude::*;

const LIMITS: Limits = Limits { batch_events: 10, batch_bytes: 100 };

fn event(kind: &str, tags: &[&str]) -> Event {
    let tags = tags.iter().map(ToString::to_string).collect();
    Event { id: Id(1), kind: kind.to_owned(), tags, data: 10, metadata: 0 }
}

fn item(types: &[&str], tags: &[&str]) -> Item {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    Item { types: owned(types), tags: owned(tags) }
}

/// Which field is wrong with these events, or none.
fn wrong(mut events: Vec<Event>) -> Option<String> {
    validate::events(&mut events, false, LIMITS).err().map(|invalid| invalid.field)
}

#[test]
fn takes_events_within_bounds_only() {
    let long = "x".repeat(65);
    let tag = format!("a:{}", "x".repeat(253));
    let longer = format!("{tag}x");
    let many: Vec<String> = (0..33).map(|number| format!("a:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let heavy: Vec<String> = (10..22).map(|number| format!("a:{number}{}", "x".repeat(250))).collect();
    let heavy: Vec<&str> = heavy.iter().map(String::as_str).collect();
    assert_eq!(wrong(vec![event("A", &[&tag, "b:c:d"]); 10]), None);
    assert_eq!(wrong(vec![event("A", many.get(1..).unwrap())]), None);
    assert_eq!(wrong(Vec::new()).unwrap(), "events");
    assert_eq!(wrong(vec![event("A", &[]); 11]).unwrap(), "events");
    assert_eq!(wrong(vec![Event { data: 101, ..event("A", &[]) }]).unwrap(), "events");
    assert_eq!(wrong(vec![event("A", &[]), event("", &[])]).unwrap(), "events[1].type");
    assert_eq!(wrong(vec![event(&long, &[])]).unwrap(), "events[0].type");
    for tag in ["a", "a:", ":a", "", longer.as_str()] {
        assert_eq!(wrong(vec![event("A", &["b:1", tag])]).unwrap(), "events[0].tags[1]", "{tag}");
    }
    for tags in [many.as_slice(), &heavy, &["a:1", "b:1", "a:1"]] {
        assert_eq!(wrong(vec![event("A", tags)]).unwrap(), "events[0].tags", "{tags:?}");
    }
}

#[test]
fn takes_queries_within_bounds_only() {
    let wrong = |items: Vec<Item>| validate::query("query", items).unwrap_err().field;
    let words: Vec<String> = (0..257).map(|number| format!("a:{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(wrong(Vec::new()), "query");
    assert_eq!(wrong((0..129).map(|number| item(&[&number.to_string()], &["a:1"])).collect()), "query");
    assert_eq!(wrong(vec![item(&words, &[]), item(words.get(..256).unwrap(), &["a:1"])]), "query");
    assert_eq!(wrong(vec![item(&[""], &[])]), "query[0].types[0]");
    assert_eq!(wrong(vec![item(&[], &["a:1"]), item(&[], &["a"])]), "query[1].tags[0]");
    assert_eq!(wrong(vec![item(&[], words.get(..33).unwrap())]), "query[0].tags");
}

#[test]
fn names_are_bounded() {
    for name in ["", "a b", "ä", "{a}", &"x".repeat(65)] {
        assert!(validate::namespace(name).is_err(), "{name}");
    }
    assert!(validate::namespace("A.b_c-9").is_ok());
    let mut locks = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
    assert_eq!(validate::locks("locks", &mut locks), Ok(()));
    assert_eq!(locks, ["a", "b"]);
    let mut many = (0..17).map(|number| number.to_string()).collect();
    assert!(validate::locks("locks", &mut many).is_err());
    assert!(validate::name("consumer", "").is_err() && validate::name("consumer", &"x".repeat(201)).is_err());
}

#[test]
fn says_which_queries_an_event_matches() {
    let queries = [item(&["A", "B"], &["a:1"]), item(&["B"], &[]), item(&[], &["a:1", "b:1"]), item(&[], &[])]
        .map(|item| validate::query("query", vec![item]).unwrap());
    let mask = |kind: &str, tags: &[&str]| {
        Query::mask(&queries, kind, &tags.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(mask("A", &["a:1", "b:1"]), 0b1101);
    assert_eq!(mask("B", &["b:1"]), 0b1010);
    assert_eq!(mask("C", &["a:1"]), 0b1000);
    // What matches everything leaves nothing to ask for.
    assert_eq!(Query::union(&queries).items, [Item::default()]);
    let some = Query::union(queries.get(..2).unwrap());
    assert_eq!(some.items, [item(&["B"], &[]), item(&["A", "B"], &["a:1"])]);
}

#[test]
fn writes_numbers_in_decimal() {
    for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
        let mut commands = Commands::default();
        commands.command("X");
        commands.number(number);
        assert_eq!(commands.bytes, format!("X{number}").as_bytes());
    }
}

proptest! {
    /// Whatever a host gives as a reply, it is an outcome or a fault.
    #[test]
    fn survives_any_reply(
        mut nodes in prop::collection::vec(prop_oneof![0..16_u64, (0..16_u64, 0..9_u64).prop_map(|(kind, size)| kind | (size << 16)), any::<u64>()], 0..24),
        texts in prop_oneof![prop::collection::vec(any::<u8>(), 0..80), "[0-9 ,a-f]{0,60}".prop_map(String::into_bytes)],
        array in any::<bool>(),
    ) {
        if array && let Some(first) = nodes.first_mut() {
            *first = 10 | (8 << 16);
        }
        let layout = Layout::new("x");
        let reply = || Reply::new(&nodes, &texts);
        let query = Query { items: vec![Item::default()] };
        let _ = append::read(&mut reply());
        let _ = page::read(&layout, &query, &mut reply());
        let _ = bodies::read(&layout, &[1, 2, 3], &mut reply());
        let _ = commands::read(&layout, &mut reply());
        let _ = meta::read(&layout, &mut reply());
        let _ = (lock::taken(&mut reply()), lock::held(&mut reply()));
        let _ = checkpoint::loaded(&layout, &mut reply());
    }
}
