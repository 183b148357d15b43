//! Callers at work, and what is counted.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bench_measure::{Histogram, Plain, Random, Usage};
use coracle::Client;
use coracle::events::{AppendOptions, Condition, Cursor, EventError, EventStore, Options, Query};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::school::{Load, School};

const WARM_UP: Duration = Duration::from_millis(300);

/// What is to be done.
pub struct Work {
    pub addr: String,
    pub load: Load,
    pub school: School,
    pub callers: usize,
    pub span: Duration,
}

/// What callers counted.
#[derive(Default)]
struct Tally {
    times: Histogram,
    conflicts: u64,
    found: u64,
}

/// One who calls. He knows the head as he last saw it.
struct Caller {
    store: EventStore,
    load: Load,
    school: School,
    random: Random,
    head: Cursor,
}

impl Work {
    pub async fn run(&self) -> Result<Value> {
        let client = Client::connect(&format!("redis://{}", self.addr)).await?;
        let store = EventStore::open(&client, "bench", Options::new()).await?;
        let mut asking = Plain::dial(&self.addr)?;
        self.all(&store, WARM_UP).await?;
        let (server, before) = (asking.server_cpu()?, Usage::now()?);
        let tally = self.all(&store, self.span).await?;
        let (after, server) = (Usage::now()?, asking.server_cpu()? - server);
        let ops = tally.times.count();
        ensure!(ops > 0, "nothing was done");
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / ops as f64;
        let nanos = |q| u64::try_from(tally.times.quantile(q).as_nanos()).unwrap_or(u64::MAX);
        Ok(json!({
            "ops": ops,
            "conflicts": tally.conflicts,
            "per_second": ops as f64 / (after.at - before.at).as_secs_f64(),
            "server_cpu_us": micros(server),
            "client_cpu_us": micros(after.cpu - before.cpu),
            "p50_ns": nanos(0.5),
            "p99_ns": nanos(0.99),
            "events_an_op": tally.found as f64 / ops as f64,
        }))
    }

    /// Lets all callers do one operation after the other for so long.
    async fn all(&self, store: &EventStore, span: Duration) -> Result<Tally> {
        let end = Instant::now() + span;
        // Others than were drawn before, which the server has in its caches.
        let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as usize;
        let mut tasks = JoinSet::new();
        for number in 0..self.callers {
            let (store, random) = (store.clone(), Random::new(seed.wrapping_add(number)));
            let caller = Caller { store, load: self.load, school: self.school, random, head: Cursor::default() };
            tasks.spawn(caller.work(end));
        }
        let mut all = Tally::default();
        while let Some(done) = tasks.join_next().await {
            let tally = done.context("a caller")??;
            all.times.add(&tally.times);
            all.conflicts += tally.conflicts;
            all.found += tally.found;
        }
        Ok(all)
    }
}

impl Caller {
    async fn work(mut self, end: Instant) -> Result<Tally> {
        let mut tally = Tally::default();
        self.catch_up().await?;
        let mut begun = Instant::now();
        while begun < end {
            match self.load {
                Load::ReadStudent(limit) => {
                    let student = self.school.student(&mut self.random);
                    tally.found += self.read(student, limit).await?;
                }
                Load::ReadCourse(limit) => {
                    let course = self.school.course(&mut self.random);
                    tally.found += self.read(course, limit).await?;
                }
                _ => tally.conflicts += u64::from(self.append().await?),
            }
            let now = Instant::now();
            tally.times.record(now - begun);
            begun = now;
        }
        Ok(tally)
    }

    async fn read(&self, tag: String, limit: u64) -> Result<u64> {
        Ok(self.store.read(Query::tags([tag])).limit(limit).all().await?.len() as u64)
    }

    /// Whether there was a conflict. Either way he sees the head anew.
    async fn append(&mut self) -> Result<bool> {
        let (event, query) = self.school.append(self.load, &mut self.random).context("a load that appends")?;
        let condition = Condition::new(query, self.head);
        match self.store.append([event], AppendOptions::new().condition(condition)).await {
            Ok(appended) => {
                self.head = appended.cursor;
                Ok(false)
            }
            Err(EventError::Conflict { .. }) => {
                self.catch_up().await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn catch_up(&mut self) -> Result<()> {
        let last = self.store.read(Query::all()).backwards().limit(1).all().await?;
        self.head = last.last().map_or(self.head, |event| event.cursor());
        Ok(())
    }
}
