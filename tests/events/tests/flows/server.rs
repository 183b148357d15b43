//! What the server can lose, and what it acknowledges.

use super::*;

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
    Ok(())
}

/// An older server has no such command, another one no such file: nothing is written.
#[test]
fn appends_nothing_where_files_cannot_be_waited_for() -> Result<()> {
    for kind in KINDS {
        let target = Target::start(kind, &[])?;
        let mut host = Host::open(target.url(), settings("unacknowledged"))?;
        let unknown = redis::Value::Array(vec![redis::Value::Nil]);
        let why = if host.link.query(&["COMMAND", "INFO", "WAITAOF"])? == unknown { "WAITAOF" } else { "appendonly" };
        let durability = |local, count| Some(Durability::Fsynced(local, Acknowledgements { count, timeout: 20 }));
        let ending = host.append_with(vec![event(1, "e", &[], "")], None, None, durability(true, 0))?;
        let Err(Fault::Invalid(field, text)) = ending else { panic!("{ending:?}") };
        assert!(field == "durability" && text.contains(why), "{text}");
        assert_eq!(host.seen(selection(vec![Item::default()]))?.0, []);
    }
    Ok(())
}

/// As after a fail-over to a server without one: the first append has been written by then, and no other is.
#[test]
fn appends_nothing_more_once_files_cannot_be_waited_for() -> Result<()> {
    let target = Target::start(Kind::Valkey, &["--appendonly", "yes", "--appendfsync", "always"])?;
    let mut host = Host::open(target.url(), settings("turned"))?;
    let append = |host: &mut Host| {
        let durability = Some(Durability::Fsynced(true, Acknowledgements { count: 0, timeout: 20 }));
        host.append_with(vec![event(1, "e", &[], "")], None, None, durability)
    };
    assert!(matches!(append(&mut host)?, Ok(Outcome::Appended(_))));
    host.link.query(&["CONFIG", "SET", "appendonly", "no"])?;
    assert!(matches!(append(&mut host)?, Err(Fault::TooFewAcknowledgements(0, 0, _))));
    assert!(matches!(append(&mut host)?, Err(Fault::Invalid(..))));
    assert_eq!(host.seen(selection(vec![Item::default()]))?.0.len(), 2);
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
