//! Replies that a host stores, until the core says that they are to be forgotten.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use vectors::Value;

/// Replies by the command that was answered so; the key that it read is its argument 1.
#[derive(Default)]
pub struct Stored(BTreeMap<Vec<Vec<u8>>, Value>);

impl Stored {
    pub fn add(&mut self, args: Vec<Vec<u8>>, reply: Value) {
        self.0.insert(args, reply);
    }

    pub fn find(&self, args: &[Vec<u8>]) -> Option<Value> {
        self.0.get(args).cloned()
    }

    /// Forgets these keys, or all.
    pub fn forget(&mut self, keys: &Value) -> Result<()> {
        match keys {
            Value::Nil(_) => self.0.clear(),
            Value::Array(keys) => {
                let named =
                    |args: &[Vec<u8>]| keys.iter().any(|key| matches!(key, Value::Bulk(key) if args[1] == *key));
                self.0.retain(|args, _| !named(args));
            }
            other => bail!("{other:?} are no keys"),
        }
        Ok(())
    }
}
