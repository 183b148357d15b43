//! Many scripts, on all cores, and what came of them in all.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{Report, Script, generate, run};

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Totals {
    pub runs: usize,
    pub faults: BTreeMap<&'static str, u64>,
    /// Each with its script.
    pub failures: Vec<String>,
    pub took: Duration,
}

/// Runs the scripts of these seeds.
#[must_use]
pub fn each_seed(seeds: Range<u64>) -> Totals {
    let count = usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX);
    each(count, |place| generate(seeds.start + place as u64))
}

/// Runs so many scripts.
#[must_use]
pub fn each(count: usize, script: impl Fn(usize) -> Script + Sync) -> Totals {
    let start = Instant::now();
    let totals = Mutex::new(Totals::default());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        return;
                    }
                    let script = script(place);
                    let report = run(&script);
                    totals.lock().unwrap().add(&script, report);
                }
            });
        }
    });
    Totals { took: start.elapsed(), ..totals.into_inner().unwrap() }
}

impl Totals {
    fn add(&mut self, script: &Script, report: Report) {
        self.runs += 1;
        for (fault, count) in report.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        if !report.violations.is_empty() {
            let text = serde_json::to_string(script).unwrap();
            self.failures.push(format!("{}: {}\n{text}", script.name, report.violations.join("\n  ")));
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs in {:.1} s, {} failed", self.runs, self.took.as_secs_f64(), self.failures.len())?;
        self.faults.iter().try_for_each(|(fault, count)| write!(f, "\n{count:>9}  {fault}"))
    }
}
