//! What came out, as a table for people.

use std::fmt::Write;

use serde_json::Value;

use super::rig::count;
use super::verify::Verdict;

/// One run of a scenario.
pub struct Run {
    pub scenario: &'static str,
    pub host: &'static str,
    pub server: &'static str,
    /// What the driver counted.
    pub done: Value,
    pub found: Verdict,
    /// Milliseconds until calls, and messages, were back; `None` if never.
    pub calls_back: Option<u64>,
    pub news_back: Option<u64>,
    /// What went wrong in the scenario itself.
    pub broken: Option<String>,
}

/// The counts that every run shows.
const COUNTS: [&str; 7] = ["sent", "answered", "server_error", "not_sent", "maybe", "refused", "deadline"];
/// Counts of the driver that must be 0, beside those of the verdict.
pub(super) const NEVER: [&str; 10] =
    ["lost", "phantom", "crossed", "hung", "missing", "disorder", "silent", "traps", "core", "misuse"];
/// Of a run that came to its end, what a driver tells even if there was none, and of what there is always some: a count
/// that is not told is 0, so a driver that tells nothing would be a good one.
const ALWAYS: [&str; 2] = ["traps", "slowest_ms"];
const SOME: [&str; 2] = ["sent", "answered"];
/// Their columns, after those of `COUNTS`.
const COLUMNS: [&str; 9] = [
    "lost",
    "crossed",
    "executed though not sent",
    "twice",
    "torn",
    "hung",
    "missing",
    "disorder",
    "gaps, dropped, ended",
];

impl Run {
    /// Why it failed; nothing if it did not.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.broken.iter().cloned().collect();
        let Verdict { lost, phantom, twice, torn } = self.found;
        let found = [("lost", lost), ("phantom", phantom), ("twice", twice), ("torn", torn)];
        let told = NEVER.map(|name| (name, count(&self.done, name)));
        faults.extend(found.into_iter().chain(told).filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name}: {n}")));
        if self.broken.is_none() {
            let silent = ALWAYS.into_iter().filter(|name| !self.done[*name].is_u64());
            faults.extend(silent.map(|name| format!("{name} was not told")));
            let none = SOME.into_iter().filter(|name| count(&self.done, name) == 0);
            faults.extend(none.map(|name| format!("{name}: 0")));
        }
        for (what, back) in [("calls", self.calls_back), ("messages", self.news_back)] {
            if back.is_none() {
                faults.push(format!("{what} never came back"));
            }
        }
        faults
    }

    fn cells(&self) -> Vec<String> {
        let told = |name: &str| count(&self.done, name);
        let mut cells = vec![self.scenario.to_owned(), self.host.to_owned(), self.server.to_owned()];
        cells.extend(COUNTS.map(|name| told(name).to_string()));
        let Verdict { lost, phantom, twice, torn } = self.found;
        cells.extend(
            [lost + told("lost"), told("crossed"), phantom + told("phantom"), twice, torn].map(|n| n.to_string()),
        );
        cells.extend(["hung", "missing", "disorder"].map(|name| told(name).to_string()));
        cells.push(format!("{}, {}, {}", told("gaps"), told("dropped"), told("subscription_ended")));
        let back = |ms: Option<u64>| ms.map_or_else(|| "never".to_owned(), |ms| ms.to_string());
        cells.extend([told("slowest_ms").to_string(), back(self.calls_back), back(self.news_back)]);
        cells.push(if self.faults().is_empty() { "ok".into() } else { "FAILED".into() });
        cells
    }

    /// Why calls failed, by cause or by the server's word.
    fn reasons(&self) -> String {
        let counts = self.done.as_object().into_iter().flatten();
        let reasons = counts.filter_map(|(name, n)| Some(format!("{} {n}", name.strip_prefix("why ")?)));
        reasons.collect::<Vec<_>>().join(", ")
    }
}

/// The whole report, in Markdown that can be read as it is.
pub fn markdown(runs: &[Run], seed: u64) -> String {
    let mut head = vec!["scenario", "host", "server"];
    head.extend(COUNTS.map(|name| if name == "server_error" { "server errors" } else { name }));
    head.extend(COLUMNS);
    head.extend(["slowest ms", "calls back ms", "messages back ms", ""]);
    let head: Vec<String> = head.into_iter().map(|cell| cell.replace('_', " ")).collect();
    let rows: Vec<Vec<String>> = runs.iter().map(Run::cells).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().chain([&head]).filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut text = line(&head, &widths);
    text += &line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>(), &widths);
    for row in &rows {
        text += &line(row, &widths);
    }
    let _ = write!(text, "\nSeed {seed}. Why calls failed, and what was wrong:\n\n");
    for run in runs {
        let _ = writeln!(text, "- {}, {}, {}: {}", run.scenario, run.host, run.server, run.reasons());
        for fault in run.faults() {
            let _ = writeln!(text, "  - **{fault}**");
        }
        for complaint in run.done["complaints"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  - {}", complaint.as_str().unwrap_or_default());
        }
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:<width$} |")).collect::<String>();
    format!("|{padded}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(done: Value) -> Run {
        let found = Verdict::default();
        let (calls_back, news_back, broken) = (Some(1), Some(1), None);
        Run { scenario: "s", host: "h", server: "v", done, found, calls_back, news_back, broken }
    }

    #[test]
    fn what_must_not_be_is_told() {
        let well = json!({ "traps": 0, "slowest_ms": 7, "sent": 2, "answered": 1 });
        assert_eq!(run(well.clone()).faults(), [""; 0]);
        for name in NEVER {
            let mut done = well.clone();
            done[name] = json!(1);
            assert_eq!(run(done).faults(), [format!("{name}: 1")]);
        }
        let never = Run { calls_back: None, ..run(well) };
        assert_eq!(never.faults(), ["calls never came back"]);
        assert_eq!(run(json!({})).faults().len(), ALWAYS.len() + SOME.len());
    }
}
