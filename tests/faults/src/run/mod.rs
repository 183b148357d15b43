//! The runner: each scenario with each host and each server.

pub mod agent;
pub mod proxy;
mod report;
pub mod rig;
mod scenarios;
pub mod soak;
mod verify;

use std::time::{Duration, Instant};

use anyhow::Result;
use conformance::Kind;
use serde_json::json;

use agent::Host;
use report::Run;
use rig::{Ground, Rig};
use scenarios::{SCENARIOS, Scenario};
use verify::Verdict;

/// How long calls and messages may take to come back after a fault.
const RECOVERY: Duration = Duration::from_secs(20);
/// How long the load goes on after that.
const AFTERMATH: Duration = Duration::from_millis(300);

/// Which runs are wanted; nothing set means all.
#[derive(Default)]
pub struct Wanted {
    pub quick: bool,
    pub scenario: Option<String>,
    pub host: Option<String>,
    pub server: Option<String>,
}

impl Wanted {
    fn wants(&self, scenario: &Scenario, host: Host, kind: Kind) -> bool {
        let chosen = |wish: &Option<String>, name: &str| wish.as_ref().is_none_or(|wish| name.contains(wish.as_str()));
        (!self.quick || (scenario.quick && kind == Kind::Redis))
            && chosen(&self.scenario, scenario.name)
            && chosen(&self.host, host.name())
            && chosen(&self.server, kind.program())
    }
}

/// Runs what is wanted, and prints the table. False if a promise was not kept.
pub fn all(ground: &Ground, wanted: &Wanted) -> Result<bool> {
    let mut runs = Vec::new();
    for scenario in SCENARIOS {
        for host in [Host::Rust, Host::Go] {
            for kind in [Kind::Redis, Kind::Valkey] {
                if wanted.wants(scenario, host, kind) {
                    runs.push(one(ground, scenario, host, kind));
                }
            }
        }
    }
    let report = report::markdown(&runs, ground.seed);
    println!("\n{report}");
    std::fs::create_dir_all("target/faults")?;
    std::fs::write("target/faults/report.md", report)?;
    Ok(!runs.is_empty() && runs.iter().all(|run| run.faults().is_empty()))
}

/// One run, with a line of progress.
fn one(ground: &Ground, scenario: &'static Scenario, host: Host, kind: Kind) -> Run {
    let started = Instant::now();
    let mut run = Run {
        scenario: scenario.name,
        host: host.name(),
        server: kind.program(),
        done: json!({}),
        found: Verdict::default(),
        calls_back: None,
        news_back: None,
        broken: None,
    };
    println!("    {:<18} {:<5} {:<14} ...", run.scenario, run.host, run.server);
    if let Err(error) = play(ground, scenario, host, kind, &mut run) {
        run.broken = Some(format!("{error:#}"));
    }
    let faults = run.faults();
    let verdict = if faults.is_empty() { "ok".to_owned() } else { faults.join("; ") };
    println!("    {:<18} {:<5} {:<14} {:.1} s: {verdict}", "", "", "", started.elapsed().as_secs_f64());
    run
}

fn play(ground: &Ground, scenario: &Scenario, host: Host, kind: Kind, run: &mut Run) -> Result<()> {
    let mut rig = Rig::start(ground, host, kind, scenario.setup)?;
    (scenario.prepare)(&mut rig)?;
    rig.load()?;
    (scenario.fault)(&mut rig)?;
    rig.agent.recover(RECOVERY)?;
    run.calls_back = rig.agent.recovered.get("calls").copied();
    run.news_back = rig.agent.recovered.get("news").copied();
    std::thread::sleep(AFTERMATH);
    run.done = rig.stop()?;
    run.found = verify::look(&mut rig.admin, &run.done, &rig.agent.unsure)?;
    Ok(())
}
