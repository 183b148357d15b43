//! Puts the Rust host's event store under one load and prints one line of JSON, as `bench-events` in `../../go` wants
//! it. That program starts the server, and fills the store.

mod run;
mod school;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::runtime::{Builder, Runtime};

use run::Work;
use school::{Load, School};

const HELP: &str = "bench-events-rust HOST:PORT LOAD EVENTS CALLERS SECONDS RUNTIME

  LOAD     as the report names it, such as \"append, 1 tag\"
  EVENTS   how many the store was filled with
  RUNTIME  multi-thread, with one thread, or current-thread";

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-events-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Ok([addr, load, events, callers, seconds, runtime]) = <[String; 6]>::try_from(arguments) else {
        anyhow::bail!("wrong arguments\n{HELP}");
    };
    let work = Work {
        load: Load::named(&load)?,
        school: School::new(events.parse().context("EVENTS")?),
        callers: callers.parse().context("CALLERS")?,
        span: Duration::try_from_secs_f64(seconds.parse().context("SECONDS")?)?,
        addr,
    };
    ensure!(work.callers > 0 && !work.span.is_zero(), "wrong arguments\n{HELP}");
    Ok(runtime_named(&runtime)?.block_on(work.run())?.to_string())
}

fn runtime_named(name: &str) -> Result<Runtime> {
    let runtime = match name {
        // It has one core.
        "multi-thread" => Builder::new_multi_thread().worker_threads(1).enable_all().build(),
        "current-thread" => Builder::new_current_thread().enable_all().build(),
        _ => anyhow::bail!("there is no runtime {name:?}\n{HELP}"),
    };
    Ok(runtime?)
}
