//! A load in which each task does its next step when the last one has ended.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Env, WARM_UP};
use crate::client::{Client, Opening, Settings};
use crate::histogram::Histogram;
use crate::measure::Measure;
use crate::result::Result as Figures;

/// What one task does.
pub trait Step<C>: Send + 'static {
    /// Does some operations, one after the other or together, and waits for them.
    fn step(&mut self, client: &mut C) -> impl Future<Output = Result<()>> + Send;
}

/// A closed load.
#[derive(Clone, Copy)]
pub struct Closed {
    pub tasks: usize,
    pub settings: Settings,
    /// How many operations a step is.
    pub each: u32,
    /// They are sent together, so that the latency of each is that of the step; else it is the mean over the step.
    pub together: bool,
}

impl Closed {
    pub fn new(tasks: usize) -> Self {
        Self { tasks, settings: Settings::default(), each: 1, together: false }
    }

    /// Opens a client, warms up, and measures.
    pub async fn run<O: Opening, S: Step<O::Client>>(
        self,
        opening: &O,
        env: &mut Env,
        task: impl Fn(usize) -> S,
    ) -> Result<Figures> {
        let client = opening.open(&env.addr, self.settings).await?;
        self.drive(|_| client.clone(), &task, WARM_UP).await?;
        let measure = Measure::begin(&mut env.server, Some(&client))?;
        let (per, ops) = self.drive(|_| client.clone(), &task, env.span).await?;
        measure.end(&mut env.server, Some(&client), &per, ops)
    }

    /// Runs the tasks for a while, and counts operations.
    pub async fn drive<C: Client, S: Step<C>>(
        self,
        client: impl Fn(usize) -> C,
        task: impl Fn(usize) -> S,
        span: Duration,
    ) -> Result<(Vec<Histogram>, u64)> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for n in 0..self.tasks {
            tasks.spawn(self.repeat(client(n), task(n), start, span));
        }
        let (mut per, mut steps) = (Vec::with_capacity(self.tasks), 0_u64);
        while let Some(done) = tasks.join_next().await {
            let (latencies, done) = done??;
            per.push(latencies);
            steps += done;
        }
        Ok((per, steps * u64::from(self.each)))
    }

    /// Does one task's steps until the span is over. It reads the clock once a step.
    async fn repeat<C: Client>(
        self,
        mut client: C,
        mut task: impl Step<C>,
        start: Instant,
        span: Duration,
    ) -> Result<(Histogram, u64)> {
        let shared = if self.together { 1 } else { self.each };
        let (mut latencies, mut done) = (Histogram::default(), 0);
        let mut last = start.elapsed();
        while last < span {
            task.step(&mut client).await?;
            let now = start.elapsed();
            latencies.record((now - last) / shared);
            last = now;
            done += 1;
        }
        Ok((latencies, done))
    }
}
