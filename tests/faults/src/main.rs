//! Real faults on real servers, under load from both hosts. `README.md` says what is promised and how it is checked.

#![expect(clippy::indexing_slicing, reason = "only JSON is indexed: a field that is not there is null")]

mod drive;
mod events;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use run::Wanted;
use run::rig::Ground;

const USAGE: &str = "faults run [--quick] [--scenario NAME] [--host rust|go] [--server redis|valkey] [--seed N]
faults soak [--minutes N] [--seed N]
faults events [--quick] [--scenario NAME] [--server redis|valkey] [--seed N]
faults drive
faults drive-events
";

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("run") => {
            let (ground, wanted, _) = parse(arguments)?;
            Ok(code(run::all(&ground, &wanted)?))
        }
        Some("soak") => {
            let (ground, _, minutes) = parse(arguments)?;
            Ok(code(run::soak::both(&ground, Duration::from_secs(60 * minutes))?))
        }
        Some("events") => {
            let (mut ground, wanted, _) = parse(arguments)?;
            ground.go_driver = "target/tools/eventload".into();
            Ok(code(events::all(&ground, &wanted)?))
        }
        Some("drive-events") => events::drive::main().map(|()| ExitCode::SUCCESS),
        Some("drive") => drive::main().map(|()| ExitCode::SUCCESS),
        _ => bail!("usage:\n{USAGE}"),
    }
}

fn code(fine: bool) -> ExitCode {
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What all runs share, which of them are wanted, and how many minutes a soak takes.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(Ground, Wanted, u64)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut ground = Ground { runtime, go_driver: "target/tools/faultload".into(), seed: 1 };
    let (mut wanted, mut minutes) = (Wanted::default(), 10);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => wanted.quick = true,
            "--scenario" => wanted.scenario = Some(value()?),
            "--host" => wanted.host = Some(value()?),
            "--server" => wanted.server = Some(value()?),
            "--minutes" => minutes = value()?.parse()?,
            "--seed" => ground.seed = value()?.parse()?,
            _ => bail!("{argument} is unknown; usage:\n{USAGE}"),
        }
    }
    Ok((ground, wanted, minutes))
}
