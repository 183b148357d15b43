//! `cargo xtask commands`: the core's table of commands, from what real servers say of them.

mod ask;
mod merge;
mod record;
mod timeout;
mod write;

use anyhow::{Context, Result};
use conformance::{Kind, Server};

use self::ask::Answer;

use crate::generated::{File, Mode, settle};

/// The core's own file, compiled here too: the table is looked up by the function that it was made by.
#[path = "../../../guest/src/commands/hash.rs"]
mod hash;

const OUTPUT: &str = "guest/src/commands/table.rs";

/// Asks the servers, then writes or checks the table, for which the records of others are read too.
pub fn run(mode: Mode) -> Result<()> {
    let kinds = [Kind::Redis, Kind::Valkey, Kind::NewerRedis, Kind::NewerValkey];
    let mut answers = kinds.into_iter().map(learn).collect::<Result<Vec<_>>>()?;
    answers.extend(record::read_all()?);
    let commands = merge::merge(&answers)?;
    let text = write::table(&commands, &answers)?;
    let servers = answers.iter().map(|answer| &*answer.server).collect::<Vec<_>>().join(", ");
    println!("{servers} know {} commands", commands.rows.len());
    let file = File { path: OUTPUT.into(), bytes: text.into_bytes() };
    settle(mode, &[file], "cargo xtask commands")
        .with_context(|| format!("the table is not what {servers} make; its first lines say which versions made it"))
}

/// Asks the server at `url`, and keeps what it says for those who have no such server.
pub fn record(url: &str) -> Result<()> {
    let answer = ask::ask(url).with_context(|| format!("{url} could not be asked for its commands"))?;
    println!("{} is kept in {}", answer.server, record::write(&answer)?.display());
    Ok(())
}

fn learn(kind: Kind) -> Result<Answer> {
    let server = Server::start(kind)?;
    ask::ask(&server.url()).with_context(|| format!("{} could not be asked for its commands", kind.program()))
}
