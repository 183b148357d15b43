//! W1.

use std::sync::Arc;

use anyhow::Result;

use super::closed::{Closed, Step};
use super::{Env, MANY_KEYS, prepare, read};
use crate::client::{Client, Opening};
use crate::random::{Random, key_names};
use crate::result::Result as Figures;

/// Reads keys by chance.
pub struct Read {
    pub keys: Arc<[String]>,
    pub random: Random,
}

impl<C: Client> Step<C> for Read {
    async fn step(&mut self, client: &mut C) -> Result<()> {
        let key = &self.keys[self.random.below(self.keys.len())];
        read(client, key, 64).await
    }
}

pub async fn run<O: Opening>(opening: &O, env: &mut Env) -> Result<Figures> {
    let keys: Arc<[String]> = key_names(MANY_KEYS, "64").into();
    prepare(&mut env.server, &keys, |_| 64)?;
    let task = |task| Read { keys: Arc::clone(&keys), random: Random::new(task) };
    Closed::new(1).run(opening, env, task).await
}
