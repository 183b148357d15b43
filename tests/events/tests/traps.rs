//! Each trap on each server.

use anyhow::{Context, Result};
use conformance::Kind;
use events::target::Target;
use events::traps::{TRAPS, run};

fn all(target: &Target) -> Result<()> {
    // Miniredis knows no DUMP of all kinds.
    let wrong = |name: &str| target.name() == "miniredis" && name.starts_with("keys ");
    TRAPS
        .iter()
        .filter(|(name, _)| !wrong(name))
        .try_for_each(|trap| run(target.url(), *trap, &|_| {}).context(target.name()))
}

#[test]
fn avoided_on_redis() -> Result<()> {
    all(&Target::start(Kind::Redis, &[])?)
}

#[test]
fn avoided_on_valkey() -> Result<()> {
    all(&Target::start(Kind::Valkey, &[])?)
}

#[test]
fn avoided_on_miniredis() -> Result<()> {
    all(&Target::miniredis()?)
}
