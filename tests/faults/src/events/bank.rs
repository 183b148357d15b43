//! Transfers between accounts from both hosts at once, while the server is killed or its links are cut.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use coracle_events::event::{Event, Id};
use events::client::{Appending, Client, Given};
use serde_json::json;

use super::Scene;
use super::followers::Followers;
use super::ledger::Ledger;
use super::outcome::Outcome;
use super::stage::{NAMESPACE, Stage};

const ACCOUNTS: u64 = 100;
/// What each of them has in the beginning.
const START: u64 = 500;
/// Of each host.
const WORKERS: u64 = 32;
/// Faults of one run.
const FAULTS: u64 = 6;
const QUICK_FAULTS: u64 = 2;
/// How long the server is away, or links are cut over and over.
const OUTAGE: Duration = Duration::from_millis(400);
/// Bytes that a link carries meanwhile, at most.
const BUDGET: u64 = 30_000;
/// Between two looks at what the agents say.
const LOOK: Duration = Duration::from_millis(5);
/// All transfers take at most so long.
const BOUND: Duration = Duration::from_secs(300);

/// The server is killed.
pub fn killed(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    play(scene, outcome, |stage, _| stage.kill(OUTAGE))
}

/// All links are cut, and then those that are made again.
pub fn cut(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    play(scene, outcome, |stage, _| {
        sever(stage);
        Ok(())
    })
}

/// One after the other.
pub fn both(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    play(scene, outcome, |stage, number| {
        sever(stage);
        if number % 2 == 0 { stage.kill(OUTAGE) } else { Ok(()) }
    })
}

fn sever(stage: &Stage) {
    stage.proxy.sever();
    stage.proxy.cut(BUDGET);
    std::thread::sleep(OUTAGE);
    stage.proxy.cut(0);
    stage.proxy.sever();
}

fn play(scene: &Scene<'_>, outcome: &mut Outcome, fault: impl Fn(&mut Stage, u64) -> Result<()>) -> Result<()> {
    let (transfers, faults) = if scene.quick { (1_000, QUICK_FAULTS) } else { (10_000, FAULTS) };
    let mut stage = Stage::start(scene)?;
    open(&stage.server.url())?;
    let mut followers = Followers::start(&mut stage)?;
    for (number, agent) in (0..).zip(stage.agents()) {
        agent.order(&json!({
            "do": "bank", "workers": WORKERS, "base": WORKERS * number, "accounts": ACCOUNTS,
            "transfers": transfers / 2, "seed": scene.ground.seed,
        }))?;
    }
    let ledger = listen(&mut stage, &mut followers, outcome, transfers, faults, fault)?;
    let log = stage.look(outcome)?;
    followers.compare(&mut stage, &log, outcome)?;
    ledger.compare(&log, ACCOUNTS, START, outcome);
    outcome.count("cuts", stage.proxy.cuts());
    outcome.expect(ledger.decided >= transfers, || format!("only {} transfers were decided", ledger.decided));
    Ok(())
}

/// Notes what the agents say until they are through, and breaks things in between.
fn listen(
    stage: &mut Stage,
    followers: &mut Followers,
    outcome: &mut Outcome,
    transfers: u64,
    faults: u64,
    fault: impl Fn(&mut Stage, u64) -> Result<()>,
) -> Result<Ledger> {
    let (mut ledger, mut banked, mut broken) = (Ledger::default(), 0, 0);
    let started = Instant::now();
    while banked < 2 {
        for agent in stage.agents() {
            for line in agent.heard(LOOK)? {
                match line["say"].as_str() {
                    Some("transfer") => ledger.note(&line, outcome)?,
                    Some("banked") => banked += 1,
                    Some("followed") => followers.note(agent.host, &line)?,
                    _ => bail!("nobody asked for {line}"),
                }
            }
        }
        if broken < faults && ledger.decided >= (broken + 1) * transfers / (faults + 1) {
            fault(stage, broken)?;
            broken += 1;
        }
        if started.elapsed() > BOUND {
            bail!("only {} of {transfers} transfers were decided within {BOUND:?}", ledger.decided);
        }
    }
    outcome.expect(broken == faults, || format!("only {broken} of {faults} faults"));
    Ok(ledger)
}

/// Opens the accounts.
fn open(url: &str) -> Result<()> {
    let events = (0..ACCOUNTS).map(|account| {
        let data = json!({ "account": account, "balance": START }).to_string().into_bytes();
        let event = Event {
            id: Id(u128::from(account) + 1),
            kind: "Opened".to_owned(),
            tags: vec![format!("account:{account}")],
            data: data.len() as u32,
            metadata: 0,
        };
        Given { event, data, metadata: Vec::new() }
    });
    let appending = Appending { events: events.collect(), ..Appending::default() };
    Client::open(url, NAMESPACE)?.append(&appending)?.map_err(|fault| anyhow!("{fault:?}"))?;
    Ok(())
}
