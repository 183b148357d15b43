//! Every flow once, on each kind of server: what one of them does not know, or answers otherwise, is found here.

use anyhow::Result;
use coracle_events::event::{Cursor, Id};
use coracle_events::given::{Selection, Since};
use coracle_events::query::Item;
use coracle_events::step::{Decision, Fault, Outcome};
use events::host::{Caller, Decided, Host, Keeper, Nobody, command, event, item, retries, selection, settings};
use events::target::Target;

struct Once;

impl Caller for Once {
    fn decide(&mut self, host: &mut Host, flow: u64, _: &Decision) -> Decided {
        let (seen, _) = host.seen(Selection { decision: flow, ..selection(vec![item(&["done"], &[])]) })?;
        anyhow::ensure!(seen.is_empty(), "done already");
        Ok(vec![event(50, "done", &["b:2"], "once")])
    }
}

#[test]
fn every_flow_on_each_server() -> Result<()> {
    for target in Target::all()? {
        // Miniredis is shared.
        let name = format!("small-{}-{}", std::process::id(), target.name());
        let mut host = Host::open(target.url(), settings(&name))?;
        let given = (1..=40).map(|number| event(number, "made", &["a:1", &format!("n:{number}")], "x")).collect();
        host.append(given, None, Some((command(1, "make", b"40"), b"40".to_vec())))?.unwrap();
        let (seen, head) = host.seen(selection(vec![item(&["made"], &["a:1"])]))?;
        assert_eq!((seen.len(), head.position), (40, 40), "{}", target.name());
        let refused = host.append(
            vec![event(99, "made", &[], "")],
            Some((vec![item(&[], &["n:40"])], Cursor { position: 39, id: Id(39) })),
            None,
        )?;
        assert_eq!(refused, Err(Fault::Conflict(40, 40)), "{}", target.name());

        let mut go = command(2, "go", b"");
        go.locks = vec!["one".to_owned()];
        host.execute(go.clone(), b"", retries(3), &mut Once)?.unwrap();
        let again = host.execute(go, b"", retries(3), &mut Once)?;
        assert!(matches!(again, Ok(Outcome::Appended(appended)) if appended.repeated && appended.last == 41));
        let mut keeper = Keeper::default();
        let since = Since::Position(41);
        host.run(&mut keeper, |store, now, flow, end| store.read_commands(now, flow, end, since, 0))?.unwrap();
        assert_eq!(keeper.commands.first().map(|(command, ..)| command.number), Some(2));

        let name = "two".to_owned();
        let locked = host.run(&mut Nobody, |store, now, flow, end| store.lock(now, flow, end, name, 9000))?;
        let Ok(Outcome::Locked(lease)) = locked else { panic!("{locked:?}") };
        host.run(&mut Nobody, |store, now, flow, end| store.unlock(now, flow, end, lease))?.unwrap();
        let (consumer, to) = ("c".to_owned(), Cursor { position: 41, id: Id(50) });
        host.run(&mut Nobody, |store, now, flow, end| store.advance(now, flow, end, consumer, None, to))?.unwrap();
        let consumer = "c".to_owned();
        let stored = host.run(&mut Nobody, |store, now, flow, end| store.checkpoint(now, flow, end, consumer))?;
        assert!(matches!(stored, Ok(Outcome::Checkpoint(Some(stored))) if stored.position == 41));

        let mut keeper = Keeper { enough: 41, ..Keeper::default() };
        let all = vec![Item::default()];
        let ending = host.run(&mut keeper, |store, now, flow, _| store.subscribe(now, flow, all, Cursor::default()))?;
        assert_eq!((ending, keeper.events.len()), (Err(Fault::Cancelled(false)), 41));
        host.run(&mut Nobody, |store, now, flow, end| store.inspect(now, flow, end))?.unwrap();
        host.run(&mut Nobody, |store, now, flow, end| store.rebuild(now, flow, end))?.unwrap();
        let found = host.run(&mut Nobody, |store, now, flow, end| store.verify(now, flow, end))?;
        assert!(matches!(&found, Ok(Outcome::Verified(found)) if (found.events, found.faults) == (41, 0)), "{found:?}");
        let totals = host.run(&mut Nobody, |store, now, flow, end| store.stats(now, flow, end))?;
        assert!(
            matches!(totals, Ok(Outcome::Stats(totals)) if (totals.head, totals.commands, totals.types) == (41, 2, 2))
        );
        assert_eq!(host.seen(selection(vec![item(&[], &["a:1"])]))?.0.len(), 40);
    }
    Ok(())
}
