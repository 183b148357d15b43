//! Runs a script: its steps, then a calm network, on which everything must come to a good end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coracle::{Client, Config, Limits, Repeat};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::callers::call;
use crate::connection::Connection;
use crate::script::{Call, Close, Command, End, Script, Shape, Step, Verb, Wait};
use crate::subscribers::subscriber;
use crate::transport::Network;
use crate::world::{State, World};

/// How long a run may wait for what must happen, so that what does not is a failure. No time passes but where all tasks
/// wait: the clock is tokio's paused one.
const PATIENCE: Duration = Duration::from_secs(600);
/// Calls of this crate's own have ids from here on.
const OWN: u64 = 1_000_000;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// What did not hold.
    pub violations: Vec<String>,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Bytes that each connection took and gave before the network became calm.
    pub bytes: Vec<(u64, u64)>,
}

/// Runs a script.
#[must_use]
pub fn run(script: &Script) -> Report {
    let runtime = match Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime,
        Err(error) => return Report { violations: vec![error.to_string()], ..Report::default() },
    };
    let world = Arc::new(World::new(script));
    let mut violations = Vec::new();
    let failed = runtime.block_on(async {
        match timeout(PATIENCE, play(script, &world)).await {
            Ok(result) => result.err(),
            Err(_) => Some(format!("it hangs: {}", world.look(|state| format!("{:?}", state.calls)))),
        }
    });
    drop(runtime);
    violations.extend(failed);
    world.look(|state| {
        violations.extend(state.server.violations.iter().cloned());
        violations.extend(state.calls.check(script, &state.server));
        violations.extend(state.readers.check_dropped());
        if script.dials.is_some_and(|dials| dials != state.dials) {
            violations.push(format!("{} connections were asked for", state.dials));
        }
        Report { violations, faults: state.faults.clone(), bytes: state.bytes.clone() }
    })
}

async fn play(script: &Script, world: &Arc<World>) -> Result<(), String> {
    let mut client = Some(client(script, world).await?);
    let mut closed = false;
    for step in &script.steps {
        match (step, &client) {
            (Step::Close(Close::Drop), _) => {
                client = None;
                world.change(|state| {
                    state.calls.cancel_all();
                    state.readers.leave_all();
                });
            }
            (Step::Close(how), Some(client)) => {
                closed = true;
                let (client, how) = (client.clone(), *how);
                let within = if how == Close::Now { Duration::ZERO } else { PATIENCE };
                tokio::spawn(async move { client.close(within).await });
            }
            (_, client) => take(step, world, client.as_ref()).await,
        }
    }
    world.change(|state| state.calm());
    world.change(|state| state.readers.read_all());
    world.until(|state| state.calls.have_ended()).await;
    if let Some(client) = client.filter(|_| !closed) {
        recover(world, &client).await?;
        world.change(|state| state.readers.leave_all());
        client.close(PATIENCE).await;
    }
    world.until(|state| state.readers.are_over()).await;
    world.until(|state| state.connections.iter().all(|connection| connection.closed)).await;
    Ok(())
}

async fn client(script: &Script, world: &Arc<World>) -> Result<Client, String> {
    let limits = Limits {
        hold_above: script.hold_above,
        pass_above: script.pass_above,
        links: script.links,
        ..Limits::default()
    };
    let config = Config::new("redis://model").map_err(|error| error.to_string())?;
    let config = config.limits(limits).deadline(None).library("drivers", "1").connector(Network(Arc::clone(world)));
    let config = config.repeat(if script.repeat { Repeat::Allowed } else { Repeat::Never });
    config.start().await.map_err(|error| error.to_string())
}

async fn take(step: &Step, world: &Arc<World>, client: Option<&Client>) {
    match step {
        Step::Calls(calls) => {
            if let Some(client) = client {
                start(world, client, calls);
            }
        }
        Step::Wait(wait) => wait_for(*wait, world).await,
        Step::Cancel(id) => world.change(|state| {
            state.calls.cancel(*id);
            *state.faults.entry("cancel").or_default() += 1;
        }),
        Step::Release(_) => world.change(|state| state.release()),
        Step::Subscribe(subscribe) => {
            if let Some(client) = client {
                let signals = world.change(|state| state.readers.start(subscribe));
                tokio::spawn(subscriber(Arc::clone(world), client.clone(), subscribe.clone(), signals));
            }
        }
        Step::Unsubscribe(id) => world.change(|state| state.readers.leave(*id)),
        Step::Read(id) => world.change(|state| state.readers.read(*id)),
        Step::Publish(publish) => {
            world.change(|state| state.publish(&publish.channel, publish.count, publish.size));
        }
        Step::Arm(faults) => world.change(|state| state.arm(faults)),
        Step::Cut(how) => world.change(|state| state.cut(*how)),
        Step::Close(_) => {}
    }
}

fn start(world: &Arc<World>, client: &Client, calls: &[Call]) {
    for one in calls {
        let leave = world.change(|state| {
            let leave = state.calls.start(one);
            if let Some(bytes) = one.cancel_at {
                state.leave_at(bytes, Arc::clone(&leave));
            }
            leave
        });
        tokio::spawn(call(Arc::clone(world), client.clone(), one.clone(), leave));
    }
}

async fn wait_for(wait: Wait, world: &World) {
    let drained = |connection: &Connection| connection.is_drained();
    world
        .until(|state| match wait {
            Wait::Ready => state.connections.iter().any(|at| at.is_open() && at.given > 0 && at.is_drained()),
            Wait::Stalled => state.is_stalled(),
            Wait::Ended => state.calls.have_ended(),
            Wait::Left => state.calls.have_left(),
            Wait::Confirmed => state.readers.are_confirmed(),
            Wait::Drained => state.connections.iter().all(drained),
            Wait::Heard => state.readers.are_up_to_date(&state.server),
            Wait::Settled => state.is_stalled() || state.calls.have_ended() && state.readers.are_confirmed(),
        })
        .await;
}

/// Faults are over: a command is answered, and every subscriber gets what is published.
async fn recover(world: &Arc<World>, client: &Client) -> Result<(), String> {
    for id in OWN.. {
        let before = world.look(|state| state.events);
        let commands = vec![Command { verb: Verb::Push, size: 100, count: 0 }];
        start(world, client, &[Call { id, shape: Shape::Single, commands, cancel_at: None }]);
        world.until(|state| state.calls.have_ended()).await;
        if world.look(|state| state.calls.ends(id) == [End::Reply]) {
            break;
        }
        world.until(|state| state.events != before).await;
    }
    loop {
        let subscribed = |state: &State| state.readers.channels().iter().all(|channel| state.is_subscribed(channel));
        world.until(|state| state.readers.are_confirmed() && subscribed(state)).await;
        world.change(|state| {
            for channel in state.readers.channels() {
                state.publish(&channel, 1, 0);
            }
        });
        let whole = |state: &State| state.readers.are_up_to_date(&state.server);
        world.until(|state| whole(state) || !subscribed(state)).await;
        if world.look(whole) {
            break;
        }
    }
    // A channel that nobody reads is one that the server does not send.
    world.until(|state| state.subscriptions() == state.readers.channels()).await;
    let stats = client.stats();
    if stats.traps > 0 {
        return Err("the core was lost".to_owned());
    }
    match world.look(|state| state.readers.dropped()) {
        Some(told) if told != stats.messages_dropped => {
            Err(format!("{} messages were dropped, and readers were told of {told}", stats.messages_dropped))
        }
        _ => Ok(()),
    }
}
