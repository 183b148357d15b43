//! The scripts against the model. `CORACLE_EVENTS_SEEDS=0..20` runs more seeds.

use std::ops::Range;

use anyhow::{Context, Result};
use conformance::Kind;
use events::check::{self, CASES};
use events::target::Target;

fn seeds() -> Result<Range<u64>> {
    let Ok(text) = std::env::var("CORACLE_EVENTS_SEEDS") else { return Ok(0..1) };
    let (from, to) = text.split_once("..").context("CORACLE_EVENTS_SEEDS is such as 0..20")?;
    Ok(from.parse()?..to.parse()?)
}

fn holds(target: &Target) -> Result<()> {
    seeds()?.try_for_each(|seed| check::run(target.url(), seed, CASES, &|_| {}).context(target.name()))
}

#[test]
fn holds_on_redis() -> Result<()> {
    holds(&Target::start(Kind::Redis, &[])?)
}

#[test]
fn holds_on_valkey() -> Result<()> {
    holds(&Target::start(Kind::Valkey, &[])?)
}

#[test]
fn holds_on_miniredis() -> Result<()> {
    holds(&Target::miniredis()?)
}
