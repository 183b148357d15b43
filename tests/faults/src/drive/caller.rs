//! One caller: unique work on keys of its own, one call after the other, each reply held against what it can be.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use coracle::redis::Value;
use coracle::{Client, Command, Error};
use serde_json::json;

use super::tally::{Ended, Tally, say};

/// After a failure, so that an outage is not a busy loop.
const BREATH: Duration = Duration::from_millis(10);
/// Values that may have been set and were not confirmed; older ones are taken to be over.
const MAX_MAYBES: usize = 4096;
/// How often a tag stands in a large value: far above what enters the sandbox.
const REPEATS: usize = 4096;

/// What all callers of a run share.
pub struct Shared {
    pub client: Client,
    pub tally: Tally,
    pub deadline: Duration,
    pub stop: AtomicBool,
}

/// How often something was done for sure, and how often perhaps.
#[derive(Default)]
struct Range {
    sure: u64,
    maybe: u64,
}

impl Range {
    /// Whether the count can be `count` right after one more was done.
    fn allows_next(&self, count: u64) -> bool {
        (self.sure + 1..=self.sure + self.maybe + 1).contains(&count)
    }

    fn note<T>(&mut self, result: &Result<T, Ended>) {
        match result {
            Ok(_) => self.sure += 1,
            Err(Ended::Maybe) => self.maybe += 1,
            Err(Ended::Never) => {}
        }
    }
}

/// One caller, with what it knows of its keys.
pub struct Caller {
    number: u64,
    shared: Arc<Shared>,
    rounds: u64,
    appends: u64,
    appended: Range,
    counted: Range,
    transacted: Range,
    set: Option<u64>,
    maybe_set: BTreeSet<u64>,
}

impl Caller {
    pub fn new(number: u64, shared: Arc<Shared>) -> Self {
        Self {
            number,
            shared,
            rounds: 0,
            appends: 0,
            appended: Range::default(),
            counted: Range::default(),
            transacted: Range::default(),
            set: None,
            maybe_set: BTreeSet::new(),
        }
    }

    /// Works until it is told to stop. Gives what the runner needs to look at the keys.
    pub async fn run(mut self) -> serde_json::Value {
        while !self.shared.stop.load(Relaxed) {
            self.rounds += 1;
            let fine = match self.rounds % 7 {
                0 => self.append().await,
                1 => self.set().await,
                2 => self.get().await,
                3 => self.count().await,
                4 => self.transact().await,
                5 => self.echo().await,
                _ => self.large().await,
            };
            if fine.is_err() {
                tokio::time::sleep(BREATH).await;
            }
        }
        json!({
            "c": self.number, "appends": self.appends,
            "count": [self.counted.sure, self.counted.maybe], "transact": [self.transacted.sure, self.transacted.maybe],
            "set": self.set, "maybe_set": self.maybe_set,
        })
    }

    /// Appends a token that no other append has. Tokens are as long as nobody else's: lengths can't be confused.
    async fn append(&mut self) -> Result<(), Ended> {
        let (token, width) = (self.appends, 8 + self.number);
        self.appends += 1;
        let text = format!("{token:0digits$};", digits = usize::try_from(width - 1).unwrap_or(8));
        let started = Instant::now();
        let result = self.call(Command::new("APPEND").arg(self.key("append")).arg(text)).await;
        match &result {
            Ok(reply) => {
                self.shared.tally.wrote(started);
                let length = number(reply);
                self.expect(
                    length.is_some_and(|n| n % width == 0 && self.appended.allows_next(n / width)),
                    "APPEND",
                    reply,
                );
            }
            Err(how) => say(&json!({ "say": "append", "c": self.number, "n": token, "how": how.name() })),
        }
        self.appended.note(&result);
        result.map(drop)
    }

    async fn set(&mut self) -> Result<(), Ended> {
        let value = self.rounds;
        let result = self.call(Command::new("SET").arg(self.key("set")).arg(self.tag(value))).await;
        match &result {
            Ok(reply) => {
                self.expect(*reply == Value::Okay, "SET", reply);
                self.set = Some(value);
            }
            Err(Ended::Maybe) => {
                self.maybe_set.insert(value);
                if self.maybe_set.len() > MAX_MAYBES {
                    self.maybe_set.pop_first();
                }
            }
            Err(Ended::Never) => {}
        }
        result.map(drop)
    }

    async fn get(&mut self) -> Result<(), Ended> {
        let reply = self.call(Command::new("GET").arg(self.key("set"))).await?;
        let tally = &self.shared.tally;
        if reply == Value::Nil {
            if let Some(set) = self.set {
                tally.complain("lost", || format!("caller {} set {set} and got nil", self.number));
            }
            return Ok(());
        }
        let Some(value) = text(&reply).and_then(|text| text.strip_prefix(&self.tag_prefix())?.parse::<u64>().ok())
        else {
            self.expect(false, "GET", &reply);
            return Ok(());
        };
        if Some(value) == self.set || self.maybe_set.contains(&value) {
            return Ok(());
        }
        let detail = || format!("caller {} got {value}, and {:?} was set", self.number, self.set);
        tally.complain(if Some(value) < self.set { "lost" } else { "phantom" }, detail);
        Ok(())
    }

    /// Counts in steps that are nobody else's.
    async fn count(&mut self) -> Result<(), Ended> {
        let step = self.step();
        let result = self.call(Command::new("INCRBY").arg(self.key("count")).arg(step.to_string())).await;
        if let Ok(reply) = &result {
            let count = number(reply);
            self.expect(count.is_some_and(|n| n % step == 0 && self.counted.allows_next(n / step)), "INCRBY", reply);
        }
        self.counted.note(&result);
        result.map(drop)
    }

    /// Two counters that are only ever changed together.
    async fn transact(&mut self) -> Result<(), Ended> {
        let step = self.step();
        let add = |key: String| Command::new("INCRBY").arg(key).arg(step.to_string());
        let commands = vec![add(self.key("one")), add(self.key("other"))];
        let started = Instant::now();
        let result = self.shared.client.transaction(commands).await;
        let result = self.shared.tally.end(started, self.shared.deadline, result);
        if let Ok(reply) = &result {
            let counts: Vec<_> = match reply {
                Value::Array(counts) => counts.iter().filter_map(number).collect(),
                _ => Vec::new(),
            };
            let fine = matches!(*counts.as_slice(), [one, other]
                if one == other && one % step == 0 && self.transacted.allows_next(one / step));
            self.expect(fine, "EXEC", reply);
        }
        self.transacted.note(&result);
        result.map(drop)
    }

    /// A reply that can be nobody else's.
    async fn echo(&mut self) -> Result<(), Ended> {
        let tag = self.tag(self.rounds);
        let reply = self.call(Command::new("ECHO").arg(tag.as_str())).await?;
        self.expect(text(&reply) == Some(tag.as_str()), "ECHO", &reply);
        Ok(())
    }

    /// A value that goes by the sandbox in both directions; now and then, as it is most of the bytes.
    async fn large(&mut self) -> Result<(), Ended> {
        if self.rounds % 35 != 6 {
            return Ok(());
        }
        let value = format!("{};", self.tag(self.rounds)).repeat(REPEATS);
        let commands = vec![
            Command::new("SET").arg(self.key("large")).arg(value.as_str()),
            Command::new("GET").arg(self.key("large")),
        ];
        let started = Instant::now();
        let result = self.shared.client.pipeline(commands).await;
        let results = match result {
            Ok(results) => results,
            Err(error) => vec![Err(error)],
        };
        let mut fine = Ok(());
        for result in results {
            match self.shared.tally.end(started, self.shared.deadline, result) {
                Ok(Value::Okay) => {}
                Ok(reply) => {
                    let own = text(&reply).is_some_and(|text| repeats(text, &self.tag_prefix()));
                    self.expect(own || reply == Value::Nil, "a large GET", &Value::Nil);
                }
                Err(how) => fine = Err(how),
            }
        }
        fine
    }

    async fn call(&self, command: Command) -> Result<Value, Ended> {
        let started = Instant::now();
        let result: Result<Value, Error> = self.shared.client.call(command).await;
        self.shared.tally.end(started, self.shared.deadline, result)
    }

    fn expect(&self, fine: bool, command: &str, reply: &Value) {
        if !fine {
            let detail = || {
                let Range { sure, maybe } = self.appended;
                format!("caller {} got {reply:?} for {command} (appended {sure}, perhaps {maybe} more)", self.number)
            };
            self.shared.tally.complain("crossed", detail);
        }
    }

    fn key(&self, what: &str) -> String {
        format!("f:{}:{what}", self.number)
    }

    fn tag(&self, value: u64) -> String {
        format!("{}{value}", self.tag_prefix())
    }

    fn tag_prefix(&self) -> String {
        format!("c{}:", self.number)
    }

    fn step(&self) -> u64 {
        1000 + self.number
    }
}

/// One tag with this prefix, again and again, and nothing else.
fn repeats(text: &str, prefix: &str) -> bool {
    let Some((tag, _)) = text.split_once(';') else { return false };
    tag.starts_with(prefix)
        && text.split_terminator(';').count() == REPEATS
        && text.split_terminator(';').all(|t| t == tag)
}

fn number(reply: &Value) -> Option<u64> {
    match reply {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn text(reply: &Value) -> Option<&str> {
    match reply {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
