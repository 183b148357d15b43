//! Scripts that are sent by their sources once a connection, and by their hashes from then on.

use redis::Value;

use crate::client::Client;
use crate::command::{Command, IntoArgument};
use crate::error::Error;

/// A Lua script with its SHA-1.
///
/// Beside [`redis::Script`], which works with this client too, it saves the round trips of a server that does not know
/// the script, and keeps its place among what is sent with it: the first time on a connection the source is sent, and
/// the hash from then on. Only where a server forgets its scripts (SCRIPT FLUSH) is one executed behind what was sent
/// behind it, unless all of it is a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    source: String,
    hash: String,
    read_only: bool,
}

impl Script {
    /// A script of this source.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        let source = source.into();
        let hash = redis::Script::new(&source).get_hash().to_owned();
        Self { source, hash, read_only: false }
    }

    /// Says that the script only reads: EVALSHA_RO, which Redis knows from version 7 on.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The SHA-1 of its source, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The command that runs it, for a pipeline, a transaction, or a deadline of its own.
    pub fn command<K: IntoArgument, A: IntoArgument>(
        &self,
        keys: impl IntoIterator<Item = K>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let name = if self.read_only { "EVALSHA_RO" } else { "EVALSHA" };
        let keys: Vec<K> = keys.into_iter().collect();
        let head = Command::new(name).arg(&self.hash).arg(&self.source).arg(keys.len().to_string());
        let command = keys.into_iter().fold(head, Command::arg);
        arguments.into_iter().fold(command, Command::arg).with_script()
    }
}

impl Client {
    /// Runs a script. Its source is sent only if the server does not know it.
    pub async fn script<K: IntoArgument, A: IntoArgument>(
        &self,
        script: &Script,
        keys: impl IntoIterator<Item = K>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Value, Error> {
        self.call(script.command(keys, arguments)).await
    }
}
