//! `coracle`: the command line of the Rust host.

mod connection;
mod events;
mod failure;
mod ping;
mod print;
mod progress;
mod syntax;

use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::LevelFilter;

use connection::Connection;
use failure::Failure;

/// Work on event stores on a Redis or Valkey server
#[derive(Debug, Parser)]
#[command(name = "coracle", version, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Events(Box<events::Arguments>),
    Ping(ping::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    let json = matches!(&arguments.command, Command::Events(events) if events.json);
    match within_a_runtime(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Failure::of(&error).tell(json),
    }
}

fn within_a_runtime(arguments: Arguments) -> Result<()> {
    let runtime = Runtime::new().context("starting")?;
    let ended = runtime.block_on(until_interrupted(arguments));
    // A read of the input that is under way would be waited for.
    runtime.shutdown_background();
    ended
}

async fn until_interrupted(arguments: Arguments) -> Result<()> {
    let endless = matches!(&arguments.command, Command::Events(events) if events.is_endless());
    tokio::select! {
        // First, so that it is listened to before anything is done.
        biased;
        Ok(()) = tokio::signal::ctrl_c() => if endless { Ok(()) } else { Err(Failure::interrupted().into()) },
        ended = run(arguments) => ended,
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Events(events) => events.run(&arguments.connection).await,
        Command::Ping(ping) => ping.run(&arguments.connection).await,
    }
}

/// What the host logs goes to the error output: errors, or more as `CORACLE_LOG` says.
fn log() {
    let level = std::env::var("CORACLE_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::ERROR);
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
}
