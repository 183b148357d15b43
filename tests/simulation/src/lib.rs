//! The native core against a model server and a model network, in virtual time.
//!
//! A run is a function of its seed: the same seed gives the same plan, the same schedule and the same trace. While it
//! goes on, and at its end, invariants are checked; the first that does not hold ends it. [`minimise`] cuts a plan down
//! to what is needed for that.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a model that is wrong should stop, and each panic is caught and told with its seed"
)]

mod asks;
mod blocking;
mod bounds;
mod checks;
mod commands;
mod draw;
mod effects;
mod events;
mod host;
mod net;
mod network;
mod plan;
mod random;
mod renewal;
mod requests;
mod rows;
mod server;
mod session;
mod silence;
mod steps;
mod subscribers;
mod tape;
mod tenants;
mod users;
mod value;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use plan::Plan;
pub use world::Stats;
use world::World;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What was counted.
    pub stats: Stats,
    /// The invariant that did not hold.
    pub violation: Option<String>,
    /// Line by line, if it was asked for.
    pub trace: Vec<String>,
}

/// Runs a plan.
#[must_use]
pub fn run(plan: Plan, traced: bool) -> Outcome {
    let mut world = match World::new(plan, traced) {
        Ok(world) => world,
        Err(violation) => return Outcome { stats: Stats::default(), violation: Some(violation), trace: Vec::new() },
    };
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match result {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Some(format!("a panic: {}", text.unwrap_or("without a text")))
        }
    };
    Outcome { stats: world.stats, violation, trace: world.trace.unwrap_or_default() }
}

/// Takes steps out of a plan as long as what is left still fails in the same way.
#[must_use]
pub fn minimise(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut least = plan.clone();
    let mut size = least.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < least.steps.len() {
            let mut tried = least.clone();
            tried.steps.drain(from..(from + size).min(least.steps.len()));
            if fails(&tried) {
                least = tried;
                shorter = true;
            } else {
                from += size;
            }
        }
        if size == 1 && !shorter {
            break;
        }
        size = if size == 1 { 1 } else { size / 2 };
    }
    least
}
