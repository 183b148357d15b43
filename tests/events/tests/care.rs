//! Checking a store's indexes, and making them anew.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy allows them in tests, but not in what tests share"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use conformance::Kind;
use coracle_events::event::Cursor;
use coracle_events::query::Item;
use coracle_events::step::{Fault, Outcome, Verified};
use events::host::{Caller, Host, Keeper, Nobody, Seen, command, event, item, selection, settings};
use events::target::Target;

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];
const EVENTS: u128 = 900;

/// A store of several segments and commands.
fn filled(target: &Target, events: u128) -> Result<Host> {
    let mut host = Host::open(target.url(), settings("care"))?;
    let large = "x".repeat(10_000);
    for number in 1..=events / 3 {
        let tags = |offset: u128| [format!("a:{}", (number + offset) % 7), format!("b:{}", number % 50)];
        let given = (0..3).map(|offset| {
            let tags = tags(offset);
            let tags: Vec<&str> = tags.iter().map(String::as_str).take((number % 3) as usize).collect();
            event(number * 3 + offset, ["one", "two", "three"][(offset + number) as usize % 3], &tags, &large)
        });
        let order = (number % 2 == 0).then(|| (command(number, "fill", b"all"), b"all".to_vec()));
        host.append(given.collect(), None, order)?.unwrap();
    }
    Ok(host)
}

fn verify(host: &mut Host) -> Result<Verified> {
    match host.run(&mut Nobody, |store, now, flow, deadline| store.verify(now, flow, deadline))? {
        Ok(Outcome::Verified(verified)) => Ok(verified),
        other => panic!("{other:?}"),
    }
}

fn rebuild(host: &mut Host, caller: &mut dyn Caller) -> Result<Result<Outcome, Fault>> {
    host.run(caller, |store, now, flow, deadline| store.rebuild(now, flow, deadline))
}

/// All that can be asked of it by its indexes.
fn answers(host: &mut Host) -> Result<Vec<(Vec<Seen>, Cursor)>> {
    let mut answers = Vec::new();
    for items in [
        vec![Item::default()],
        vec![item(&["two"], &[])],
        vec![item(&[], &["a:3"])],
        vec![item(&["one", "two"], &["a:3", "b:17"]), item(&[], &["b:2"])],
    ] {
        answers.push(host.seen(selection(items))?);
    }
    Ok(answers)
}

#[test]
fn finds_each_kind_of_fault_and_mends_it() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, EVENTS)?;
        let well = answers(&mut host)?;
        assert_eq!(verify(&mut host)?, Verified { events: EVENTS as u64, ..Verified::default() });
        let text = |host: &mut Host| -> Result<(u64, String)> {
            let found = verify(host)?;
            assert_eq!(found.texts.len() as u64, found.faults.min(100));
            Ok((found.faults, found.texts.first().cloned().unwrap_or_default()))
        };
        for (break_it, faults, words) in [
            (&["LSET", "{care}:t:0", "10", "5"][..], 1, "11: the list of all events"),
            (&["HSET", "{care}:h", "ptwo", "500"], 135, "501: the last event of its type"),
            (&["HSET", "{care}:h", "ptwo", "900"], 1, "900: the last event of type \"two\""),
            (&["HSET", "{care}:h", "ptwo", "5000"], 300, "the last event of its type"),
            (&["HSET", "{care}:h", "pnone", "1"], 1, "1: the last event of type \"none\""),
            (&["HSET", "{care}:h", "nnone", "1"], 1, "900: two types have the number 1"),
            (&["HSET", "{care}:h", "ntwo", "4096"], 0, "the list of all events"),
            (&["HSET", "{care}:h", "nnone", "4096"], 1, "900: among the types there is \"nnone\""),
            (&["HSET", "{care}:h", "other", "1"], 1, "900: among the types there is \"other\""),
            (&["HDEL", "{care}:h", "ntwo"], 0, "1: the list of all events"),
            (&["LPOP", "{care}:g:a:3"], 1, "the list of one of its tags"),
            (&["RPUSH", "{care}:g:a:3", "3682304"], 1, "lists of tags have entries"),
            (&["RPUSH", "{care}:g:ghost:1", "4097"], 1, "lists of tags have entries"),
            (&["HSET", "{care}:l:0", "x", "1"], 0, ""),
        ] {
            host.link.query(break_it)?;
            let (found, first) = text(&mut host)?;
            assert!(first.contains(words), "{break_it:?}: {first}");
            assert!(faults == 0 || found == faults, "{break_it:?}: {found} {first}");
            let ending = rebuild(&mut host, &mut Nobody)?;
            assert_eq!(ending, Ok(Outcome::Verified(Verified { events: EVENTS as u64, ..Verified::default() })));
            assert_eq!(text(&mut host)?, (0, String::new()), "{break_it:?}");
        }
        assert_eq!(answers(&mut host)?, well);
        let shards: Vec<String> = (0..4).map(|shard| format!("{{care}}:l:{shard}")).collect();
        for shard in &shards {
            for to in ["1", "9000000"] {
                let redis::Value::Array(fields) = host.link.query(&["HKEYS", shard])? else { panic!("no hash") };
                let Some(redis::Value::BulkString(field)) = fields.first() else { continue };
                host.link.query(&["HSET", shard, std::str::from_utf8(field)?, to])?;
                let (found, first) = text(&mut host)?;
                assert!(found > 0 && first.contains("one of its tags is said"), "{first}");
                rebuild(&mut host, &mut Nobody)?.unwrap();
            }
        }
        assert_eq!(text(&mut host)?, (0, String::new()));
    }
    Ok(())
}

/// The state's numbers.
fn state(host: &mut Host) -> Result<Vec<u64>> {
    let redis::Value::BulkString(state) = host.link.query(&["HGET", "{care}:h", "s"])? else { panic!("no state") };
    let state = String::from_utf8(state)?;
    Ok(state.split(' ').map(|number| number.parse().unwrap()).collect())
}

/// Adds to some of the state's numbers.
fn change(host: &mut Host, more: &[(usize, u64)]) -> Result<()> {
    let mut numbers = state(host)?;
    for (index, more) in more {
        *numbers.get_mut(*index).unwrap() += more;
    }
    let state: Vec<String> = numbers.iter().map(u64::to_string).collect();
    host.link.query(&["HSET", "{care}:h", "s", &state.join(" ")])?;
    Ok(())
}

#[test]
fn finds_what_is_wrong_with_the_head() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 90)?;
        let segment = state(&mut host)?[6];
        let (log, events) = (format!("{{care}}:t:{segment}"), format!("{{care}}:e:{segment}"));
        let found = |host: &mut Host, words: &str| -> Result<()> {
            let found = verify(host)?;
            assert_eq!(found.faults, 1, "{:?}", found.texts);
            assert!(found.texts[0].starts_with("90: it is the head,") && found.texts[0].contains(words));
            Ok(())
        };
        change(&mut host, &[(2, 1)])?;
        found(&mut host, "another id")?;
        rebuild(&mut host, &mut Nobody)?.unwrap();
        host.link.query(&["RPUSH", &log, "1"])?;
        found(&mut host, "behind it")?;
        rebuild(&mut host, &mut Nobody)?.unwrap();
        // A rebuild is of what is there, and throws no event away.
        host.link.query(&["HSET", &events, "91", "x"])?;
        found(&mut host, "behind it")?;
        host.link.query(&["HDEL", &events, "91"])?;
        assert_eq!(verify(&mut host)?.faults, 0);
    }
    Ok(())
}

#[test]
fn holds_the_records_of_commands_against_the_events() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, EVENTS)?;
        // Events 4 to 6 came from command 1, and 10 to 12 from command 2; 7 to 9 from none.
        let (one, two) = (field(&mut host, "c1")?, field(&mut host, "c2")?);
        let (five, eight) = (field(&mut host, "5")?, field(&mut host, "8")?);
        // In the next segment.
        let far = field(&mut host, "151")?;
        let later = one.split(|byte| *byte == b',').next().map_or(0, <[u8]>::len);
        let from = |event: &[u8], number: &str| {
            let mut parts = event.splitn(3, |byte| *byte == b',');
            let (time, _, rest) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
            [time, number.as_bytes(), rest].join(&b","[..])
        };
        let other = "4: the record of command 1 is not that of its events";
        for (name, was, put, words) in [
            ("c1", &one, None, &["4: the record of command 1 is not there"][..]),
            ("c1", &one, Some(b"1,4,6,x".to_vec()), &["4: the record of command 1 is not what an append writes"]),
            ("c1", &one, Some(two.clone()), &[other]),
            ("c1", &one, Some([b"1", &one[later..]].concat()), &[other]),
            ("5", &five, Some(from(&five, "0")), &["6: it came from command 1, which has other events", other]),
            (
                "5",
                &five,
                Some(from(&five, "151")),
                &[
                    "5: it came from command 151, which is not there",
                    "6: it came from command 1, which has other events",
                    other,
                ],
            ),
            ("8", &eight, Some(from(&eight, "1")), &["8: it came from command 1, which has other events"]),
            ("151", &far, Some(from(&far, "1")), &["151: it came from command 1, which has other events"]),
        ] {
            match put {
                Some(put) => set(&mut host, name, &put)?,
                None => drop(host.link.query(&["HDEL", FIRST, name])?),
            }
            assert_eq!(verify(&mut host)?.texts, words, "{name}");
            set(&mut host, name, was)?;
            assert_eq!(verify(&mut host)?.faults, 0, "{name}");
        }
    }
    Ok(())
}

/// The events of one command are more than a page has, as are the records of commands without events behind it.
#[test]
fn holds_many_records_against_many_events() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 6)?;
        let many = (0..600).map(|number| event(1000 + number, "one", &[], ""));
        host.append(many.collect(), None, Some((command(1000, "fill", b""), Vec::new())))?.unwrap();
        assert_eq!(verify(&mut host)?.texts, [""; 0]);
        let one = field(&mut host, "c1")?;
        let (time, rest) = std::str::from_utf8(&one)?.split_once(",4,6,").unwrap();
        for number in 3..=600 {
            set(&mut host, &format!("c{number}"), format!("{time},0,0,{rest}").as_bytes())?;
        }
        change(&mut host, &[(3, 598)])?;
        assert_eq!(verify(&mut host)?.texts, [""; 0]);
        host.link.query(&["HDEL", FIRST, "c300"])?;
        set(&mut host, "c600", format!("{time},6,6,{rest}").as_bytes())?;
        assert_eq!(
            verify(&mut host)?.texts,
            ["606: the record of command 300 is not there", "606: the record of command 600 is not that of its events",]
        );
    }
    Ok(())
}

const FIRST: &str = "{care}:e:0";

/// The segment that this is in: events behind 120 are in the next one.
fn segment(name: &str) -> &'static str {
    if name.parse().is_ok_and(|position: u64| position > 120) { "{care}:e:1" } else { FIRST }
}

fn field(host: &mut Host, name: &str) -> Result<Vec<u8>> {
    let redis::Value::BulkString(field) = host.link.query(&["HGET", segment(name), name])? else { panic!("no {name}") };
    Ok(field)
}

fn set(host: &mut Host, name: &str, to: &[u8]) -> Result<()> {
    host.link.query_bytes(&[b"HSET", segment(name).as_bytes(), name.as_bytes(), to])?;
    Ok(())
}

#[test]
fn leaves_out_what_an_append_did_not_end() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, EVENTS)?;
        // An append that counted three events and a command, and wrote none of them.
        change(&mut host, &[(1, 3), (3, 1)])?;
        let refused = host.append(vec![event(1, "e", &[], "")], None, None)?;
        assert!(matches!(refused, Err(Fault::Corrupt(..))), "{refused:?}");
        let found = verify(&mut host)?;
        assert_eq!((found.events, found.faults), (EVENTS as u64, 4));
        assert_eq!(
            found.texts,
            [
                "901: the event is not there",
                "902: the event is not there",
                "903: the event is not there",
                "903: the record of command 151 is not there",
            ]
        );
        // Left at each place, too: once all that there is was made already.
        let mut lefts = 0;
        let mended = loop {
            let mut keeper = Keeper { enough: 2, ..Keeper::default() };
            match rebuild(&mut host, &mut keeper)? {
                Ok(Outcome::Verified(mended)) => break mended,
                Err(Fault::Cancelled(false)) => lefts += 1,
                other => panic!("{other:?}"),
            }
            if lefts == 5 {
                let Ok(Outcome::Verified(mended)) = rebuild(&mut host, &mut Nobody)? else { panic!("not mended") };
                break mended;
            }
        };
        assert_eq!((lefts, mended.faults), (5, 3));
        assert_eq!(verify(&mut host)?.faults, 0);
        let order = Some((command(9999, "go", b""), Vec::new()));
        let Ok(Outcome::Appended(appended)) = host.append(vec![event(1, "e", &["a:3"], "")], None, order)? else {
            panic!("not appended")
        };
        assert_eq!((appended.first, appended.command), (901, 151));

        // One in the middle is not to be mended, and said.
        host.link.query(&["HDEL", "{care}:e:0", "7"])?;
        // It has no tags.
        assert_eq!(verify(&mut host)?.faults, 1);
        let ending = rebuild(&mut host, &mut Nobody)?;
        assert!(matches!(ending, Err(Fault::Corrupt(..))), "{ending:?}");
        // It was looked for before anything was thrown away.
        host.append(vec![event(2, "e", &[], "")], None, None)?.unwrap();
        assert_eq!(verify(&mut host)?.faults, 1);
    }
    Ok(())
}

/// Segments that were begun since the last command have nothing of it.
#[test]
fn keeps_the_last_command_however_far_back_it_is() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 6)?;
        let segment = state(&mut host)?[6];
        let large = "x".repeat(700_000);
        for number in 0..8 {
            host.append(vec![event(100 + number, "one", &[], &large)], None, None)?.unwrap();
        }
        assert!(state(&mut host)?[6] > segment + 2);
        let commands = state(&mut host)?[3];
        rebuild(&mut host, &mut Nobody)?.unwrap();
        assert_eq!(state(&mut host)?[3], commands);
        assert_eq!(verify(&mut host)?.texts, [""; 0]);
    }
    Ok(())
}

/// A command without events began a segment, and came to nothing.
#[test]
fn takes_back_a_segment_that_a_command_began() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 90)?;
        let numbers = state(&mut host)?;
        let (head, commands, segment, first) = (numbers[1], numbers[3], numbers[6] + 1, numbers[8]);
        change(&mut host, &[(3, 1), (6, 1), (8, head + 1 - first)])?;
        let begins = format!("{} {} 1", head + 1, commands + 2);
        host.link.query(&["HSET", "{care}:h", &format!("o{segment}"), &begins])?;
        rebuild(&mut host, &mut Nobody)?.unwrap();
        let order = Some((command(9999, "go", b""), Vec::new()));
        host.append(vec![event(1, "e", &[], "")], None, order)?.unwrap();
        assert_eq!(verify(&mut host)?.texts, [""; 0]);
    }
    Ok(())
}

/// Whatever batch of a rebuild it comes before: it is refused, or it is kept.
#[test]
fn what_is_appended_as_a_rebuild_begins_is_kept() -> Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(10_000);
    let target = Target::start(Kind::Redis, &[])?;
    let mut host = filled(&target, 240)?;
    for at in 0.. {
        host.intruder = Some((host.sent + at, |url| {
            let mut other = Host::open(url, settings("care")).unwrap();
            let id = NUMBER.fetch_add(1, Ordering::Relaxed).into();
            let order = (command(id, "go", b""), Vec::new());
            match other.append(vec![event(1, "two", &["a:3"], "")], None, Some(order)).unwrap() {
                Ok(_) | Err(Fault::Rebuilding) => {}
                other => panic!("{other:?}"),
            }
        }));
        rebuild(&mut host, &mut Nobody)?.unwrap();
        assert_eq!(verify(&mut host)?.texts, [""; 0], "before batch {at}");
        if host.intruder.take().is_some() {
            break;
        }
    }
    Ok(())
}

#[test]
fn goes_on_where_it_was_left_and_refuses_meanwhile() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, EVENTS)?;
        let well = answers(&mut host)?;
        // While it looks whether it can, nothing is refused.
        let mut enough = 0;
        while state(&mut host)?[9] == 0 {
            assert_eq!(verify(&mut host)?.faults, 0);
            enough += 1;
            let mut keeper = Keeper { enough, ..Keeper::default() };
            assert_eq!(rebuild(&mut host, &mut keeper)?, Err(Fault::Cancelled(false)));
        }
        assert!(enough > 2);
        let mut left = 0;
        for enough in 1.. {
            let mut keeper = Keeper { enough, ..Keeper::default() };
            let ending = rebuild(&mut host, &mut keeper)?;
            assert!(keeper.progress.is_sorted(), "{:?}", keeper.progress);
            let Err(ending) = ending else { break };
            assert_eq!(ending, Fault::Cancelled(false));
            left += 1;
            let (done, total) = *keeper.progress.last().unwrap();
            assert!(total == EVENTS as u64 && done < total, "{done}");
            let refused = host.append(vec![event(1, "e", &[], "")], None, None)?;
            assert_eq!(refused, Err(Fault::Rebuilding));
            let (_, refused) = host.read(selection(vec![Item::default()]))?;
            assert_eq!(refused, Err(Fault::Rebuilding));
            let refused = host.run(&mut Nobody, |store, now, flow, deadline| store.verify(now, flow, deadline))?;
            assert_eq!(refused, Err(Fault::Rebuilding));
        }
        assert!(left > 2);
        assert_eq!(verify(&mut host)?.faults, 0);
        assert_eq!(answers(&mut host)?, well);
    }
    Ok(())
}

/// An append that begins a segment, and wrote nothing else; its bell may have rung, all the same.
#[test]
fn leaves_out_a_segment_that_has_nothing() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 90)?;
        let segment = state(&mut host)?[6] + 1;
        let first = state(&mut host)?[8];
        change(&mut host, &[(1, 3), (6, 1), (8, 94 - first)])?;
        host.link.query(&["HSET", "{care}:h", &format!("o{segment}"), "94 46 1"])?;
        host.link.query(&["XADD", "{care}:b", "93-0", "e", "1"])?;
        assert_eq!(verify(&mut host)?.faults, 3);
        rebuild(&mut host, &mut Nobody)?.unwrap();
        assert_eq!(verify(&mut host)?.faults, 0);
        let rung = format!("{:?}", host.link.query(&["XRANGE", "{care}:b", "-", "+"])?);
        assert!(rung.contains("90-0") && !rung.contains("93-0"), "{rung}");
        let Ok(Outcome::Appended(appended)) = host.append(vec![event(1, "e", &["a:3"], "")], None, None)? else {
            panic!("not appended")
        };
        assert_eq!((appended.first, verify(&mut host)?), (91, Verified { events: 91, ..Verified::default() }));
    }
    Ok(())
}

#[test]
fn what_is_appended_meanwhile_is_no_fault() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let mut host = filled(&target, 240)?;
    for at in 0.. {
        host.intruder = Some((host.sent + at, |url| {
            let mut other = Host::open(url, settings("care")).unwrap();
            let of_known_type = event(1, "two", &["a:3"], "");
            other.append(vec![of_known_type, event(2, "new", &["new:1"], "")], None, None).unwrap().unwrap();
        }));
        assert_eq!(verify(&mut host)?.texts, [""; 0], "before batch {at}");
        if host.intruder.take().is_some() {
            assert!(at >= 4);
            break;
        }
    }
    Ok(())
}

/// Another rebuild, from its beginning to its end, before any batch of the first one.
#[test]
fn two_at_once_do_no_harm() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = filled(&target, 240)?;
        let (mut at, mut overtaken) = (0, 0);
        loop {
            host.intruder = Some((host.sent + at, |url| {
                let mut other = Host::open(url, settings("care")).unwrap();
                rebuild(&mut other, &mut Nobody).unwrap().unwrap();
            }));
            match rebuild(&mut host, &mut Nobody)? {
                Err(Fault::Rebuilding) => overtaken += 1,
                Ok(_) => {}
                other => panic!("{other:?}"),
            }
            let found = verify(&mut host)?;
            assert_eq!(found.faults, 0, "before batch {at}: {:?}", found.texts.first());
            if host.intruder.take().is_some() {
                break;
            }
            at += 1;
        }
        assert!(at >= 10 && overtaken >= 4, "{at} {overtaken}");
    }
    Ok(())
}

#[test]
fn an_empty_store_is_well() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let mut host = Host::open(target.url(), settings("care"))?;
    assert_eq!(verify(&mut host)?, Verified::default());
    rebuild(&mut host, &mut Nobody)?.unwrap();
    host.append(vec![event(1, "e", &["a:1"], "")], None, None)?.unwrap();
    assert_eq!(verify(&mut host)?.faults, 0);
    Ok(())
}
