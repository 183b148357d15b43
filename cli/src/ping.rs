//! `coracle ping`.

use anyhow::{Result, bail};
use clap::Args;
use coracle::redis::Value;

use crate::connection::Connection;
use crate::print::out;

/// Ask the server whether it is there
#[derive(Debug, Args)]
pub struct Arguments {}

impl Arguments {
    pub async fn run(&self, connection: &Connection) -> Result<()> {
        match connection.connect().await?.command(["PING"]).await? {
            Value::SimpleString(pong) => Ok(out(&format!("{pong}\n"))?),
            other => bail!("the server answered {other:?}"),
        }
    }
}
