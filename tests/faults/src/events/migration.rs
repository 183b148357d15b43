//! A slot on its way from one node of a cluster to another, key by key, while appends go to both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use conformance::Server;
use coracle_events::layout::Layout;
use coracle_events::plan::append::Outcome as Said;
use coracle_events::scripts;
use redis::{Connection, FromRedisValue};

use crate::run::rig::until;

use super::Scene;
use super::audit::audit;
use super::log::Log;
use super::outcome::Outcome;
use super::stage::{NAMESPACE, connect, listen, server};
use super::writer::Writer;

const WRITERS: u64 = 6;
/// Events that are there before the slot moves.
const BEFORE: u64 = 200;
/// Between two keys that move.
const PAUSE: Duration = Duration::from_millis(40);
const QUICK_PAUSE: Duration = Duration::from_millis(10);
/// The slot goes there and back so often.
const MOVES: usize = 4;
const QUICK_MOVES: usize = 2;
const CLUSTER: &[&str] = &["--cluster-enabled", "yes", "--cluster-node-timeout", "60000"];
/// Slots of a cluster.
const SLOTS: u16 = 16384;

/// All of it.
pub fn play(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    let nodes = [server(scene, CLUSTER)?, server(scene, CLUSTER)?];
    let slot = join(&nodes)?;
    listen(&mut connect(&nodes[0])?)?;
    let ports = nodes.each_ref().map(Server::port);
    let state = &State::default();
    let (moves, pause) = if scene.quick { (QUICK_MOVES, QUICK_PAUSE) } else { (MOVES, PAUSE) };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || write(ports, state, number))).collect();
        let moved = (|| {
            until("there is something to move", || Ok(state.appended.load(Relaxed) >= BEFORE))?;
            for turn in 0..moves {
                let [one, other] = &nodes;
                let (from, to) = if turn % 2 == 0 { (one, other) } else { (other, one) };
                state.whole.store(turn % 2 == 0, Relaxed);
                let enough = state.appended.load(Relaxed) + BEFORE;
                until("there is more to move", || Ok(state.appended.load(Relaxed) >= enough))?;
                migrate(from, to, slot, pause, state)?;
            }
            anyhow::Ok(())
        })();
        state.over.store(true, Relaxed);
        for writer in writers {
            let told = writer.join().map_err(|_| anyhow!("a writer panicked"))??;
            told.iter().for_each(|(how, times)| outcome.count(how, *times));
        }
        moved
    })?;
    let [owner, _] = &nodes;
    let log = Log::read(&owner.url(), NAMESPACE)?;
    outcome.count("events", log.head);
    outcome.faults(audit(&mut connect(owner)?, NAMESPACE, &log)?);
    let appended = state.appended.load(Relaxed);
    // Nothing broke, so every append has an answer.
    outcome.expect(log.head == appended, || format!("{appended} were acknowledged, and {} are there", log.head));
    for (name, count) in [("while moving, here", &state.here), ("while moving, there", &state.there)] {
        outcome.count(name, count.load(Relaxed));
        outcome.expect(count.load(Relaxed) > 0, || format!("nothing was appended {name}"));
    }
    Ok(())
}

/// What mover and writers share.
#[derive(Default)]
pub struct State {
    over: AtomicBool,
    appended: AtomicU64,
    /// Keys are on both nodes.
    pub moving: AtomicBool,
    /// No segment of the log ends: the keys of the next one would be new, and all appends would wait for the slot.
    pub whole: AtomicBool,
    /// Appended meanwhile on the node that had the slot, and on the other one.
    pub here: AtomicU64,
    pub there: AtomicU64,
}

/// Makes a cluster of both, in which the first one has all slots but one, as a node without any becomes a replica.
/// Gives the store's slot.
fn join(nodes: &[Server; 2]) -> Result<u16> {
    let [one, other] = nodes;
    let mut first = connect(one)?;
    let slot: u16 = call(&mut first, &["CLUSTER", "KEYSLOT", &Layout::new(NAMESPACE).bell()])?;
    let spare = (slot + 1) % SLOTS;
    let rest: Vec<u16> = (0..SLOTS).filter(|number| *number != spare).collect();
    redis::cmd("CLUSTER").arg("ADDSLOTS").arg(rest).query::<()>(&mut first)?;
    call::<()>(&mut connect(other)?, &["CLUSTER", "ADDSLOTS", &spare.to_string()])?;
    call::<()>(&mut first, &["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()])?;
    for node in nodes {
        let mut connection = connect(node)?;
        until("the nodes have met", || {
            let info: String = call(&mut connection, &["CLUSTER", "INFO"])?;
            Ok(info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2"))
        })?;
        call::<String>(&mut connection, &["SCRIPT", "LOAD", &scripts::APPEND.source()])?;
    }
    Ok(slot)
}

fn migrate(from: &Server, to: &Server, slot: u16, pause: Duration, state: &State) -> Result<()> {
    let (mut source, mut target) = (connect(from)?, connect(to)?);
    let source_id: String = call(&mut source, &["CLUSTER", "MYID"])?;
    let target_id: String = call(&mut target, &["CLUSTER", "MYID"])?;
    let number = slot.to_string();
    call::<()>(&mut target, &["CLUSTER", "SETSLOT", &number, "IMPORTING", &source_id])?;
    call::<()>(&mut source, &["CLUSTER", "SETSLOT", &number, "MIGRATING", &target_id])?;
    state.moving.store(true, Relaxed);
    loop {
        let keys: Vec<String> = call(&mut source, &["CLUSTER", "GETKEYSINSLOT", &number, "1"])?;
        let Some(key) = keys.first() else { break };
        thread::sleep(pause);
        call::<()>(&mut source, &["MIGRATE", "127.0.0.1", &to.port().to_string(), key, "0", "5000"])?;
    }
    // All is there, and the source still says ASK.
    thread::sleep(pause * 10);
    state.moving.store(false, Relaxed);
    for connection in [&mut target, &mut source] {
        call::<()>(connection, &["CLUSTER", "SETSLOT", &number, "NODE", &target_id])?;
    }
    Ok(())
}

/// Appends on conditions until it is over. Gives how appends ended.
fn write(ports: [u16; 2], state: &State, number: u64) -> Result<Vec<(&'static str, u64)>> {
    let mut writer = Writer::new(ports, state, number)?;
    let [mut done, mut conflicts] = [0, 0];
    while !state.over.load(Relaxed) {
        match writer.append()? {
            Said::Appended(_) => {
                done += 1;
                state.appended.fetch_add(1, Relaxed);
            }
            Said::Conflict { .. } => conflicts += 1,
            other => bail!("an append ended by {other:?}"),
        }
    }
    Ok(vec![("done", done), ("conflict", conflicts), ("asked", writer.asked), ("try again", writer.later)])
}

fn call<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> Result<T> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command.query(connection).with_context(|| format!("the node refuses {}", words.join(" ")))
}
