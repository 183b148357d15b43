//! Puts one Rust client under one workload and prints one line of JSON.

mod client;
mod native;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bench_measure::workload::{Env, Load};
use bench_measure::{Counting, Kind, List};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much longer than asked a run may take.
const PATIENCE: Duration = Duration::from_secs(30);

const HELP: &str = "bench-rust --client NAME --addr HOST:PORT --workload W --seconds S

  --client NAME     the client; --list tells which there are (default coracle)
  --addr HOST:PORT  the server (default 127.0.0.1:6379)
  --workload W      the workload (default W1)
  --seconds S       how long to measure (default 1)
  --rate R          the load of W10, in operations a second; else 60 % of what the client does at most
  --list            print the clients, as JSON
  --once            open one client, and print how long it took (for W9)";

/// What the command line says.
struct Arguments {
    client: String,
    addr: String,
    load: Load,
    span: Duration,
    rate: f64,
    list: bool,
    once: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match parse(arguments).and_then(run) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<String> {
    let kinds = client::kinds();
    if arguments.list {
        return Ok(serde_json::to_string(&list(&kinds))?);
    }
    let named = kinds.iter().find(|kind| kind.about.name == arguments.client);
    let kind = named.with_context(|| format!("there is no client {:?}", arguments.client))?;
    if arguments.once {
        return Ok(serde_json::to_string(&kind.once(&arguments.addr)?)?);
    }
    give_up_after(2 * arguments.span + PATIENCE);
    let env = Env::new(&arguments.addr, &arguments.client, arguments.span, arguments.rate)?;
    Ok(serde_json::to_string(&kind.run(arguments.load, env)?)?)
}

/// Ends the process if it takes longer.
fn give_up_after(span: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(span);
        eprintln!("bench-rust: it stands still");
        std::process::exit(1);
    });
}

fn list(kinds: &[Kind]) -> List {
    List {
        language: "Rust",
        workloads: Load::ALL.into_iter().map(Load::about).collect(),
        clients: kinds.iter().map(|kind| kind.about.clone()).collect(),
    }
}

fn parse(arguments: Vec<String>) -> Result<Arguments> {
    let mut parsed = Arguments {
        client: "coracle".to_owned(),
        addr: "127.0.0.1:6379".to_owned(),
        load: Load::Sequential,
        span: Duration::from_secs(1),
        rate: 0.0,
        list: false,
        once: false,
    };
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--client" => parsed.client = value()?,
            "--addr" => parsed.addr = value()?,
            "--workload" => parsed.load = Load::named(&value()?)?,
            "--seconds" => parsed.span = Duration::try_from_secs_f64(value()?.parse()?)?,
            "--rate" => parsed.rate = value()?.parse()?,
            "--list" => parsed.list = true,
            "--once" => parsed.once = true,
            _ => bail!("bad arguments; see --help"),
        }
    }
    if parsed.span.is_zero() || parsed.rate < 0.0 {
        bail!("bad arguments; see --help");
    }
    Ok(parsed)
}
