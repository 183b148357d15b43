//! W8.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;

use super::closed::{Closed, Step};
use super::{Env, prepare, read, value};
use crate::client::{Client, Opening, Settings};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

/// Each is used as often as each other. A key keeps its size.
const SIZES: [usize; 7] = [16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10];

struct Task {
    keys: Arc<[String]>,
    value: Bytes,
    random: Random,
}

impl<C: Client> Step<C> for Task {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        let i = self.random.below(self.keys.len());
        if self.random.below(5) == 0 {
            return client.set(&self.keys[i], &self.value.slice(..size(i))).await;
        }
        read(client, &self.keys[i], size(i)).await
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(140 * SIZES.len(), "mixed").into();
    prepare(&mut env.server, &keys, size)?;
    let value = value(SIZES[SIZES.len() - 1]);
    let settings = Settings { one_connection: true, ..Settings::default() };
    let task = |task| Task { keys: Arc::clone(&keys), value: value.clone(), random: Random::new(task) };
    Closed { settings, ..Closed::new(1000) }.run(opening, env, task).await
}

fn size(i: usize) -> usize {
    SIZES[i % SIZES.len()]
}
