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

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::LevelFilter;

use connection::{Connection, environment};
use failure::Failure;

const LOG: &str = "CORACLE_LOG";
const LOG_HELP: &str = "CORACLE_LOG says how much is logged on the error output: off, error (unless it is set), warn, \
                        info, debug or trace.";
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Work on event stores on a Redis or Valkey server
#[derive(Debug, Parser)]
#[command(name = "coracle", version, args_override_self = true, after_help = LOG_HELP)]
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

impl Command {
    /// What to know before it is given again, where nobody knows whether it was executed.
    fn again(&self) -> &'static str {
        match self {
            Self::Events(events) => events.again(),
            Self::Ping(_) => "a ping changes nothing: it can be given again",
        }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error),
    };
    let json = matches!(&arguments.command, Command::Events(events) if events.json);
    let again = arguments.command.again();
    match log().and_then(|()| within_a_runtime(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Failure::of(&error, again).tell(json),
    }
}

/// Tells what can't be of the arguments: to a program as it asked for, though it may have asked behind what can't be.
fn misread(error: &clap::Error) -> ExitCode {
    let given: Vec<_> = std::env::args_os().skip(1).take_while(|argument| argument != "--").collect();
    let has = |name: &str| given.iter().any(|argument| argument == name);
    if !(error.use_stderr() && has("events") && has("--json")) {
        error.exit();
    }
    let said = error.to_string();
    let text = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
    Failure::input(text, "coracle events --help lists the commands, and that of each its flags").tell(true)
}

fn within_a_runtime(arguments: Arguments) -> Result<()> {
    let runtime = Runtime::new().map_err(|error| Failure::broken("starting", &error.to_string()))?;
    let ended = runtime.block_on(until_interrupted(arguments));
    // A read of the input that is under way would be waited for.
    runtime.shutdown_background();
    ended
}

async fn until_interrupted(arguments: Arguments) -> Result<()> {
    let again = arguments.command.again();
    let endless = matches!(&arguments.command, Command::Events(events) if events.is_endless());
    tokio::select! {
        // First, so that it is listened to before anything is done.
        biased;
        Ok(()) = interrupted() => if endless { Ok(()) } else { Err(Failure::interrupted(again).into()) },
        ended = run(arguments) => ended,
    }
}

/// By Ctrl-C, or by who ends a service.
#[cfg(unix)]
async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Events(events) => events.run(&arguments.connection).await,
        Command::Ping(ping) => ping.run(&arguments.connection).await,
    }
}

/// What the host logs goes to the error output: errors, or more as the variable says.
fn log() -> Result<()> {
    let level = match environment(LOG)? {
        None => LevelFilter::ERROR,
        Some(level) => LEVELS.iter().find(|(name, _)| *name == level).map(|(_, level)| *level).ok_or_else(|| {
            let hint = format!("it is {}", LEVELS.map(|(name, _)| name).join(", "));
            Failure::input(format!("{LOG} {}: it can't be", print::quoted(&level)), hint)
        })?,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
    Ok(())
}
