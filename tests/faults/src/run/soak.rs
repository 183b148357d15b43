//! A soak: mixed load for minutes, under cuts and broken connections, and nothing may grow.

use std::fmt::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use conformance::Kind;

use super::agent::Host;
use super::report::NEVER;
use super::rig::{Ground, Rig, Setup, count};
use super::{RECOVERY, verify};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// Between two rounds of broken connections.
const KILLS: Duration = Duration::from_secs(5);
/// What a connection carries in a direction before it is cut, at most: some seconds of load, as a client takes links
/// that break at once for failed attempts, and waits.
const BUDGET: u64 = 200_000_000;
/// Looks that don't count: pools fill, and the first values of the Go runtime's heap are below what it settles at.
const WARM_UP: usize = 2;

/// One look at a driver.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// Kilobytes of the process.
    rss: u64,
    /// Kilobytes of the instances of the core.
    memory: u64,
    /// Tokio tasks, or goroutines.
    tasks: u64,
}

/// What may differ between the medians of the first quarter and of the last: a share, and something for small figures.
struct Tolerance {
    what: &'static str,
    of: fn(&Look) -> u64,
    share: u64,
    grace: u64,
}

const TOLERANCES: [Tolerance; 3] = [
    Tolerance { what: "RSS KiB", of: |look| look.rss, share: 10, grace: 8 << 10 },
    Tolerance { what: "instance KiB", of: |look| look.memory, share: 0, grace: 256 },
    Tolerance { what: "tasks", of: |look| look.tasks, share: 0, grace: 8 },
];

const SETUP: Setup = Setup { arguments: &[], queue: 100_000, proxied: true, cold: false };

/// Both hosts at once, each with a server of its own. False if something grew, or a promise was not kept.
pub fn both(ground: &Ground, length: Duration) -> Result<bool> {
    let hosts = [(Host::Rust, Kind::Redis), (Host::Go, Kind::Valkey)];
    let results = std::thread::scope(|scope| {
        let running = hosts.map(|(host, kind)| scope.spawn(move || one(ground, host, kind, length)));
        running.map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a soak panicked"))?)
    });
    let (mut fine, mut report) = (true, String::new());
    for ((host, _), result) in hosts.iter().zip(results) {
        let (text, good) = result.with_context(|| format!("the soak of {}", host.name()))?;
        report += &text;
        fine &= good;
    }
    println!("\n{report}");
    std::fs::create_dir_all("target/faults")?;
    std::fs::write("target/faults/soak.md", report)?;
    Ok(fine)
}

fn one(ground: &Ground, host: Host, kind: Kind, length: Duration) -> Result<(String, bool)> {
    let mut rig = Rig::start(ground, host, kind, SETUP)?;
    rig.load()?;
    rig.proxy.cut(BUDGET);
    let started = Instant::now();
    let mut looks = Vec::new();
    let mut next = EVERY;
    while started.elapsed() < length {
        sleep(KILLS.min(length.saturating_sub(started.elapsed())));
        rig.kill_clients()?;
        if started.elapsed() >= next {
            next += EVERY;
            looks.push(look(&mut rig, host, started)?);
        }
    }
    rig.proxy.cut(0);
    let back = rig.agent.recover(RECOVERY)?;
    let done = rig.stop()?;
    let found = verify::look(&mut rig.admin, &done, &rig.agent.unsure)?;
    let settled = looks.get(WARM_UP..).unwrap_or_default();
    let (mut text, mut fine) = compare(host, settled);
    let broken: Vec<_> = NEVER.iter().filter(|name| count(&done, name) > 0).collect();
    if !back || !broken.is_empty() || found != verify::Verdict::default() {
        fine = false;
        let _ = writeln!(text, "- **{}: back: {back}, {broken:?}, {found:?}, {}**", host.name(), done["complaints"]);
    }
    let counts = ["sent", "answered", "maybe", "not_sent", "messages", "gaps"].map(|name| count(&done, name));
    let [sent, answered, maybe, not_sent, messages, gaps] = counts;
    let _ = writeln!(
        text,
        "- {}: {sent} sent, {answered} answered, {maybe} maybe executed, {not_sent} not sent; {messages} messages, {gaps} \
         gaps; {} cuts; seed {}\n",
        host.name(),
        rig.proxy.cuts(),
        ground.seed
    );
    Ok((text, fine))
}

fn look(rig: &mut Rig, host: Host, started: Instant) -> Result<Look> {
    let stats = rig.agent.stats()?;
    let look = Look { rss: rig.agent.rss()?, memory: count(&stats, "memory") >> 10, tasks: count(&stats, "tasks") };
    println!(
        "    {:<5} {:>5} s: RSS {:>7} KiB, instances {:>5} KiB, tasks {:>4}, sent {}, messages {}",
        host.name(),
        started.elapsed().as_secs(),
        look.rss,
        look.memory,
        look.tasks,
        count(&stats["counts"], "sent"),
        count(&stats["counts"], "messages"),
    );
    Ok(look)
}

/// The medians of the first quarter and of the last. False if one grew by more than is allowed.
fn compare(host: Host, looks: &[Look]) -> (String, bool) {
    let quarter = looks.len().div_ceil(4);
    let (first, last) = (looks.get(..quarter), looks.get(looks.len() - quarter..));
    let (mut text, mut fine) = (String::new(), !looks.is_empty());
    if looks.is_empty() {
        let _ = writeln!(text, "- **{}: too short to compare anything**", host.name());
    }
    for Tolerance { what, of, share, grace } in TOLERANCES {
        let (first, last) = (median(first, of), median(last, of));
        let allowed = first + first * share / 100 + grace;
        let grew = last > allowed;
        fine &= !grew;
        let verdict = if grew { "**GREW**" } else { "ok" };
        let _ = writeln!(text, "- {}: {what}: {first}, then {last}; at most {allowed}: {verdict}", host.name());
    }
    (text, fine)
}

fn median(looks: Option<&[Look]>, of: fn(&Look) -> u64) -> u64 {
    let mut figures: Vec<_> = looks.unwrap_or_default().iter().map(of).collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_growth_from_noise() {
        let flat = |rss| Look { rss, memory: 2048, tasks: 40 };
        let noisy: Vec<_> = (0..40).map(|n| flat(50_000 + n % 7 * 1000)).collect();
        assert!(compare(Host::Rust, &noisy).1);
        let leaking: Vec<_> = (0..40).map(|n| flat(50_000 + n * 1000)).collect();
        assert!(!compare(Host::Rust, &leaking).1);
        let spawning: Vec<_> = (0..40).map(|n| Look { tasks: 40 + n, ..flat(50_000) }).collect();
        assert!(!compare(Host::Rust, &spawning).1);
        assert!(!compare(Host::Rust, &[]).1);
    }
}
