//! What a scenario works with: a server, the proxy, a driver, and a connection to the server that is none of theirs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use conformance::{Kind, Options, Server};
use redis::Connection;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::agent::{Agent, Host};
use super::proxy::Proxy;

/// How long a call of the load may take.
pub const DEADLINE: Duration = Duration::from_secs(1);
/// Callers of the load.
pub const CALLERS: u64 = 32;
/// Until a driver or a server has started.
const START: Duration = Duration::from_secs(30);
/// Answers that have come before a fault begins.
const WARM: u64 = 1000;
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// What all runs have in common.
pub struct Ground {
    pub runtime: Runtime,
    pub go_driver: PathBuf,
    pub seed: u64,
}

/// How the parts of a run are to be.
#[derive(Clone, Copy)]
pub struct Setup {
    /// More arguments of the server.
    pub arguments: &'static [&'static str],
    /// Messages that may wait for the subscriber.
    pub queue: u64,
    /// The load goes through the proxy; the publisher never does.
    pub proxied: bool,
    /// The fault is there before the load is.
    pub cold: bool,
}

/// The parts.
pub struct Rig {
    pub server: Server,
    pub admin: Connection,
    pub proxy: Proxy,
    pub agent: Agent,
    options: Options,
    setup: Setup,
}

impl Rig {
    /// Starts everything but the load.
    pub fn start(ground: &Ground, host: Host, kind: Kind, setup: Setup) -> Result<Self> {
        let arguments = setup.arguments.iter().map(|&argument| argument.to_owned()).collect();
        let options = Options { arguments, unix: false };
        let server = Server::start_with(kind, &options)?;
        let admin = connect(&server)?;
        let proxy = ground.runtime.block_on(Proxy::start(server.port(), ground.seed))?;
        let agent = Agent::start(host, &ground.go_driver)?;
        Ok(Self { server, admin, proxy, agent, options, setup })
    }

    /// Starts the load, and waits until it is under way, unless the fault is there from the start.
    pub fn load(&mut self) -> Result<()> {
        let direct = self.server.url();
        let url = if self.setup.proxied { format!("redis://127.0.0.1:{}", self.proxy.port) } else { direct.clone() };
        let deadline = u64::try_from(DEADLINE.as_millis())?;
        self.agent.order(&json!({
            "do": "start", "url": url, "publish": direct, "callers": CALLERS, "deadline_ms": deadline,
            "queue": self.setup.queue,
        }))?;
        self.agent.wait_for("started", START)?;
        if self.setup.cold {
            return Ok(());
        }
        let agent = &mut self.agent;
        until("the load is under way", || {
            let counts = &agent.stats()?["counts"];
            Ok(count(counts, "answered") >= WARM && count(counts, "messages") > 0)
        })
    }

    /// Ends the load. Gives what was counted.
    pub fn stop(&mut self) -> Result<Value> {
        self.agent.order(&json!({ "do": "stop" }))?;
        self.agent.wait_for("done", START)
    }

    /// Starts the server again, with more arguments.
    pub fn relaunch(&mut self, more: &[&str]) -> Result<()> {
        let mut options = self.options.clone();
        options.arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        self.server.set_options(options);
        self.server.relaunch()
    }

    /// Waits until a killed server serves again, and connects to it.
    pub fn reconnect(&mut self) -> Result<()> {
        self.server.wait_until_ready()?;
        self.admin = connect(&self.server)?;
        Ok(())
    }

    /// A command of the scenario's own.
    pub fn command(&mut self, words: &[&str]) -> Result<redis::Value> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.admin).with_context(|| format!("the server refuses {}", words.join(" ")))
    }

    /// Breaks all connections but the scenario's.
    pub fn kill_clients(&mut self) -> Result<()> {
        for kind in ["normal", "pubsub"] {
            self.command(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"])?;
        }
        Ok(())
    }

    /// The numbers of the connections that have subscribed.
    pub fn subscribers(&mut self) -> Result<Vec<String>> {
        let list: String = redis::cmd("CLIENT").arg(&["LIST", "TYPE", "pubsub"]).query(&mut self.admin)?;
        Ok(list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    }

    /// One figure of INFO.
    pub fn info(&mut self, section: &str, name: &str) -> Result<u64> {
        let info: String = redis::cmd("INFO").arg(section).query(&mut self.admin)?;
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|number| number.trim().parse().ok()).with_context(|| format!("INFO {section} has no {name}"))
    }
}

/// A connection of the harness's own, which knows nothing of Coracle.
fn connect(server: &Server) -> Result<Connection> {
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_connection_with_timeout(START)?;
    connection.set_read_timeout(Some(START))?;
    redis::cmd("PING").query::<()>(&mut connection).map_err(Into::into).and(Ok(connection))
}

/// A count, 0 where there is none.
pub fn count(counts: &Value, name: &str) -> u64 {
    counts[name].as_u64().unwrap_or_default()
}

/// Looks until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + START;
    while !so()? {
        if Instant::now() > deadline {
            bail!("waited {START:?} in vain until {what}");
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
