//! W2 and W3.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;

use super::closed::{Closed, Step};
use super::{Env, MANY_KEYS, prepare, read, value};
use crate::client::{Client, Opening};
use crate::plain::Plain;
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

/// Four reads for each write, of keys by chance.
#[derive(Clone)]
pub struct Mixed {
    keys: Arc<[String]>,
    size: usize,
    value: Bytes,
}

/// What one task does of it.
pub struct Task {
    mixed: Mixed,
    random: Random,
}

impl Mixed {
    /// Prepares the keys.
    pub fn new(size: usize, server: &mut Plain) -> Result<Self> {
        let keys: Arc<[String]> = key_names(MANY_KEYS, &size.to_string()).into();
        prepare(server, &keys, |_| size)?;
        Ok(Self::of(keys, size))
    }

    /// Of keys that are prepared.
    pub fn of(keys: Arc<[String]>, size: usize) -> Self {
        Self { keys, size, value: value(size) }
    }

    pub fn task(&self, task: usize) -> Task {
        Task { mixed: self.clone(), random: Random::new(task) }
    }
}

impl<C: Client> Step<C> for Task {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        let key = &self.mixed.keys[self.random.below(self.mixed.keys.len())];
        if self.random.below(5) == 0 {
            return client.set(key, &self.mixed.value).await;
        }
        read(client, key, self.mixed.size).await
    }
}

pub async fn run<O: Opening>(tasks: usize, size: usize, opening: &O, env: &mut Env) -> Result<Figures> {
    let mixed = Mixed::new(size, &mut env.server)?;
    Closed::new(tasks).run(opening, env, |task| mixed.task(task)).await
}
