//! A driver: a process that puts load on a server through one of the hosts.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Which host it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Rust,
    Go,
}

impl Host {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
        }
    }
}

/// Appends that were not confirmed, by caller and token, and how they ended.
pub type Unsure = HashMap<(u64, u64), bool>;

/// A running driver. Dropping it kills it.
pub struct Agent {
    child: Child,
    orders: ChildStdin,
    lines: mpsc::Receiver<Value>,
    /// True where nobody knows, false where it was not executed.
    pub unsure: Unsure,
    /// Milliseconds from the fault's end to the first success, of calls and of messages.
    pub recovered: HashMap<String, u64>,
}

impl Agent {
    /// Starts the driver of this host.
    pub fn start(host: Host, go_driver: &Path) -> Result<Self> {
        let mut command = match host {
            Host::Rust => Command::new(std::env::current_exe()?),
            Host::Go => Command::new(go_driver),
        };
        let mut child = command
            .arg("drive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("the {} driver does not start: make faults builds it", host.name()))?;
        let orders = child.stdin.take().context("the driver has no input")?;
        let stdout = child.stdout.take().context("the driver has no output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "say": "garbage", "line": line }));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, orders, lines, unsure: Unsure::new(), recovered: HashMap::new() })
    }

    /// Gives an order.
    pub fn order(&mut self, order: &Value) -> Result<()> {
        writeln!(self.orders, "{order}").context("the driver is gone")
    }

    /// Waits for a line that says this.
    pub fn wait_for(&mut self, say: &str, bound: Duration) -> Result<Value> {
        let deadline = Instant::now() + bound;
        while let Some(line) = self.next(deadline)? {
            if line["say"] == say {
                return Ok(line);
            }
        }
        bail!("the driver did not say {say} within {bound:?}")
    }

    /// Says that the fault is over, and waits until calls and messages are back. False if they are not in time.
    pub fn recover(&mut self, bound: Duration) -> Result<bool> {
        self.recovered.clear();
        self.order(&json!({ "do": "mark" }))?;
        let deadline = Instant::now() + bound;
        while self.recovered.len() < 2 {
            if self.next(deadline)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Its counters.
    pub fn stats(&mut self) -> Result<Value> {
        self.order(&json!({ "do": "stats" }))?;
        self.wait_for("stats", Duration::from_secs(10))
    }

    /// Kilobytes of memory that the process holds.
    pub fn rss(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("{path}: memory is read on Linux"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).with_context(|| status.clone())?;
        line.trim_end_matches("kB").trim().parse().with_context(|| format!("no number: {line}"))
    }

    /// The next line, noted. `None` at the deadline.
    fn next(&mut self, deadline: Instant) -> Result<Option<Value>> {
        let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => return Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the driver ended: {:?}", self.child.wait()?),
        };
        let number = |name: &str| line[name].as_u64().with_context(|| format!("no {name} in {line}"));
        match line["say"].as_str() {
            Some("append") => {
                self.unsure.insert((number("c")?, number("n")?), line["how"] == "maybe");
            }
            Some("recovered") => {
                let what = line["what"].as_str().unwrap_or_default().to_owned();
                self.recovered.insert(what, number("ms")?);
            }
            Some("garbage") | None => bail!("the driver said {line}"),
            Some(_) => {}
        }
        Ok(Some(line))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
