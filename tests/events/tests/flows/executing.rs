//! Executing commands, and their locks.

use super::*;

/// Subscribes a student to a course of so many places, as dcb.events has it.
pub struct Subscribing {
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

pub fn subscribing(student: usize, places: usize) -> Subscribing {
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
        let most = u64::MAX;
        for since in [Since::Time(record.time + 1), Since::Time(most), Since::Number(most), Since::Position(most)] {
            let mut keeper = Keeper::default();
            host.run(&mut keeper, |store, now, flow, deadline| store.read_commands(now, flow, deadline, since, 0))?
                .unwrap();
            assert!(keeper.commands.is_empty());
        }
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
        let ending = host.run(&mut Nobody, |store, now, flow, _| {
            store.execute(now, flow, now + 30_000, given, retries(1), None, Vec::new())
        })?;
        assert_eq!(ending, Err(Fault::LockTimeout("one".to_owned())));

        let unlock = |host: &mut Host, lease: &coracle_events::step::Lease| {
            let lease = lease.clone();
            host.run(&mut Nobody, |store, now, flow, deadline| store.unlock(now, flow, deadline, lease))
        };
        assert_eq!(unlock(&mut host, &lease)?, Ok(Outcome::Nothing));
        assert_eq!(unlock(&mut host, &lease)?, Err(Fault::LockLost("one".to_owned())));
        let Ok(Outcome::Locked(second)) = take(&mut host, "one", 60_000, 1000)? else { panic!("not locked") };
        assert!(second.fence > lease.fence);

        // Renewed thrice, each time when a third of the lease is over, then taken away.
        let (waited, sent, began) = (host.waited, host.sent, host.now());
        host.hurried = true;
        host.intruder = Some((sent + 3, |url| {
            let mut thief = events::link::Link::open(url).unwrap();
            let left = thief.query(&["PTTL", "{locks}:k:one"]).unwrap();
            assert!(matches!(left, redis::Value::Int(left) if left > 60_000), "{left:?}");
            assert_eq!(thief.query(&["DEL", "{locks}:k:one"]).unwrap(), redis::Value::Int(1));
        }));
        let ending = host.run(&mut Nobody, |store, now, flow, _| store.keep(now, flow, vec![second], 600_000))?;
        host.hurried = false;
        assert_eq!(ending, Err(Fault::LockLost("one".to_owned())));
        assert_eq!((host.waited - waited, host.sent - sent), (3, 4));
        let thirds = (host.now() - began) / 200_000_000;
        assert_eq!(thirds, 3);

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
