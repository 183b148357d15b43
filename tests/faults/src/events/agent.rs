//! A process that works on the store through one of the hosts.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use conformance::Signal;
use serde_json::{Value, json};

use crate::run::agent::Host;

/// Until something has happened that needs no more than a while.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent. Dropping it kills it.
pub struct Agent {
    pub host: Host,
    child: Child,
    orders: ChildStdin,
    lines: mpsc::Receiver<Value>,
    /// Lines that came before they were waited for.
    early: VecDeque<Value>,
}

impl Agent {
    /// Starts the agent of this host, on the store of this name at this server.
    pub fn start(host: Host, go_agent: &Path, url: &str, namespace: &str, deadline: Duration) -> Result<Self> {
        let mut command = match host {
            Host::Rust => Command::new(std::env::current_exe()?),
            Host::Go => Command::new(go_agent),
        };
        let mut child = command
            .arg("drive-events")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("the {} agent does not start: make faults-events builds it", host.name()))?;
        let orders = child.stdin.take().context("the agent has no input")?;
        let stdout = child.stdout.take().context("the agent has no output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "say": "garbage", "line": line }));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Self { host, child, orders, lines, early: VecDeque::new() };
        let deadline = u64::try_from(deadline.as_millis())?;
        agent.order(&json!({ "do": "open", "url": url, "namespace": namespace, "deadline_ms": deadline }))?;
        agent.wait("opened", |_| true)?;
        Ok(agent)
    }

    /// Gives an order.
    pub fn order(&mut self, order: &Value) -> Result<()> {
        writeln!(self.orders, "{order}").with_context(|| format!("the {} agent is gone", self.host.name()))
    }

    /// Gives an order, and waits for the line with its tag that says this.
    pub fn ask(&mut self, order: &Value, say: &str) -> Result<Value> {
        self.order(order)?;
        self.tagged(say, order["tag"].as_str().unwrap_or_default())
    }

    /// Waits for the line with this tag that says this.
    pub fn tagged(&mut self, say: &str, tag: &str) -> Result<Value> {
        self.wait(say, |line| line["tag"].as_str().unwrap_or_default() == tag)
    }

    /// Waits for a line that says this, and is the one that is meant. Others are kept.
    pub fn wait(&mut self, say: &str, meant: impl Fn(&Value) -> bool) -> Result<Value> {
        let fits = |line: &Value| line["say"] == say && meant(line);
        if let Some(at) = self.early.iter().position(fits) {
            return self.early.remove(at).context("it was there");
        }
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = self.receive(deadline)? {
            if fits(&line) {
                return Ok(line);
            }
            self.early.push_back(line);
        }
        bail!("the {} agent did not say {say} within {PATIENCE:?}", self.host.name())
    }

    /// All lines that are there, which are waited for a moment.
    pub fn heard(&mut self, moment: Duration) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = self.early.drain(..).collect();
        let deadline = Instant::now() + moment;
        while let Some(line) = self.receive(if all.is_empty() { deadline } else { Instant::now() })? {
            all.push(line);
        }
        Ok(all)
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        conformance::send(&self.child, signal)
    }

    fn receive(&mut self, deadline: Instant) -> Result<Option<Value>> {
        let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => return Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("the {} agent ended: {:?}", self.host.name(), self.child.wait()?)
            }
        };
        match line["say"].as_str() {
            Some("garbage" | "misunderstood") | None => bail!("the {} agent said {line}", self.host.name()),
            Some(_) => Ok(Some(line)),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
