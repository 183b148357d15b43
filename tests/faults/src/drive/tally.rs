//! What is counted, and what is said to the runner.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coracle::{Cause, Error, Failure, Outcome};
use serde_json::{Map, Value, json};

/// How much later than its deadline a call may return before it counts as hung: two cores are shared by the server, the
/// driver and whatever else runs.
pub const MARGIN: Duration = Duration::from_secs(1);
/// Complaints that are kept word by word; all are counted.
const MAX_COMPLAINTS: usize = 5;

/// How a call ended that has no reply to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client, or the server, says that it was not executed.
    Never,
    /// Nobody knows.
    Maybe,
}

impl Ended {
    /// Its name on the line to the runner.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Maybe => "maybe",
        }
    }
}

/// Counts by name: there are few, and each call touches two or three.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
    complaints: Mutex<Vec<String>>,
    slowest: AtomicU64,
    mark: Mutex<Mark>,
}

#[derive(Default)]
struct Mark {
    at: Option<Instant>,
    calls: bool,
    news: bool,
}

impl Tally {
    pub fn add(&self, name: &str, amount: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(name) {
            Some(count) => *count += amount,
            None => drop(counts.insert(name.to_owned(), amount)),
        }
    }

    /// Counts something that must not happen, and keeps what it was.
    pub fn complain(&self, name: &str, text: impl FnOnce() -> String) {
        self.add(name, 1);
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(format!("{name}: {}", text()));
        }
    }

    /// Counts how a call ended, and gives its reply.
    pub fn end<T>(&self, started: Instant, deadline: Duration, result: Result<T, Error>) -> Result<T, Ended> {
        self.add("sent", 1);
        let took = started.elapsed();
        self.slowest.fetch_max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Relaxed);
        if took > deadline + MARGIN {
            self.complain("hung", || format!("a call took {took:?}"));
        }
        let error = match result {
            Ok(reply) => {
                self.add("answered", 1);
                return Ok(reply);
            }
            Err(error) => error,
        };
        self.add(bucket(&error), 1);
        self.add(&format!("why {}", reason(&error)), 1);
        if error.cause() == Cause::Deadline {
            self.add("deadline", 1);
        }
        Err(if error.outcome() == Outcome::MaybeExecuted { Ended::Maybe } else { Ended::Never })
    }

    /// The fault is over: the next successes are told to the runner.
    pub fn mark(&self) {
        *self.lock_mark() = Mark { at: Some(Instant::now()), calls: false, news: false };
    }

    /// A write that began at `started` was answered.
    pub fn wrote(&self, started: Instant) {
        let mut mark = self.lock_mark();
        if let Some(at) = mark.at.filter(|at| *at <= started && !mark.calls) {
            mark.calls = true;
            say(&json!({ "say": "recovered", "what": "calls", "ms": millis(at.elapsed()) }));
        }
    }

    /// A message arrived that was published after the mark.
    pub fn heard(&self) {
        let mut mark = self.lock_mark();
        if let Some(at) = mark.at.filter(|_| !mark.news) {
            mark.news = true;
            say(&json!({ "say": "recovered", "what": "news", "ms": millis(at.elapsed()) }));
        }
    }

    /// All counts, for the runner.
    pub fn report(&self) -> Map<String, Value> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report: Map<_, _> = counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        report.insert("slowest_ms".into(), json!(self.slowest.load(Relaxed)));
        report.insert("complaints".into(), json!(*self.complaints.lock().unwrap_or_else(PoisonError::into_inner)));
        report
    }

    fn lock_mark(&self) -> std::sync::MutexGuard<'_, Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The count that an error belongs to.
fn bucket(error: &Error) -> &'static str {
    match error {
        Error::Server(_) => "server_error",
        Error::Core { .. } => "core",
        Error::Failed(failed) => match failed.failure {
            Failure::NotSent => "not_sent",
            Failure::MaybeExecuted => "maybe",
            Failure::Refused => "refused",
            Failure::Limit => "limit",
            _ => "misuse",
        },
        _ => "misuse",
    }
}

/// The cause, or the first word of what the server said.
fn reason(error: &Error) -> String {
    match error {
        Error::Server(error) => error.text.split(' ').next().unwrap_or_default().to_owned(),
        other => other.kind().to_owned(),
    }
}

/// One line to the runner. A runner that is gone ends this process by the end of its input.
pub fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
