//! The event store under real faults: both hosts at once on one store. `README.md` says what is checked.

mod agent;
mod audit;
mod bank;
mod boundary;
pub mod drive;
mod failover;
mod followers;
mod ledger;
mod locks;
mod log;
mod migration;
mod outcome;
mod stage;
mod writer;

use std::time::Instant;

use anyhow::Result;
use conformance::Kind;

use crate::run::Wanted;
use crate::run::rig::Ground;
use outcome::{Outcome, Run};

/// A scenario, which is over once what came out was held against the log.
struct Scenario {
    name: &'static str,
    play: fn(&Scene<'_>, &mut Outcome) -> Result<()>,
    /// Part of the short run.
    quick: bool,
}

/// Where, and how long, it is played.
pub struct Scene<'a> {
    pub ground: &'a Ground,
    pub kind: Kind,
    /// The short form.
    pub quick: bool,
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "one boundary", play: boundary::play, quick: true },
    Scenario { name: "bank, kill -9", play: bank::killed, quick: false },
    Scenario { name: "bank, cut links", play: bank::cut, quick: false },
    Scenario { name: "bank, both", play: bank::both, quick: true },
    Scenario { name: "locks", play: locks::play, quick: true },
    Scenario { name: "fail-over", play: failover::play, quick: true },
    Scenario { name: "slot migration", play: migration::play, quick: true },
];

/// Runs what is wanted, and prints the table. False if a promise was not kept.
pub fn all(ground: &Ground, wanted: &Wanted) -> Result<bool> {
    let mut runs = Vec::new();
    let chosen = |wish: &Option<String>, name: &str| wish.as_ref().is_none_or(|wish| name.contains(wish.as_str()));
    for scenario in SCENARIOS.iter().filter(|one| chosen(&wanted.scenario, one.name) && (one.quick || !wanted.quick)) {
        for kind in [Kind::Redis, Kind::Valkey].into_iter().filter(|kind| chosen(&wanted.server, kind.program())) {
            runs.push(one(scenario, &Scene { ground, kind, quick: wanted.quick }));
        }
    }
    let report = outcome::markdown(&runs, ground.seed);
    println!("\n{report}");
    std::fs::create_dir_all("target/faults")?;
    std::fs::write("target/faults/events.md", report)?;
    Ok(!runs.is_empty() && runs.iter().all(|run| run.outcome.is_fine()))
}

/// One run, with a line of progress.
fn one(scenario: &Scenario, scene: &Scene<'_>) -> Run {
    let started = Instant::now();
    let server = scene.kind.program();
    println!("    {:<16} {:<14} ...", scenario.name, server);
    let mut outcome = Outcome::default();
    if let Err(error) = (scenario.play)(scene, &mut outcome) {
        outcome.fault(format!("{error:#}"));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("    {:<16} {:<14} {seconds:.1} s: {}", "", "", if outcome.is_fine() { "ok" } else { "FAILED" });
    Run { scenario: scenario.name, server, seconds, outcome }
}
