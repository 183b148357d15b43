//! The flows of a store against real servers.
#![expect(clippy::panic, clippy::unwrap_used, reason = "clippy allows them in tests, but not in what tests share")]

use std::sync::{Arc, Barrier, Mutex};

use anyhow::Result;
use conformance::Kind;
use coracle_events::event::{Cursor, Id};
use coracle_events::query::Item;
use coracle_events::step::{Decision, Fault, Outcome, Step};
use coracle_events::store::{Acknowledgements, Durability, Selection, Since, Store};
use events::host::{
    Caller, Decided, Host, Keeper, Mishap, Nobody, Seen, command, event, item, retries, selection, settings,
};
use events::target::Target;

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

fn cursor(seen: &Seen) -> Cursor {
    Cursor { position: seen.position, id: seen.id }
}

fn places(ending: &Result<Outcome, Fault>) -> (u64, u64, bool) {
    match ending {
        Ok(Outcome::Appended(appended)) => (appended.first, appended.last, appended.repeated),
        other => panic!("{other:?}"),
    }
}

fn positions(seen: &[Seen]) -> Vec<u64> {
    seen.iter().map(|event| event.position).collect()
}

#[test]
fn appends_and_reads_in_pages_over_segments() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut settings = settings("pages");
        settings.page_events = 7;
        let mut host = Host::open(target.url(), settings)?;
        // 20 segments of 1 MiB, of which a page has the bodies of 8.
        let large = "x".repeat(100_000);
        for number in 0..200_u128 {
            let tag = format!("n:{}", number % 2);
            let given = vec![event(number + 1, "kept", &["all:1", &tag], &format!("{number} {large}"))];
            let ending = host.append(given, None, None)?;
            assert_eq!(places(&ending), (number as u64 + 1, number as u64 + 1, false));
        }
        // One that knows nothing of the segments yet.
        let mut host = Host::open(target.url(), events::host::settings("pages"))?;
        for backwards in [false, true] {
            for tags in [&["all:1"][..], &["n:1"], &["all:1", "n:0"], &[]] {
                for limit in [0, 3, 101] {
                    let all = Selection { backwards, limit, ..selection(vec![item(&[], tags)]) };
                    let (seen, head) = host.seen(all)?;
                    let mut expected: Vec<u64> = (1..=200)
                        .filter(|position| !tags.contains(&"n:1") || position % 2 == 0)
                        .filter(|position| !tags.contains(&"n:0") || position % 2 == 1)
                        .collect();
                    if backwards {
                        expected.reverse();
                    }
                    if limit > 0 {
                        expected.truncate(limit as usize);
                    }
                    assert_eq!(positions(&seen), expected, "{tags:?} {backwards} {limit}");
                    assert_eq!(head.position, 200);
                    for event in seen {
                        assert_eq!(event.id, Id(event.position.into()));
                        assert!(event.data.starts_with(format!("{} x", event.position - 1).as_bytes()));
                        assert_eq!((event.data.len() > 100_000, event.metadata.as_slice()), (true, &b"{}"[..]));
                        assert_eq!(event.tags.first().map(String::as_str), Some("all:1"));
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn tells_which_queries_match_and_refuses_by_condition() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("queries"))?;
        let one = event(1, "defined", &["course:c1"], "");
        let two = event(2, "subscribed", &["course:c1", "student:s1"], "");
        host.append(vec![one, two], None, None)?.unwrap();
        let queries = vec![vec![item(&["defined"], &[])], vec![item(&[], &["student:s1"]), item(&[], &["course:c1"])]];
        let (seen, head) = host.seen(Selection { queries, ..selection(Vec::new()) })?;
        assert_eq!(seen.iter().map(|event| event.matches).collect::<Vec<_>>(), [0b11, 0b10]);

        let query = || vec![item(&[], &["student:s1"])];
        let first = seen.first().map(cursor).unwrap();
        let conflict = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), first)), None)?;
        assert_eq!(conflict, Err(Fault::Conflict(2, 2)));
        let ahead = Cursor { position: 9, id: Id(9) };
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), ahead)), None)?;
        assert_eq!(ending, Err(Fault::Ahead(2)));
        let other = Cursor { position: 2, id: Id(77) };
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), other)), None)?;
        assert_eq!(ending, Err(Fault::Rewritten(2)));
        let (_, ending) = host.read(Selection { after: other, ..selection(query()) })?;
        assert_eq!(ending, Err(Fault::Rewritten(2)));
        let ending = host.append(vec![event(3, "subscribed", &[], "")], Some((query(), head)), None)?;
        assert_eq!(places(&ending), (3, 3, false));
    }
    Ok(())
}

/// Every mishap at every place of an append with an id: the caller is told one result, and the events are there once.
#[test]
fn resolves_by_itself_what_may_have_been_executed() -> Result<()> {
    use Mishap::{Lost, None as Well, NotSent, Unheard};
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("resolved"))?;
        let mut at = 0;
        for mishaps in [
            vec![Lost],
            vec![Unheard],
            vec![Unheard, Unheard],
            vec![Lost, Unheard, Lost],
            vec![Unheard, NotSent, Lost],
            vec![Well],
        ] {
            at += 1;
            host.mishaps = mishaps.clone().into();
            let id = command(at.into(), "", b"same");
            let ending = host.append(vec![event(at.into(), "e", &["t:1"], "")], None, Some((id, b"same".to_vec())))?;
            assert_eq!(places(&ending), (at, at, mishaps.contains(&Unheard)), "{mishaps:?}");
        }
        // Its condition forbids what it did itself: the marker comes first.
        let (_, head) = host.seen(selection(vec![Item::default()]))?;
        host.mishaps = [Unheard].into();
        let condition = Some((vec![item(&[], &["t:1"])], head));
        let ending = host.append(
            vec![event(50, "e", &["t:1"], "")],
            condition,
            Some((command(50, "", b"same"), b"same".to_vec())),
        )?;
        assert_eq!(places(&ending), (7, 7, true));

        // Without an id nobody can know.
        host.mishaps = [Unheard].into();
        let ending = host.append(vec![event(51, "e", &[], "")], None, None)?;
        assert!(matches!(&ending, Err(Fault::Transport(lost)) if lost.failure as u8 == 1), "{ending:?}");
        // What was not sent is told at once.
        host.mishaps = [NotSent].into();
        let ending = host.append(vec![event(52, "e", &[], "")], None, Some((command(52, "", b""), Vec::new())))?;
        assert!(matches!(&ending, Err(Fault::Transport(lost)) if lost.failure as u8 == 0), "{ending:?}");

        // The same id by somebody else: the same content, and another.
        let again = |data: &[u8]| Some((command(1, "", data), data.to_vec()));
        let ending = host.append(vec![event(1, "e", &["t:1"], "")], None, again(b"same"))?;
        assert_eq!(ending, Err(Fault::Duplicate(1, 1)));
        let ending = host.append(vec![event(1, "e", &["t:1"], "")], None, again(b"other"))?;
        assert_eq!(ending, Err(Fault::IdReused(Id(1))));
    }
    Ok(())
}

/// Subscribes a student to a course of so many places, as dcb.events has it.
struct Subscribing {
    student: usize,
    places: usize,
    /// Another one appends while the handler runs, so many times.
    meddlers: u32,
    runs: u32,
    locks: usize,
}

impl Caller for Subscribing {
    fn decide(&mut self, host: &mut Host, flow: u64, decision: &Decision) -> Decided {
        self.runs += 1;
        self.locks = decision.leases.len();
        let mut course = selection(vec![item(&["subscribed"], &["course:c"])]);
        course.decision = flow;
        let (taken, first) = host.seen(course)?;
        if self.meddlers > 0 {
            self.meddlers -= 1;
            let student = format!("student:m{}", self.meddlers);
            host.append(vec![event(1, "subscribed", &["course:c", &student], "")], None, None)?.unwrap();
        }
        // What comes after the first read is not seen by the second.
        let mut student = selection(vec![item(&["subscribed"], &[&format!("student:{}", self.student)])]);
        student.decision = flow;
        let (_, second) = host.seen(student)?;
        anyhow::ensure!(first == second, "two heads");
        anyhow::ensure!(taken.len() < self.places, "full");
        let tag = format!("student:{}", self.student);
        Ok(vec![event(self.student as u128, "subscribed", &["course:c", &tag], "yes")])
    }
}

fn subscribing(student: usize, places: usize) -> Subscribing {
    Subscribing { student, places, meddlers: 0, runs: 0, locks: 0 }
}

#[test]
fn executes_commands_and_audits_them() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("commands"))?;
        let mut caller = Subscribing { meddlers: 2, ..subscribing(1, 10) };
        let mut subscribe = command(100, "subscribe", b"{1}");
        subscribe.locks = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
        let ending = host.execute(subscribe.clone(), b"{1}", retries(5), &mut caller)?;
        match &ending {
            Ok(Outcome::Appended(appended)) => {
                assert_eq!((appended.first, appended.last, appended.command), (3, 3, 1));
                assert_eq!((appended.attempts, appended.repeated, appended.cursor.id), (3, false, Id(1)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((caller.runs, caller.locks), (3, 2));
        // Locks were given back: nobody waits.
        let again = host.execute(subscribe.clone(), b"{1}", retries(5), &mut subscribing(1, 10))?;
        assert_eq!(places(&again), (3, 3, true));
        let ending = host.execute(command(100, "subscribe", b"{2}"), b"{2}", retries(5), &mut subscribing(1, 10))?;
        assert_eq!(ending, Err(Fault::IdReused(Id(100))));

        let mut caller = Subscribing { meddlers: 9, ..subscribing(2, 100) };
        let ending = host.execute(command(101, "subscribe", b""), b"", retries(2), &mut caller)?;
        assert_eq!((ending, caller.runs), (Err(Fault::Conflict(5, 5)), 2));
        let full = host.execute(command(102, "subscribe", b""), b"", retries(2), &mut subscribing(3, 1))?;
        assert_eq!(full, Err(Fault::Cancelled(false)));

        let mut keeper = Keeper::default();
        let ending = host.run(&mut keeper, |store, now, flow, deadline| {
            store.read_commands(now, flow, deadline, Since::Position(3), 0)
        })?;
        assert_eq!(ending, Ok(Outcome::Nothing));
        let (record, data, metadata) = keeper.commands.first().unwrap();
        assert_eq!((record.number, record.id, record.kind.as_str()), (1, Id(100), "subscribe"));
        assert_eq!((record.first, record.last), (3, 3));
        assert_eq!((data.as_slice(), metadata.as_slice()), (&b"{1}"[..], &b""[..]));
        let (seen, _) = host.seen(selection(vec![item(&[], &["student:1"])]))?;
        assert_eq!(seen.first().map(|event| (event.command, event.time)), Some((1, record.time)));
        let mut keeper = Keeper::default();
        let since = Since::Time(record.time + 1);
        host.run(&mut keeper, |store, now, flow, deadline| store.read_commands(now, flow, deadline, since, 0))?
            .unwrap();
        assert!(keeper.commands.is_empty());
    }
    Ok(())
}

/// A mishap of each kind at each batch of an execution with locks: it comes to an end, the event is there once if it
/// says so, and the locks are free.
#[test]
fn gives_locks_back_whatever_happens() -> Result<()> {
    use Mishap::{Lost, None as Well, NotSent, Unheard};
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("mishaps"))?;
        let mut id = 0;
        for mishap in [NotSent, Lost, Unheard] {
            for place in 0..7 {
                id += 1;
                let tag = format!("student:{id}");
                let mut given = command(id as u128, "subscribe", b"");
                given.locks = vec![format!("x{id}"), format!("y{id}")];
                host.mishaps = vec![Well; place].into();
                host.mishaps.push_back(mishap);
                let ending = host.execute(given, b"", retries(3), &mut subscribing(id, 1000))?;
                host.mishaps.clear();
                let (seen, _) = host.seen(selection(vec![item(&[], &[&tag])]))?;
                match &ending {
                    Ok(Outcome::Appended(_)) => assert_eq!(seen.len(), 1, "{mishap:?} at {place}"),
                    // The handler's read failed, or what was to be sent was not.
                    Err(Fault::Cancelled(false)) => assert_eq!(seen.len(), 0, "{mishap:?} at {place}"),
                    Err(Fault::Transport(lost)) => {
                        assert_eq!((lost.failure as u8, seen.len()), (0, 0), "{mishap:?} at {place}");
                    }
                    other => panic!("{mishap:?} at {place}: {other:?}"),
                }
                // Where giving back itself was lost, they go when the lease ends.
                let held = host.link.query(&["KEYS", &format!("*k:*{id}")])?;
                if place != 5 || mishap == Unheard {
                    assert_eq!(held, redis::Value::Array(Vec::new()), "{mishap:?} at {place}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn locks_wait_time_out_and_are_lost() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("locks"))?;
        let take = |host: &mut Host, name: &str, duration: u32, within: u64| {
            let name = name.to_owned();
            host.run(&mut Nobody, |store, now, flow, _| store.lock(now, flow, now + within * 1000, name, duration))
        };
        let Ok(Outcome::Locked(lease)) = take(&mut host, "one", 60_000, 1000)? else { panic!("not locked") };
        assert_eq!(take(&mut host, "one", 60_000, 30)?, Err(Fault::LockTimeout("one".to_owned())));
        let mut given = command(1, "c", b"");
        given.locks = vec!["one".to_owned()];
        let ending = host
            .run(&mut Nobody, |store, now, flow, _| store.execute(now, flow, now + 30_000, given, retries(1), None))?;
        assert_eq!(ending, Err(Fault::LockTimeout("one".to_owned())));

        let unlock = |host: &mut Host, lease: &coracle_events::step::Lease| {
            let lease = lease.clone();
            host.run(&mut Nobody, |store, now, flow, deadline| store.unlock(now, flow, deadline, lease))
        };
        assert_eq!(unlock(&mut host, &lease)?, Ok(Outcome::Nothing));
        assert_eq!(unlock(&mut host, &lease)?, Err(Fault::LockLost("one".to_owned())));
        let Ok(Outcome::Locked(second)) = take(&mut host, "one", 60_000, 1000)? else { panic!("not locked") };
        assert!(second.fence > lease.fence);

        // Renewed thrice, then taken away.
        let kept = vec![second.clone()];
        let before = host.waited;
        let mut thief = events::link::Link::open(target.url())?;
        let key = "{locks}:k:one";
        let worker = std::thread::spawn(move || -> Result<()> {
            let short = |value: &redis::Value| matches!(value, redis::Value::Int(left) if *left <= 60);
            while !short(&thief.query(&["PTTL", key])?) {}
            for _ in 0..3 {
                // It goes down, and up again.
                let mut last = thief.query(&["PTTL", key])?;
                loop {
                    let next = thief.query(&["PTTL", key])?;
                    if matches!((&last, &next), (redis::Value::Int(last), redis::Value::Int(next)) if next > last) {
                        break;
                    }
                    last = next;
                }
            }
            thief.query(&["DEL", key])?;
            Ok(())
        });
        let ending = host.run(&mut Nobody, |store, now, flow, _| store.keep(now, flow, kept, 60))?;
        worker.join().unwrap()?;
        assert_eq!(ending, Err(Fault::LockLost("one".to_owned())));
        assert!(host.waited >= before + 4);

        // A command whose lock is gone writes nothing.
        let mut given = command(2, "c", b"");
        given.locks = vec!["two".to_owned()];
        let ending = host.execute(given, b"", retries(1), &mut Robbed)?;
        assert_eq!(ending, Err(Fault::LockLost("two".to_owned())));
        assert_eq!(host.seen(selection(vec![Item::default()]))?.0, []);
    }
    Ok(())
}

/// Its lock is taken away while it decides.
struct Robbed;

impl Caller for Robbed {
    fn decide(&mut self, host: &mut Host, _: u64, _: &Decision) -> Decided {
        host.link.query(&["DEL", "{locks}:k:two"])?;
        Ok(vec![event(1, "e", &[], "")])
    }
}

#[test]
fn follows_without_gaps_and_finds_a_log_that_lost_its_end() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut writer = Host::open(target.url(), settings("followed"))?;
        let odd = |number: u128| if number % 2 == 1 { "n:odd" } else { "n:even" };
        for number in 1..=250 {
            writer.append(vec![event(number, "e", &[odd(number)], "")], None, None)?.unwrap();
        }
        let mut follower = Host::open(target.url(), settings("followed"))?;
        follower.mishaps = [Mishap::None, Mishap::Lost, Mishap::None, Mishap::NotSent, Mishap::Unheard].into();
        let live = std::thread::spawn(move || -> Result<Host> {
            for number in 251..=500 {
                writer.append(vec![event(number, "e", &[odd(number)], "")], None, None)?.unwrap();
            }
            Ok(writer)
        });
        let follow = |after: Cursor| {
            move |store: &mut Store, now: u64, flow: u64, _: u64| -> Step {
                store.subscribe(now, flow, vec![item(&[], &["n:odd"])], after)
            }
        };
        let mut keeper = Keeper { enough: 250, ..Keeper::default() };
        let ending = follower.run(&mut keeper, follow(Cursor::default()))?;
        assert_eq!(ending, Err(Fault::Cancelled(false)));
        assert_eq!(positions(&keeper.events), (1..=500).step_by(2).collect::<Vec<u64>>());
        let mut writer = live.join().unwrap()?;

        let last = *keeper.cursors.last().unwrap();
        assert!(last.position == 499 || last.position == 500);
        let ending = follower.run(&mut Nobody, follow(Cursor { position: 501, id: Id(1) }))?;
        assert_eq!(ending, Err(Fault::Ahead(500)));
        let ending = follower.run(&mut Nobody, follow(Cursor { position: 400, id: Id(1) }))?;
        assert_eq!(ending, Err(Fault::Rewritten(400)));
        // It loses its end while somebody listens, as after a fail-over: the bell rings for what comes instead.
        writer.link.query(&[
            "DEL",
            "{followed}:h",
            "{followed}:y",
            "{followed}:e:0",
            "{followed}:t:0",
            "{followed}:b",
        ])?;
        let ending = follower.run(&mut Nobody, follow(last))?;
        assert!(matches!(ending, Err(Fault::Ahead(0))), "{ending:?}");
    }
    Ok(())
}

/// Puts another log in the place of the one that it read, which is longer.
struct FailedOver;

impl Caller for FailedOver {
    fn events(&mut self, host: &mut Host, events: Vec<Seen>, _: Cursor) -> bool {
        let keys = ["h", "y", "e:0", "t:0", "b", "g:n:odd"].map(|key| format!("{{replaced}}:{key}"));
        let mut delete = vec!["DEL"];
        delete.extend(keys.iter().map(String::as_str));
        host.link.query(&delete).unwrap();
        let given = (0..9).map(|number| event(number + 1000, "other", &["n:odd"], "")).collect();
        host.append(given, None, None).unwrap().unwrap();
        events.len() == 3
    }
}

#[test]
fn finds_another_log_while_it_listens() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("replaced"))?;
        let given = (1..=3).map(|number| event(number, "e", &["n:odd"], "")).collect();
        host.append(given, None, None)?.unwrap();
        let ending = host.run(&mut FailedOver, |store, now, flow, _| {
            store.subscribe(now, flow, vec![item(&[], &["n:odd"])], Cursor::default())
        })?;
        assert_eq!(ending, Err(Fault::Rewritten(3)));
    }
    Ok(())
}

#[test]
fn keeps_checkpoints_by_compare_and_set() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("places"))?;
        let place = |position| Cursor { position, id: Id(u128::from(position) + 5) };
        let ask = |host: &mut Host| {
            host.run(&mut Nobody, |store, now, flow, deadline| store.checkpoint(now, flow, deadline, "c".to_owned()))
        };
        let set = |host: &mut Host, expected: Option<Cursor>, to: Cursor| {
            host.run(&mut Nobody, |store, now, flow, deadline| {
                store.advance(now, flow, deadline, "c".to_owned(), expected, to)
            })
        };
        assert_eq!(ask(&mut host)?, Ok(Outcome::Checkpoint(None)));
        assert_eq!(set(&mut host, None, place(1))?, Ok(Outcome::Nothing));
        assert_eq!(set(&mut host, None, place(2))?, Err(Fault::CheckpointMoved(Some(place(1)))));
        assert_eq!(set(&mut host, Some(place(1)), place(2))?, Ok(Outcome::Nothing));
        assert_eq!(ask(&mut host)?, Ok(Outcome::Checkpoint(Some(place(2)))));
    }
    Ok(())
}

#[test]
fn says_what_the_server_can_lose() -> Result<()> {
    for kind in KINDS {
        let about = |arguments: &[&str]| -> Result<Vec<String>> {
            let target = Target::start(kind, arguments)?;
            let mut host = Host::open(target.url(), settings("inspected"))?;
            let ending = host.run(&mut Nobody, |store, now, flow, deadline| store.inspect(now, flow, deadline))?;
            let Ok(Outcome::Inspected(warnings)) = ending else { panic!("{ending:?}") };
            Ok(warnings.into_iter().map(|warning| warning.about).filter(|about| about != "version").collect())
        };
        let careless = ["--appendonly", "no", "--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"];
        assert_eq!(about(&careless)?, ["maxmemory-policy", "appendonly", "min-replicas-to-write"]);
        let usual = ["--appendonly", "yes", "--appendfsync", "everysec"];
        assert_eq!(about(&usual)?, ["appendfsync", "min-replicas-to-write"]);
        let careful = ["--appendonly", "yes", "--appendfsync", "always", "--min-replicas-to-write", "1"];
        assert_eq!(about(&careful)?, [""; 0]);
        let denied = ["--appendonly", "yes", "--rename-command", "CONFIG", "C"];
        assert_eq!(about(&denied)?, ["config"]);
    }
    Ok(())
}

#[test]
fn counts_acknowledgements() -> Result<()> {
    let target = Target::start(Kind::Valkey, &["--appendonly", "yes", "--appendfsync", "always"])?;
    let mut host = Host::open(target.url(), settings("acknowledged"))?;
    let wanted = |count| Acknowledgements { count, timeout: 20 };
    let append = |host: &mut Host, durability| {
        let ending = host.append_with(vec![event(1, "e", &[], "")], None, None, Some(durability))?;
        anyhow::Ok(match ending {
            Ok(Outcome::Appended(appended)) => (1, 0, appended.last),
            Err(Fault::TooFewAcknowledgements(files, replicas, appended)) => (files, replicas, appended.last),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(append(&mut host, Durability::Fsynced(true, wanted(0)))?, (1, 0, 1));
    assert_eq!(append(&mut host, Durability::Replicas(wanted(1)))?, (0, 0, 2));
    assert_eq!(append(&mut host, Durability::Fsynced(true, wanted(1)))?, (1, 0, 3));
    // The session is lost between the two: it is written.
    host.mishaps = [Mishap::None, Mishap::Lost].into();
    assert_eq!(append(&mut host, Durability::Fsynced(true, wanted(0)))?, (0, 0, 4));
    // An older server has no such command: it is written, too.
    let target = Target::start(Kind::Redis, &[])?;
    let mut host = Host::open(target.url(), settings("acknowledged"))?;
    assert_eq!(append(&mut host, Durability::Fsynced(true, wanted(0)))?, (0, 0, 1));
    Ok(())
}

#[test]
fn counts_the_store() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let mut host = Host::open(target.url(), settings("counted"))?;
    host.append(vec![event(1, "a", &[], ""), event(2, "b", &[], "")], None, None)?.unwrap();
    let ending = host.run(&mut Nobody, |store, now, flow, deadline| store.stats(now, flow, deadline))?;
    let Ok(Outcome::Stats(totals)) = ending else { panic!("{ending:?}") };
    assert_eq!((totals.head, totals.commands, totals.types, totals.segments), (2, 0, 2, 1));
    assert!(totals.segment_bytes > 40);
    Ok(())
}

/// Each of 64 threads decides on the same boundary at once: one succeeds a decision.
#[test]
fn one_of_64_succeeds() -> Result<()> {
    const WRITERS: u64 = 64;
    const ROUNDS: usize = 20;
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let store = |shared: bool| -> Result<Option<Arc<Mutex<Store>>>> {
            let open = || Store::open(settings("boundary")).map_err(|(name, why)| anyhow::anyhow!("{name} {why}"));
            Ok(if shared { Some(Arc::new(Mutex::new(open()?))) } else { None })
        };
        // Half of them share a store.
        let shared = store(true)?;
        let barrier = Arc::new(Barrier::new(WRITERS as usize));
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (barrier, url) = (barrier.clone(), target.url().to_owned());
                let shared = shared.clone().filter(|_| writer % 2 == 0);
                std::thread::spawn(move || -> Result<usize> {
                    let mut host = match shared {
                        Some(store) => Host::share(&url, store, writer * 100_000 + 1)?,
                        None => Host::open(&url, settings("boundary"))?,
                    };
                    let mut won = 0;
                    for round in 0..ROUNDS {
                        let (seen, head) = host.seen(selection(vec![item(&[], &["seat:1"])]))?;
                        anyhow::ensure!(seen.len() == round, "{} in round {round}", seen.len());
                        barrier.wait();
                        let id = u128::from(writer) << 32 | round as u128;
                        let condition = (vec![item(&[], &["seat:1"])], head);
                        match host.append(vec![event(id, "taken", &["seat:1"], "")], Some(condition), None)? {
                            Ok(_) => won += 1,
                            Err(Fault::Conflict(..)) => {}
                            other => anyhow::bail!("{other:?}"),
                        }
                        barrier.wait();
                    }
                    Ok(won)
                })
            })
            .collect();
        let mut won = 0;
        for thread in threads {
            won += thread.join().unwrap()?;
        }
        assert_eq!(won, ROUNDS);
        let mut host = Host::open(target.url(), settings("boundary"))?;
        assert_eq!(host.seen(selection(vec![Item::default()]))?.1.position, ROUNDS as u64);
    }
    Ok(())
}

/// All execute at once, again and again until there is no place left: never one too many.
#[test]
fn a_course_is_never_overbooked() -> Result<()> {
    const STUDENTS: usize = 40;
    const PLACES: usize = 25;
    let target = Target::start(Kind::Redis, &[])?;
    let threads: Vec<_> = (0..STUDENTS)
        .map(|student| {
            let url = target.url().to_owned();
            std::thread::spawn(move || -> Result<bool> {
                let mut settings = settings("course");
                settings.seed = student as u64;
                let mut host = Host::open(&url, settings)?;
                let given = command(student as u128 + 1, "subscribe", b"");
                match host.execute(given, b"", retries(1000), &mut subscribing(student, PLACES))? {
                    Ok(_) => Ok(true),
                    Err(Fault::Cancelled(false)) => Ok(false),
                    other => anyhow::bail!("{other:?}"),
                }
            })
        })
        .collect();
    let mut won = 0;
    for thread in threads {
        won += usize::from(thread.join().unwrap()?);
    }
    assert_eq!(won, PLACES);
    let mut host = Host::open(target.url(), settings("course"))?;
    assert_eq!(host.seen(selection(vec![item(&[], &["course:c"])]))?.0.len(), PLACES);
    Ok(())
}
