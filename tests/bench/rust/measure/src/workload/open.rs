//! W9: open a client and wait for its first reply.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::UsageWho;
use serde::{Deserialize, Serialize};

use super::{Env, read};
use crate::client::{Client, Opening, Settings};
use crate::histogram::Histogram;
use crate::measure::{Measure, micros};
use crate::plain::Plain;
use crate::result::Result as Figures;
use crate::usage::{cpu, rss};

const KEY: &str = "bench:open";
/// Times that a client is opened, at least.
const LEAST: u64 = 5;

/// What a process prints that opened one client: how long it took until the first reply.
#[derive(Debug, Serialize, Deserialize)]
pub struct Once {
    pub nanoseconds: u64,
    pub rss_mb: f64,
}

/// Opens a client and waits for its first reply.
pub async fn open_once<O: Opening>(opening: &O, addr: &str) -> Result<Once> {
    let took = open(opening, addr).await?;
    Ok(Once { nanoseconds: u64::try_from(took.as_nanos())?, rss_mb: rss() })
}

pub async fn run_warm<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let mut opens = Opens::begin::<O::Client>(env, open(opening, &env.addr.clone()).await?)?;
    while opens.go_on(env.span) {
        let took = open(opening, &env.addr).await?;
        opens.note(took);
    }
    opens.end::<O::Client>(&mut env.server)
}

/// Opens each time in a process of its own: all of them find what clients keep on disk in one folder, or each in a new
/// one (`first`).
pub fn run_cold(env: &mut Env, first: bool) -> Result<Figures> {
    prepare(&mut env.server)?;
    let kept = tempfile::tempdir()?;
    child(env, kept.path())?;
    let before = cpu(UsageWho::RUSAGE_CHILDREN)?;
    let mut opens = Opens::begin::<Nobody>(env, Duration::ZERO)?;
    let mut rss_mb = 0.0;
    while opens.go_on(env.span) {
        let once = if first { child(env, tempfile::tempdir()?.path())? } else { child(env, kept.path())? };
        opens.note(Duration::from_nanos(once.nanoseconds));
        rss_mb = once.rss_mb;
    }
    let opened = opens.count;
    let figures = opens.end::<Nobody>(&mut env.server)?;
    let children = cpu(UsageWho::RUSAGE_CHILDREN)? - before;
    Ok(Figures { cpu_us_per_op: micros(children) / opened as f64, allocs_per_op: 0.0, rss_mb, ..figures })
}

/// Opens that are measured.
struct Opens {
    measure: Measure,
    start: Instant,
    took: Histogram,
    count: u64,
}

impl Opens {
    /// One was opened before, unmeasured.
    fn begin<C: Client>(env: &mut Env, _warm_up: Duration) -> Result<Self> {
        prepare(&mut env.server)?;
        let measure = Measure::begin::<C>(&mut env.server, None)?;
        Ok(Self { measure, start: Instant::now(), took: Histogram::default(), count: 0 })
    }

    fn go_on(&self, span: Duration) -> bool {
        self.count < LEAST || self.start.elapsed() < span
    }

    fn note(&mut self, took: Duration) {
        self.took.record(took);
        self.count += 1;
    }

    fn end<C: Client>(self, server: &mut Plain) -> Result<Figures> {
        self.measure.end::<C>(server, None, &[self.took], self.count)
    }
}

/// Stands for the clients of other processes.
#[derive(Clone)]
struct Nobody;

impl Client for Nobody {
    async fn get(&mut self, _key: &str) -> Result<usize> {
        bail!("nobody is there")
    }
}

async fn open<O: Opening>(opening: &O, addr: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut client = opening.open(addr, Settings::default()).await?;
    read(&mut client, KEY, KEY.len()).await?;
    Ok(start.elapsed())
}

fn prepare(server: &mut Plain) -> Result<()> {
    server.ask(&[b"SET", KEY.as_bytes(), KEY.as_bytes()]).map(drop)
}

/// A process that opens one client, and keeps what it keeps in this folder.
fn child(env: &Env, kept: &Path) -> Result<Once> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("XDG_CACHE_HOME", kept);
    command.args(["--once", "--client", &env.name, "--addr", &env.addr]).stderr(Stdio::inherit());
    let out = command.output().context("a process that opens one client")?;
    if !out.status.success() {
        bail!("a process that opens one client: {}", out.status);
    }
    Ok(serde_json::from_slice(&out.stdout)?)
}
