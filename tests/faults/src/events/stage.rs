//! What scenarios work with: a server, the proxy in front of it, an agent of each host, and a connection of their own.

use std::time::Duration;

use anyhow::{Context, Result};
use conformance::{Options, Server};
use redis::{Commands, Connection};
use serde_json::{Value, json};

use crate::run::agent::Host;
use crate::run::proxy::Proxy;

use super::Scene;
use super::agent::Agent;
use super::audit::audit;
use super::log::Log;
use super::outcome::Outcome;

/// The store's name.
pub const NAMESPACE: &str = "faults";
/// How long an operation of an agent may take, if nothing else is said.
pub const DEADLINE: Duration = Duration::from_secs(3);
/// What is acknowledged is on the disk.
pub const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// The parts.
pub struct Stage {
    pub server: Server,
    pub proxy: Proxy,
    pub rust: Agent,
    pub go: Agent,
}

impl Stage {
    /// Starts all of them.
    pub fn start(scene: &Scene<'_>) -> Result<Self> {
        let server = server(scene, DURABLE)?;
        listen(&mut connect(&server)?)?;
        let proxy = scene.ground.runtime.block_on(Proxy::start(server.port(), scene.ground.seed))?;
        let (rust, go) = agents(scene, &format!("redis://127.0.0.1:{}", proxy.port), DEADLINE)?;
        Ok(Self { server, proxy, rust, go })
    }

    /// Both agents.
    pub fn agents(&mut self) -> [&mut Agent; 2] {
        [&mut self.rust, &mut self.go]
    }

    /// The agent whose turn it is, and the other one.
    pub fn turns(&mut self, turn: u64) -> (&mut Agent, &mut Agent) {
        if turn.is_multiple_of(2) { (&mut self.rust, &mut self.go) } else { (&mut self.go, &mut self.rust) }
    }

    /// Kills the server, and starts it again with what is on its disk.
    pub fn kill(&mut self, outage: Duration) -> Result<()> {
        self.server.kill()?;
        std::thread::sleep(outage);
        self.server.relaunch()?;
        self.server.wait_until_ready()
    }

    /// The log in the end, with all keys held against it, and what the store itself finds.
    pub fn look(&mut self, outcome: &mut Outcome) -> Result<Log> {
        let log = look(&self.server, outcome)?;
        for agent in self.agents() {
            verify(agent, log.head, outcome)?;
        }
        Ok(log)
    }
}

/// A server.
pub fn server(scene: &Scene<'_>, arguments: &[&str]) -> Result<Server> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Server::start_with(scene.kind, &Options { arguments, unix: false })
}

/// An agent of each host.
pub fn agents(scene: &Scene<'_>, url: &str, deadline: Duration) -> Result<(Agent, Agent)> {
    let start = |host| Agent::start(host, &scene.ground.go_driver, url, NAMESPACE, deadline);
    Ok((start(Host::Rust)?, start(Host::Go)?))
}

/// A connection that knows nothing of Coracle.
pub fn connect(server: &Server) -> Result<Connection> {
    redis::Client::open(server.url())?.get_connection().context("connecting to the server")
}

/// Has all appends ring the bell, as if somebody listened until the end: the audit is to find it at the head.
pub fn listen(server: &mut Connection) -> Result<()> {
    let for_ever = u64::from(u32::MAX) * 1000;
    server.hset(format!("{{{NAMESPACE}}}:h"), "w", for_ever).context("listening to the bell")
}

/// Reads the log, and holds all keys against it.
pub fn look(server: &Server, outcome: &mut Outcome) -> Result<Log> {
    let log = Log::read(&server.url(), NAMESPACE)?;
    outcome.faults(audit(&mut connect(server)?, NAMESPACE, &log)?);
    outcome.count("events", log.head);
    Ok(log)
}

/// Has the store check itself.
pub fn verify(agent: &mut Agent, head: u64, outcome: &mut Outcome) -> Result<()> {
    let found: Value = agent.ask(&json!({ "do": "verify" }), "verified")?;
    let fine = found["how"] == "done" && found["faults"] == 0 && found["events"] == head;
    outcome.expect(fine, || format!("verify of the {} host, at head {head}: {found}", agent.host.name()));
    Ok(())
}
