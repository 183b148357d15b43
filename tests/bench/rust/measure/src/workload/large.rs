//! W5.

use std::sync::Arc;

use anyhow::Result;

use super::closed::{Closed, Step};
use super::{Env, prepare, read};
use crate::client::{Client, Opening};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

const SIZE: usize = 1 << 20;

struct Task {
    keys: Arc<[String]>,
    random: Random,
}

impl<C: Client> Step<C> for Task {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        let key = &self.keys[self.random.below(self.keys.len())];
        read(client, key, SIZE).await
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(8, "1M").into();
    prepare(&mut env.server, &keys, |_| SIZE)?;
    let task = |task| Task { keys: Arc::clone(&keys), random: Random::new(task) };
    let figures = Closed::new(4).run(opening, env, task).await?;
    Ok(Figures { mb_s: figures.ops * SIZE as f64 / 1e6, ..figures })
}
