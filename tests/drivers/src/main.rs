//! Runs many seeds: `drivers --seeds 0..5000`.

#![allow(clippy::unwrap_used, reason = "a tool: a panic tells what is wrong")]

use std::process::ExitCode;

use drivers::{Totals, each_seed};

const HELP: &str = "drivers [--seeds FROM..TO]  (0..1000 unless given)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(0..1000),
        ["--seeds", range] => parse(range),
        _ => None,
    };
    let Some(seeds) = seeds else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    let totals: Totals = each_seed(seeds);
    println!("{totals}");
    for failure in totals.failures.iter().take(20) {
        println!("{failure}");
    }
    if totals.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(range: &str) -> Option<std::ops::Range<u64>> {
    let (from, to) = range.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}
