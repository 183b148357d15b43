//! `cargo xtask commands`: the core's table of commands, from what real servers say of them.

mod ask;
mod merge;
mod timeout;
mod write;

use anyhow::{Context, Result};
use conformance::{Kind, Server};

use crate::generated::{File, Mode, settle};

/// The core's own file, compiled here too: the table is looked up by the function that it was made by.
#[path = "../../../guest/src/commands/hash.rs"]
mod hash;

const OUTPUT: &str = "guest/src/commands/table.rs";

/// Asks the servers, then writes or checks the table.
pub fn run(mode: Mode) -> Result<()> {
    let kinds = [Kind::Redis, Kind::Valkey, Kind::NewerRedis, Kind::NewerValkey];
    let (names, known): (Vec<_>, Vec<_>) =
        kinds.into_iter().map(learn).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let commands = merge::merge(&known)?;
    let text = write::table(&commands, &names)?;
    let servers = names.join(", ");
    println!("{servers} know {} commands", commands.rows.len());
    let file = File { path: OUTPUT.into(), bytes: text.into_bytes() };
    settle(mode, &[file], "cargo xtask commands")
        .with_context(|| format!("the table is not what {servers} make; its first lines say which versions made it"))
}

/// A server's name with its version, and what it knows.
fn learn(kind: Kind) -> Result<(String, Vec<ask::Known>)> {
    let server = Server::start(kind)?;
    ask::ask(&server.url()).with_context(|| format!("{} could not be asked for its commands", kind.program()))
}
