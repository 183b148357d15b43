//! Subscriptions and checkpoints.

use super::*;

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
        writer.link.query(&["DEL", "{followed}:h", "{followed}:e:0", "{followed}:t:0", "{followed}:b"])?;
        let ending = follower.run(&mut Nobody, follow(last))?;
        assert!(matches!(ending, Err(Fault::Ahead(0))), "{ending:?}");
    }
    Ok(())
}

/// Appends an event to what it sees, until there are three.
struct Continues {
    writer: Host,
    seen: Vec<u64>,
}

impl Caller for Continues {
    fn events(&mut self, _: &mut Host, events: Vec<Seen>, _: Cursor) -> bool {
        self.seen.extend(events.iter().map(|event| event.position));
        let next = self.seen.len() as u128 + 1;
        if next <= 3 {
            self.writer.append(vec![event(next, "e", &["n:odd"], "")], None, None).unwrap().unwrap();
        }
        next <= 3
    }
}

/// Who may not have appends ring looks at the log from time to time.
#[test]
fn follows_where_it_may_only_read() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut writer = Host::open(target.url(), settings("read"))?;
        writer.append(vec![event(1, "e", &["n:odd"], "")], None, None)?.unwrap();
        let rights = ["on", ">word", "~*", "+@read", "+@scripting", "+@connection"];
        writer.link.query(&[["ACL", "SETUSER", "reader"].as_slice(), &rights].concat())?;
        let mut reader = Host::open(&target.url().replace("://", "://reader:word@"), settings("read"))?;
        let mut caller = Continues { writer, seen: Vec::new() };
        let begun = std::time::Instant::now();
        let ending = reader.run(&mut caller, |store, now, flow, _| {
            store.subscribe(now, flow, vec![item(&[], &["n:odd"])], Cursor::default())
        })?;
        assert_eq!(ending, Err(Fault::Cancelled(false)));
        assert_eq!(caller.seen, [1, 2, 3]);
        // One wait for a bell that rings for nobody takes longer.
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }
    Ok(())
}

/// Puts another log in the place of the one that it read, which is longer.
struct FailedOver;

impl Caller for FailedOver {
    fn events(&mut self, host: &mut Host, events: Vec<Seen>, _: Cursor) -> bool {
        let keys = ["h", "e:0", "t:0", "b", "g:n:odd"].map(|key| format!("{{replaced}}:{key}"));
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
