//! Locks whose holder is stopped for longer than its lease: it can't write any more, and fences only grow.

use std::time::Duration;

use anyhow::{Context, Result};
use conformance::Signal;
use serde_json::{Value, json};

use super::Scene;
use super::agent::Agent;
use super::log::{Log, data};
use super::outcome::Outcome;
use super::stage::Stage;

const LOCK: &str = "vault";
/// Milliseconds.
const LEASE: u64 = 1000;
/// Workers of each host that want the same lock.
const WORKERS: u64 = 8;
/// Of a command whose handler waits, milliseconds.
const PATIENCE: u64 = 30_000;

/// Holders that are stopped, then many that want the same lock, before and after the server is killed.
pub fn play(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    let (stopped, rounds) = if scene.quick { (2, 5) } else { (8, 40) };
    let mut stage = Stage::start(scene)?;
    for round in 0..stopped {
        stop_holder(&mut stage, round, outcome)?;
    }
    for part in 0..2 {
        let ends = contend(&mut stage, part, rounds)?;
        for end in &ends {
            outcome.count(end["how"].as_str().unwrap_or_default(), 1);
            outcome.expect(end["how"] == "done", || format!("nobody is to lose a contest: {end}"));
        }
        if part == 0 {
            stage.kill(Duration::from_millis(100))?;
        }
    }
    let log = stage.look(outcome)?;
    compare(&log, stopped, 4 * WORKERS * rounds, outcome);
    Ok(())
}

/// A holder is stopped until its lease is over and another one holds the lock; in every second pair of rounds, until
/// that one has given it back, too. Then the holder goes on.
fn stop_holder(stage: &mut Stage, round: u64, outcome: &mut Outcome) -> Result<()> {
    let (holder, other) = stage.turns(round);
    let (held, taken) = (format!("stopped:{round}"), format!("other:{round}"));
    let first = hold(holder, &held)?;
    holder.signal(Signal::STOP)?;
    let second = hold(other, &taken);
    let returned = round / 2 % 2 == 1;
    let mut early = Value::Null;
    if returned && second.is_ok() {
        early = release(other, &taken)?;
    }
    // In any case, as one that is stopped can't be stopped.
    holder.signal(Signal::CONT)?;
    let second = second?;
    let late = release(holder, &held)?;
    let other_end = if returned { early } else { release(other, &taken)? };
    outcome.expect(late["how"] == "lock_lost", || format!("the holder that was stopped was told {late}"));
    outcome.expect(other_end["how"] == "done", || format!("the other one was told {other_end}"));
    outcome.expect(first < second, || format!("fence {second} came after {first}"));
    outcome.count("lock_lost", u64::from(late["how"] == "lock_lost"));
    Ok(())
}

/// Has a command take the lock, and its handler wait. Gives its fence.
fn hold(agent: &mut Agent, tag: &str) -> Result<u64> {
    agent.order(&json!({
        "do": "execute", "tag": tag, "tags": [format!("who:{tag}")], "locks": [LOCK], "lease_ms": LEASE,
        "deadline_ms": PATIENCE,
    }))?;
    agent.tagged("deciding", tag)?["fence"].as_u64().context("no fence")
}

fn release(agent: &mut Agent, tag: &str) -> Result<Value> {
    agent.ask(&json!({ "do": "release", "tag": tag }), "executed")
}

fn contend(stage: &mut Stage, part: u64, rounds: u64) -> Result<Vec<Value>> {
    for (number, agent) in (0..).zip(stage.agents()) {
        agent.order(&json!({
            "do": "contend", "workers": WORKERS, "base": (2 * part + number) * WORKERS, "rounds": rounds,
            "lock": LOCK, "tags": ["contest:c"],
        }))?;
    }
    let mut ends = Vec::new();
    for agent in stage.agents() {
        ends.extend(agent.tagged("contended", "")?["ends"].as_array().context("no ends")?.iter().cloned());
    }
    Ok(ends)
}

/// What is there was written in the order of the fences, and nothing is of a holder that was stopped.
fn compare(log: &Log, stopped: u64, contests: u64, outcome: &mut Outcome) {
    let fences: Vec<u64> = log.events.iter().map(|event| data(event)["fence"].as_u64().unwrap_or_default()).collect();
    let grow = fences.windows(2).all(|pair| pair.first() < pair.last());
    outcome.expect(grow, || format!("fences in the order of the log: {fences:?}"));
    let who = |event: &events::client::Whole| data(event)["tag"].as_str().unwrap_or_default().to_owned();
    let late = log.events.iter().filter(|event| who(event).starts_with("stopped:")).count();
    outcome.expect(late == 0, || format!("{late} holders wrote after their lease was over"));
    let expected = stopped + contests;
    outcome.expect(log.head == expected, || format!("there are {} events, not {expected}", log.head));
}
