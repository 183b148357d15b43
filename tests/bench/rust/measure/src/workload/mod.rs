//! The loads that clients are put under, one file each.

mod cached;
mod closed;
mod large;
mod mixed;
mod open;
mod paced;
mod pipelines;
mod pubsub;
mod scale;
mod sequential;
mod sizes;
#[cfg(test)]
mod tests;
mod ticker;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;

pub use open::{Once, open_once};

use crate::client::{Client, Opening};
use crate::plain::Plain;
use crate::result::{Result as Figures, Workload};

/// How long each load runs before it is measured.
pub const WARM_UP: Duration = Duration::from_millis(300);
/// How many keys the loads of small values use.
const MANY_KEYS: usize = 10_000;

/// One load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Sequential,
    Mixed64,
    Mixed1K,
    Pipelines,
    Large,
    PubSub,
    Cached,
    Sizes,
    Cold,
    First,
    Warm,
    Paced,
    Scale(usize),
}

/// What a run is given.
pub struct Env {
    pub addr: String,
    pub span: Duration,
    /// The load of W10, in operations a second; 0 stands for 60 % of what the client itself does at most.
    pub rate: f64,
    /// The client's name, for processes that open one.
    pub name: String,
    /// A connection beside the client's.
    server: Plain,
}

impl Env {
    pub fn new(addr: &str, name: &str, span: Duration, rate: f64) -> Result<Self> {
        Ok(Self { addr: addr.to_owned(), span, rate, name: name.to_owned(), server: Plain::dial(addr)? })
    }
}

impl Load {
    /// All of them, in the order in which they are to be run: W10 after W2.
    pub const ALL: [Self; 15] = [
        Self::Sequential,
        Self::Mixed64,
        Self::Mixed1K,
        Self::Pipelines,
        Self::Large,
        Self::PubSub,
        Self::Cached,
        Self::Sizes,
        Self::Cold,
        Self::First,
        Self::Warm,
        Self::Paced,
        Self::Scale(1),
        Self::Scale(100),
        Self::Scale(1000),
    ];

    pub fn named(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|load| load.name() == name) {
            Some(load) => Ok(load),
            None => bail!("there is no workload {name:?}"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "W1",
            Self::Mixed64 => "W2",
            Self::Mixed1K => "W3",
            Self::Pipelines => "W4",
            Self::Large => "W5",
            Self::PubSub => "W6",
            Self::Cached => "W7",
            Self::Sizes => "W8",
            Self::Cold => "W9",
            Self::First => "W9f",
            Self::Warm => "W9w",
            Self::Paced => "W10",
            Self::Scale(1) => "W11x1",
            Self::Scale(100) => "W11x100",
            Self::Scale(_) => "W11x1000",
        }
    }

    pub fn about(self) -> Workload {
        let about = match self {
            Self::Sequential => "1 task, sequential GET, 64 B".to_owned(),
            Self::Mixed64 => "64 tasks, 80 % GET 20 % SET, 64 B".to_owned(),
            Self::Mixed1K => "256 tasks, 80 % GET 20 % SET, 1 KiB".to_owned(),
            Self::Pipelines => "4 tasks, pipelines of 100 SET, 64 B".to_owned(),
            Self::Large => "4 tasks, GET of 1 MiB".to_owned(),
            Self::PubSub => format!("pub/sub, 64 B, one subscriber, {} messages under way", pubsub::UNDER_WAY),
            Self::Cached => "64 tasks, cached GET, 64 B; latencies are means of 32".to_owned(),
            Self::Sizes => "1 connection, 1,000 tasks, 80 % GET 20 % SET, 16 B to 64 KiB".to_owned(),
            Self::Cold => {
                "open and first reply, each in a process of its own; CPU is that of the whole process; what a client keeps \
                 on disk between processes is there (the mark counts so; W9f is without)"
                    .to_owned()
            }
            Self::First => {
                "W9 on a machine that has never run the client: nothing that it keeps is on disk yet".to_owned()
            }
            Self::Warm => "open and first reply, in a process that has done so before".to_owned(),
            Self::Paced => {
                "256 tasks, the operations of W2 at a fixed rate; latencies count from when an operation was \
                            to begin, so that none is left out"
                    .to_owned()
            }
            Self::Scale(clients) => format!("clients in one process: {clients}, each with 1 task, GET, 64 B"),
        };
        Workload { name: self.name(), about }
    }
}

/// Puts a client under a load, and measures.
pub async fn run<O: Opening>(load: Load, opening: &O, env: &mut Env) -> Result<Figures> {
    let figures = match load {
        Load::Sequential => sequential::run(opening, env).await,
        Load::Mixed64 => mixed::run(64, 64, opening, env).await,
        Load::Mixed1K => mixed::run(256, 1024, opening, env).await,
        Load::Pipelines => pipelines::run(opening, env).await,
        Load::Large => large::run(opening, env).await,
        Load::PubSub => pubsub::run(opening, env).await,
        Load::Cached => cached::run(opening, env).await,
        Load::Sizes => sizes::run(opening, env).await,
        Load::Cold => open::run_cold(env, false),
        Load::First => open::run_cold(env, true),
        Load::Warm => open::run_warm(opening, env).await,
        Load::Paced => paced::run(opening, env).await,
        Load::Scale(clients) => scale::run(clients, opening, env).await,
    };
    figures.with_context(|| format!("{} under {}", env.name, load.name()))
}

/// Gets a value and sees that it has the size that it was set with.
async fn read<C: Client>(client: &mut C, key: &str, size: usize) -> Result<()> {
    let n = client.get(key).await?;
    if n != size {
        bail!("{key} has {n} bytes, want {size}");
    }
    Ok(())
}

/// Sets each key to a value of the size that `size` gives.
fn prepare(server: &mut Plain, keys: &[String], size: impl Fn(usize) -> usize) -> Result<()> {
    const AT_ONCE: usize = 100;
    for (part, keys) in keys.chunks(AT_ONCE).enumerate() {
        for (i, key) in keys.iter().enumerate() {
            server.send(&[b"SET", key.as_bytes(), &vec![b'v'; size(part * AT_ONCE + i)]])?;
        }
        server.flush()?;
        for _ in keys {
            server.receive()?;
        }
    }
    Ok(())
}

/// What is written.
fn value(size: usize) -> Bytes {
    vec![b'w'; size].into()
}
