//! Many at once: one decision wins.

use super::executing::subscribing;
use super::*;

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
