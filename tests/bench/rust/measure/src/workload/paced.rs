//! W10: operations come at a rate, whether or not those before them have ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_channel::{Receiver, Sender};
use tokio::task::JoinSet;

use super::closed::{Closed, Step};
use super::mixed::Mixed;
use super::ticker::Ticker;
use super::{Env, WARM_UP};
use crate::client::{Client, Opening, Settings};
use crate::histogram::Histogram;
use crate::measure::{Measure, micros, sum};
use crate::result::Result as Figures;

const TASKS: usize = 256;
/// How often operations come; those of one tick come together.
const TICK: Duration = Duration::from_micros(100);
/// This share of what a client does at most is its load, where none is given.
const SHARE: f64 = 0.6;
/// How long it is asked what it does at most.
const PEAK_SPAN: Duration = Duration::from_millis(500);
/// How many spans a run may take. What was not begun by then counts as if it ended then.
const PATIENCE: f64 = 1.5;

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let mixed = Mixed::new(64, &mut env.server)?;
    let client = opening.open(&env.addr, Settings::default()).await?;
    let mut rate = env.rate;
    if rate == 0.0 {
        let all = Closed::new(TASKS).drive(|_| client.clone(), |task| mixed.task(task), PEAK_SPAN);
        rate = SHARE * all.await?.1 as f64 / PEAK_SPAN.as_secs_f64();
    }
    pace(&client, |task| mixed.task(task), rate, WARM_UP).await?;
    let measure = Measure::begin(&mut env.server, Some(&client))?;
    let (per, ops) = pace(&client, |task| mixed.task(task), rate, env.span).await?;
    let figures = measure.end(&mut env.server, Some(&client), &per, ops)?;
    Ok(Figures { rate, p999_us: micros(sum(&per).quantile(0.999)), ..figures })
}

async fn pace<C: Client, S: Step<C>>(
    client: &C,
    task: impl Fn(usize) -> S,
    rate: f64,
    span: Duration,
) -> Result<(Vec<Histogram>, u64)> {
    // It has room for all, so that the pacer never waits for the client.
    let (release, due) = async_channel::unbounded();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        tasks.spawn(serve(client.clone(), task(n), due.clone(), start, span.mul_f64(PATIENCE)));
    }
    let releasing = tokio::spawn(release_all(release, rate, start, span));
    let (mut per, mut ops) = (Vec::with_capacity(TASKS), 0);
    while let Some(done) = tasks.join_next().await {
        let (latencies, done) = done??;
        per.push(latencies);
        ops += done;
    }
    releasing.await??;
    Ok((per, ops))
}

/// Does operations as they come due.
async fn serve<C>(
    mut client: C,
    mut task: impl Step<C>,
    due: Receiver<Duration>,
    start: Instant,
    end: Duration,
) -> Result<(Histogram, u64)> {
    let (mut latencies, mut done) = (Histogram::default(), 0);
    while let Ok(at) = due.recv().await {
        if start.elapsed() < end {
            task.step(&mut client).await?;
            done += 1;
        }
        latencies.record(start.elapsed().saturating_sub(at));
    }
    Ok((latencies, done))
}

/// Puts in, tick after tick, when each operation was to begin.
async fn release_all(due: Sender<Duration>, rate: f64, start: Instant, span: Duration) -> Result<()> {
    let clock = Arc::new(Ticker::new(TICK)?);
    let (mut released, mut at) = (0, Duration::ZERO);
    while at < span {
        while start.elapsed() < at {
            clock.tick().await?;
        }
        while released < (rate * at.as_secs_f64()) as u64 {
            due.send(at).await?;
            released += 1;
        }
        at += TICK;
    }
    Ok(())
}
