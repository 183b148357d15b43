//! A few seeds each time; `make simulate` runs many.

use simulation::{Plan, run};

#[test]
fn all_invariants_hold() {
    for seed in 0..300 {
        let violation = run(Plan::new(seed), false).violation;
        assert_eq!(violation, None, "seed {seed}: `cargo run -p simulation -- --seed {seed}` tells it");
    }
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 0..20 {
        let (first, second) = (run(Plan::new(seed), true), run(Plan::new(seed), true));
        assert!(first.trace == second.trace && first.stats.events > 0, "seed {seed}");
    }
}
