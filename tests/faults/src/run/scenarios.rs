//! The faults, one function each. A scenario returns once its fault is over.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::Signal;
use serde_json::json;

use super::rig::{DEADLINE, Rig, Setup, until};

/// A fault, and what it needs.
pub struct Scenario {
    pub name: &'static str,
    pub setup: Setup,
    /// What is done before the load begins.
    pub prepare: fn(&mut Rig) -> Result<()>,
    pub fault: fn(&mut Rig) -> Result<()>,
    /// Part of the short run.
    pub quick: bool,
}

/// What is confirmed is on the disk.
const DURABLE: &[&str] = &[
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--enable-debug-command",
    "yes",
    "--loading-process-events-interval-bytes",
    "65536",
];
/// Of the subscriber's queue: more than an outage can fill.
const QUEUE: u64 = 100_000;
const PLAIN: Setup = Setup { arguments: DURABLE, queue: QUEUE, proxied: false, cold: false };
const COLD: Setup = Setup { cold: true, ..PLAIN };
const PROXIED: Setup = Setup { proxied: true, ..PLAIN };

/// How long something is broken, where nothing else says so.
const OUTAGE: Duration = Duration::from_millis(1500);
/// Keys that take the server a while to load.
const KEYS: &str = "300000";
/// One key in so many, by chance, costs the shortest nap, which is some 60 µs: together, three seconds and more.
const LOAD_DELAY: &str = "-5";

/// All scenarios, in the order in which they run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "kill -9", setup: PLAIN, prepare: nothing, fault: kill, quick: true },
    Scenario { name: "SIGSTOP", setup: PLAIN, prepare: nothing, fault: pause, quick: true },
    Scenario { name: "CLIENT KILL", setup: PLAIN, prepare: nothing, fault: kill_clients, quick: false },
    Scenario { name: "slow subscriber", setup: SLOW, prepare: nothing, fault: slow_subscriber, quick: false },
    Scenario { name: "maxclients", setup: PLAIN, prepare: nothing, fault: no_room, quick: false },
    Scenario { name: "LOADING", setup: PLAIN, prepare: fill, fault: load_again, quick: false },
    Scenario { name: "LOADING at start", setup: COLD, prepare: fill_and_restart, fault: loaded, quick: false },
    Scenario { name: "password", setup: PLAIN, prepare: nothing, fault: other_password, quick: false },
    Scenario { name: "READONLY", setup: PLAIN, prepare: nothing, fault: readonly, quick: false },
    Scenario { name: "proxy cuts", setup: PROXIED, prepare: nothing, fault: cuts, quick: true },
];

/// The server gives up on a subscriber early, and its queue is small.
const SLOW: Setup = Setup {
    arguments: &[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--client-output-buffer-limit",
        "pubsub 1mb 512kb 1",
    ],
    queue: 64,
    proxied: true,
    cold: false,
};

fn nothing(_: &mut Rig) -> Result<()> {
    Ok(())
}

/// Twice, so that a client that has recovered once is also seen to do it again.
fn kill(rig: &mut Rig) -> Result<()> {
    for _ in 0..2 {
        rig.server.kill()?;
        sleep(OUTAGE / 2);
        rig.relaunch(&[])?;
        rig.reconnect()?;
        sleep(OUTAGE / 3);
    }
    rig.server.kill()?;
    rig.relaunch(&[])?;
    rig.reconnect()
}

fn pause(rig: &mut Rig) -> Result<()> {
    rig.server.signal(Signal::STOP)?;
    sleep(DEADLINE * 5 / 2);
    rig.server.signal(Signal::CONT)?;
    redis::cmd("PING").query(&mut rig.admin).map_err(Into::into)
}

fn kill_clients(rig: &mut Rig) -> Result<()> {
    let end = Instant::now() + OUTAGE * 2;
    while Instant::now() < end {
        rig.kill_clients()?;
        sleep(OUTAGE / 10);
    }
    Ok(())
}

/// Nobody takes messages: first not from the queue, then not from the socket, until the server gives up.
fn slow_subscriber(rig: &mut Rig) -> Result<()> {
    rig.agent.order(&json!({ "do": "deaf" }))?;
    sleep(OUTAGE);
    rig.proxy.stall(true);
    let before = rig.subscribers()?;
    let flood = "x".repeat(64 << 10);
    until("the server has cut the subscriber off", || {
        for _ in 0..16 {
            rig.command(&["PUBLISH", "f:flood", &flood])?;
        }
        let now = rig.subscribers()?;
        Ok(!before.iter().any(|one| now.contains(one)))
    })?;
    rig.proxy.stall(false);
    rig.agent.order(&json!({ "do": "hear" }))
}

fn no_room(rig: &mut Rig) -> Result<()> {
    // The scenario's own connection is the one.
    rig.command(&["CONFIG", "SET", "maxclients", "1"])?;
    rig.kill_clients()?;
    sleep(OUTAGE);
    let refused = rig.info("stats", "rejected_connections")?;
    rig.command(&["CONFIG", "SET", "maxclients", "1000"])?;
    ensure!(refused > 0, "no connection was refused");
    Ok(())
}

/// Many keys, on the disk.
fn fill(rig: &mut Rig) -> Result<()> {
    rig.command(&["DEBUG", "POPULATE", KEYS, "filler"])?;
    // Populating is not written to the file by itself.
    rig.command(&["BGREWRITEAOF"])?;
    until("the keys are on the disk", || {
        Ok(rig.info("persistence", "aof_rewrite_in_progress")? == 0
            && rig.info("persistence", "aof_rewrite_scheduled")? == 0)
    })
}

fn load_again(rig: &mut Rig) -> Result<()> {
    rig.server.kill()?;
    rig.relaunch(&["--key-load-delay", LOAD_DELAY])?;
    loaded(rig)
}

fn fill_and_restart(rig: &mut Rig) -> Result<()> {
    fill(rig)?;
    rig.server.kill()?;
    rig.relaunch(&["--key-load-delay", LOAD_DELAY])
}

fn loaded(rig: &mut Rig) -> Result<()> {
    rig.reconnect()
}

fn other_password(rig: &mut Rig) -> Result<()> {
    rig.command(&["CONFIG", "SET", "requirepass", "other"])?;
    rig.kill_clients()?;
    sleep(OUTAGE);
    rig.command(&["CONFIG", "SET", "requirepass", ""])?;
    Ok(())
}

/// As a replica of a primary that nobody can reach, so that its data stay.
fn readonly(rig: &mut Rig) -> Result<()> {
    rig.command(&["REPLICAOF", "127.0.0.1", "1"])?;
    sleep(OUTAGE);
    rig.command(&["REPLICAOF", "NO", "ONE"])?;
    Ok(())
}

/// From a few bytes, within the handshake, to what carries many replies.
fn cuts(rig: &mut Rig) -> Result<()> {
    for budget in [200, 20_000, 1_000_000] {
        rig.proxy.cut(budget);
        sleep(OUTAGE);
    }
    rig.proxy.cut(0);
    ensure!(rig.proxy.cuts() > 10, "only {} connections were cut", rig.proxy.cuts());
    Ok(())
}
