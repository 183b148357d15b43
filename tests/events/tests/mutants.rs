//! Each deliberate bug in the scripts is found, by the model or by a trap. What finds which is said with `--nocapture`.

use anyhow::{Context, Result, ensure};
use conformance::Kind;
use coracle_events::scripts::{APPEND, BODIES, CHECKPOINT, COMMANDS, LEASE, LISTEN, LOCK, PAGE, Script};
use events::check;
use events::link::Link;
use events::mutants::{MUTANTS, Mutant};
use events::target::Target;
use events::traps::{self, TRAPS};

const SCRIPTS: [Script; 8] = [APPEND, PAGE, BODIES, COMMANDS, LOCK, LEASE, CHECKPOINT, LISTEN];
/// As many cases of the model find what it can find.
const CASES: u64 = 600;

#[test]
fn finds_each() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let mut survivors = Vec::new();
    for mutant in MUTANTS {
        match found(&target, mutant) {
            Some(error) => {
                println!("{}: {}", mutant.name, format!("{error:#}").chars().take(200).collect::<String>());
            }
            None => survivors.push(mutant.name),
        }
    }
    ensure!(survivors.is_empty(), "not found:\n{}", survivors.join("\n"));
    Ok(())
}

/// Else anything that fails would be a bug that is found.
#[test]
fn finds_nothing_where_nothing_is_wrong() -> Result<()> {
    let nothing = Mutant { name: "nothing", old: "redis.call", new: "redis.call" };
    found(&Target::start(Kind::Redis, &[])?, &nothing).map_or(Ok(()), Err)
}

fn found(target: &Target, mutant: &Mutant) -> Option<anyhow::Error> {
    let prepare = |link: &mut Link| link.replace(mutant.old, mutant.new);
    let trapped = |slow: bool| {
        let traps = TRAPS.iter().filter(|trap| trap.0.starts_with("disjoint") == slow);
        traps.map(|trap| traps::run(target.url(), *trap, &prepare)).find_map(Result::err)
    };
    trapped(false)
        .or_else(|| (0..4).find_map(|seed| check::run(target.url(), seed, CASES, &prepare).err()))
        .or_else(|| trapped(true))
}

/// A bug that is not in the source any more, or one that is no program, would tell nothing.
#[test]
fn knows_the_source() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let mut link = Link::open(target.url())?;
    for mutant in MUTANTS {
        let sources = SCRIPTS.iter().map(|script| script.source()).filter(|source| source.contains(mutant.old));
        let mutated: Vec<String> = sources.map(|source| source.replace(mutant.old, mutant.new)).collect();
        ensure!(!mutated.is_empty(), "{}: it is not there", mutant.name);
        for source in mutated {
            link.query(&["SCRIPT", "LOAD", &source]).context(mutant.name)?;
        }
    }
    Ok(())
}
