//! W7.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::closed::{Closed, Step};
use super::{Env, prepare};
use crate::client::{Client, Opening, Settings};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

/// The clock is read once in so many reads, since it would cost as much as one.
const EACH: u32 = 32;
const SIZE: usize = 64;

struct Task {
    keys: Arc<[String]>,
    random: Random,
}

impl<C: Client> Step<C> for Task {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        for _ in 0..EACH {
            let n = client.get_cached(&self.keys[self.random.below(self.keys.len())]).await?;
            if n != SIZE {
                bail!("a value of {n} bytes, want {SIZE}");
            }
        }
        // A task that finds all in the cache never waits by itself.
        tokio::task::yield_now().await;
        Ok(())
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(1000, "cached").into();
    prepare(&mut env.server, &keys, |_| SIZE)?;
    let settings = Settings { cache: true, ..Settings::default() };
    let task = |task| Task { keys: Arc::clone(&keys), random: Random::new(task) };
    Closed { each: EACH, settings, ..Closed::new(64) }.run(opening, env, task).await
}
