//! What came out of a scenario, and the table of it.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Faults that are kept word by word; all are counted.
const MAX_FAULTS: usize = 10;

/// What came out.
#[derive(Default)]
pub struct Outcome {
    counts: BTreeMap<String, u64>,
    faults: Vec<String>,
    more: usize,
}

impl Outcome {
    /// Counts something that may be.
    pub fn count(&mut self, name: &str, amount: u64) {
        *self.counts.entry(name.to_owned()).or_default() += amount;
    }

    /// Notes what must not be.
    pub fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Notes it, unless this is so.
    pub fn expect(&mut self, so: bool, fault: impl FnOnce() -> String) {
        if !so {
            self.fault(fault());
        }
    }

    /// Notes faults that somebody else found.
    pub fn faults(&mut self, faults: Vec<String>) {
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    pub fn is_fine(&self) -> bool {
        self.faults.is_empty()
    }

    fn counts(&self) -> String {
        let counts =
            self.counts.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{} {n}", name.replace('_', " ")));
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// One run of a scenario.
pub struct Run {
    pub scenario: &'static str,
    pub server: &'static str,
    pub seconds: f64,
    pub outcome: Outcome,
}

/// All runs, in Markdown that can be read as it is.
pub fn markdown(runs: &[Run], seed: u64) -> String {
    let mut text = String::from("| scenario | server | seconds | what was counted | |\n|---|---|---|---|---|\n");
    for Run { scenario, server, seconds, outcome } in runs {
        let verdict = if outcome.is_fine() { "ok" } else { "FAILED" };
        let _ = writeln!(text, "| {scenario} | {server} | {seconds:.1} | {} | {verdict} |", outcome.counts());
    }
    let _ = writeln!(text, "\nSeed {seed}. What was wrong:\n");
    for run in runs.iter().filter(|run| !run.outcome.is_fine()) {
        let _ = writeln!(text, "- {}, {}:", run.scenario, run.server);
        for fault in &run.outcome.faults {
            let _ = writeln!(text, "  - **{fault}**");
        }
        if run.outcome.more > 0 {
            let _ = writeln!(text, "  - and {} more", run.outcome.more);
        }
    }
    text
}
