//! Runs seeds, and says what came of them: see `--help`.

#![allow(clippy::unwrap_used, reason = "a tool: a panic tells what is wrong")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use simulation::{Plan, minimise, run};

const HELP: &str = "simulation [--seeds FROM..TO] [--seed N] [--all]
  --seeds FROM..TO  run these seeds (0..10000)
  --seed N          run one, and print its whole trace
  --all             go on after a failure, and count them by kind
  --mutants         with the feature `mutants`: see each deliberate bug be found";

struct Options {
    from: u64,
    to: u64,
    single: bool,
    all: bool,
    mutants: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    // A panic is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let passed = if options.mutants {
        mutants(&options)
    } else if options.single {
        single(options.from)
    } else {
        seeds(&options)
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { from: 0, to: 10_000, single: false, all: false, mutants: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--seeds" => {
                let range = value()?;
                let (from, to) = range.split_once("..").ok_or("seeds are given as FROM..TO")?;
                (options.from, options.to) = (number(from)?, number(to)?);
            }
            "--seed" => {
                options.from = number(&value()?)?;
                options.single = true;
            }
            "--all" => options.all = true,
            "--mutants" => options.mutants = true,
            other => return Err(format!("{other} is no option")),
        }
    }
    Ok(options)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn single(seed: u64) -> bool {
    let outcome = run(Plan::new(seed), true);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{}", outcome.violation.as_deref().unwrap_or("all invariants held"));
    outcome.violation.is_none()
}

fn seeds(options: &Options) -> bool {
    let started = Instant::now();
    let (mut faults, mut ends): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) = Default::default();
    let (mut events, mut runs) = (0, 0_u32);
    let mut failures: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for seed in options.from..options.to {
        let outcome = run(Plan::new(seed), false);
        runs += 1;
        events += outcome.stats.events;
        outcome.stats.faults.iter().for_each(|(kind, count)| *faults.entry(kind).or_default() += count);
        outcome.stats.ends.iter().for_each(|(kind, count)| *ends.entry(kind).or_default() += count);
        if let Some(violation) = outcome.violation {
            failures.entry(kind_of(&violation)).or_insert((seed, 0)).1 += 1;
            if !options.all {
                break;
            }
        }
        if runs % 1000 == 0 {
            let rate = runs as f64 / started.elapsed().as_secs_f64();
            eprint!("\r{runs} runs, {rate:.0} a second");
            let _ = std::io::stderr().flush();
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("\r");
    println!(
        "{runs} runs in {seconds:.1} s: {:.0} a second, {} events a run",
        f64::from(runs) / seconds,
        events / u64::from(runs.max(1))
    );
    table("Faults", &faults);
    table("What came of it", &ends);
    for (kind, (seed, count)) in &failures {
        println!("\nFAILED, {count} times, first with seed {seed}: {kind}");
    }
    for (seed, _) in failures.values() {
        tell(*seed);
    }
    failures.is_empty()
}

/// A violation without its numbers.
fn kind_of(violation: &str) -> String {
    let short: String = violation.chars().filter(|c| !c.is_ascii_digit()).take(70).collect();
    short
}

fn tell(seed: u64) {
    let kind = |plan: &Plan| run(plan.clone(), false).violation.map(|violation| kind_of(&violation));
    let plan = Plan::new(seed);
    let first = kind(&plan);
    let least = minimise(&plan, |tried| kind(tried) == first);
    let steps = least.steps.len();
    let outcome = run(least, true);
    println!("\nSeed {seed}, cut down to {steps} steps:");
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{}", outcome.violation.unwrap_or_default());
}

fn table(title: &str, counts: &BTreeMap<&str, u64>) {
    println!("{title}:");
    for (what, count) in counts {
        println!("  {count:>10}  {what}");
    }
}

/// Each deliberate bug of the core has to be found by one of the seeds, which finds nothing without it.
#[cfg(feature = "mutants")]
fn mutants(options: &Options) -> bool {
    use std::collections::BTreeSet;

    use coracle_core::mutant::{Mutant, choose};
    let (mut survivors, mut finders) = (0, BTreeSet::new());
    for mutant in Mutant::ALL {
        choose(Some(mutant));
        let found = (options.from..options.to).find_map(|seed| Some((seed, run(Plan::new(seed), false).violation?)));
        choose(None);
        match found {
            Some((seed, violation)) => {
                finders.insert(seed);
                println!("{:<22} seed {seed:>5}: {violation:.110}", format!("{mutant:?}"));
            }
            None => {
                survivors += 1;
                println!("{:<22} SURVIVES", format!("{mutant:?}"));
            }
        }
    }
    let faulty = finders.into_iter().filter_map(|seed| Some((seed, run(Plan::new(seed), false).violation?)));
    let faulty = faulty.inspect(|(seed, violation)| println!("WITHOUT ANY          seed {seed:>5}: {violation:.110}"));
    survivors == 0 && faulty.count() == 0
}

#[cfg(not(feature = "mutants"))]
fn mutants(_options: &Options) -> bool {
    eprintln!("this was built without the feature `mutants`");
    false
}
