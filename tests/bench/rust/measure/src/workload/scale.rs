//! W11: many clients in one process, each with one task.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use super::closed::Closed;
use super::sequential::Read;
use super::{Env, MANY_KEYS, WARM_UP, prepare, read};
use crate::client::{Opening, Settings};
use crate::measure::{Measure, micros};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;
use crate::usage::rss;

/// Memory is taken when all are open, before the load.
pub async fn run<O: Opening>(count: usize, opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(MANY_KEYS, "64").into();
    prepare(&mut env.server, &keys, |_| 64)?;
    let mut clients = Vec::with_capacity(count);
    let start = Instant::now();
    for _ in 0..count {
        let mut client = opening.open(&env.addr, Settings::default()).await?;
        read(&mut client, &keys[0], 64).await?;
        clients.push(client);
    }
    let (opened, rss_mb) = (start.elapsed(), rss());
    let load = Closed::new(count);
    let task = |task| Read { keys: Arc::clone(&keys), random: Random::new(task) };
    load.drive(|task| clients[task].clone(), task, WARM_UP).await?;
    let measure = Measure::begin::<O::Client>(&mut env.server, None)?;
    let (per, ops) = load.drive(|task| clients[task].clone(), task, env.span).await?;
    let figures = measure.end::<O::Client>(&mut env.server, None, &per, ops)?;
    Ok(Figures { rss_mb, open_us: micros(opened) / count as f64, ..figures })
}
