//! W4.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;

use super::closed::{Closed, Step};
use super::{Env, MANY_KEYS, value};
use crate::client::{Client, Opening};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

const DEPTH: usize = 100;

struct Task {
    keys: Arc<[String]>,
    value: Bytes,
    random: Random,
}

impl<C: Client> Step<C> for Task {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        let at = self.random.below(self.keys.len() - DEPTH);
        client.set_all(&self.keys[at..at + DEPTH], &self.value).await
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(MANY_KEYS, "64").into();
    let value = value(64);
    let task = |task| Task { keys: Arc::clone(&keys), value: value.clone(), random: Random::new(task) };
    let load = Closed { each: DEPTH as u32, together: true, ..Closed::new(4) };
    load.run(opening, env, task).await
}
