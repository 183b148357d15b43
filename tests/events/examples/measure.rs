//! What an operation costs the server: CPU time by INFO, memory an event.
//! Usage: measure redis|valkey EVENTS [only what begins so]

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use conformance::Kind;
use coracle_events::event::{Event, Id};
use coracle_events::pieces::Commands;
use coracle_events::plan::append::{self, Append, Condition, Marker, Order};
use coracle_events::plan::page;
use coracle_events::query::{Item, Query};
use coracle_events::validate;
use events::client::{Appending, Client, Given, at, fault};
use events::random::Random;
use events::target::Target;

const TYPES: [&str; 4] = ["Changed", "Defined", "Subscribed", "Unsubscribed"];
const BATCH: u64 = 50;
const OPERATIONS: u64 = 10_000;
const ROUNDS: u64 = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let kind = if arguments.get(1).is_some_and(|kind| kind == "valkey") { Kind::Valkey } else { Kind::Redis };
    let count: u64 = arguments.get(2).map_or(Ok(200_000), |count| count.parse())?;
    let only = arguments.get(3).cloned().unwrap_or_default();
    let target = Target::start(kind, &[])?;
    let mut bench =
        Bench { client: Client::open(target.url(), "bench")?, head: 0, random: Random::new(1), last: Id(0) };
    let first = bench.first();
    bench.client.append(&Appending { events: vec![first], ..Appending::default() })?.map_err(fault)?;
    bench.head = 1;
    let before = bench.info("used_memory:")?;
    let begun = Instant::now();
    bench.fill(count)?;
    let memory = (bench.info("used_memory:")? - before) / count as f64;
    println!(
        "{} {count} events, filled in {:.1?}: {memory:.0} bytes an event with 2 tags",
        target.name(),
        begun.elapsed()
    );
    for (name, operation) in OPERATIONS_OF {
        if name.starts_with(&only) {
            bench.measure(name, *operation)?;
        }
    }
    Ok(())
}

type Calls = (Commands, Vec<Vec<u8>>);
type Operation = fn(&mut Bench) -> Result<Calls>;

/// An append's condition is about the tags of its own event, as it mostly is.
const OPERATIONS_OF: &[(&str, Operation)] = &[
    ("append 1 tag", |bench| bench.append(1, |_| Vec::new(), false)),
    ("append 2 tags", |bench| bench.append(2, |_| Vec::new(), false)),
    ("append 3 tags", |bench| bench.append(3, |_| Vec::new(), false)),
    ("append 2 tags, command", |bench| bench.append(2, |_| Vec::new(), true)),
    ("append if, 1 tag", |bench| bench.append(1, |tags| vec![item(&["Subscribed"], tags)], false)),
    ("append if, 3 tags", |bench| bench.append(3, |tags| vec![item(&["Subscribed"], tags)], false)),
    ("append if, 3 items", |bench| {
        bench.append(3, |tags| tags.iter().map(|tag| item(&[], std::slice::from_ref(tag))).collect(), false)
    }),
    ("append if, course", |bench| bench.append(2, course, false)),
    ("append if, course, command", |bench| bench.append(2, course, true)),
    ("read 10 events", |bench| bench.read("student", 10)),
    ("read 10 events, types", |bench| bench.read("student+", 10)),
    ("read 100 events", |bench| bench.read("course", 100)),
    ("read 10 of the end", |bench| bench.read("end", 10)),
    ("read course and student", |bench| bench.read("both", 10)),
];

/// Of its course, of its student, of both.
fn course(tags: &[String]) -> Vec<Item> {
    let (course, student) = tags.split_at(1);
    vec![
        item(&["Changed", "Defined", "Subscribed"], course),
        item(&["Subscribed"], student),
        item(&["Subscribed"], tags),
    ]
}

fn item(types: &[&str], tags: &[String]) -> Item {
    Item { types: types.iter().map(ToString::to_string).collect(), tags: tags.to_vec() }
}

struct Bench {
    client: Client,
    head: u64,
    random: Random,
    last: Id,
}

impl Bench {
    fn first(&mut self) -> Given {
        let event = self.event(2);
        Given { event, data: b"{}".to_vec(), metadata: Vec::new() }
    }

    fn info(&mut self, field: &str) -> Result<f64> {
        let redis::Value::BulkString(text) = self.client.link.query(&["INFO"])? else { anyhow::bail!("no INFO") };
        let text = String::from_utf8(text)?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
        Ok(line.parse()?)
    }

    fn fill(&mut self, count: u64) -> Result<()> {
        for _ in 0..count / BATCH {
            let calls = (0..BATCH).map(|_| self.append(2, |_| Vec::new(), false)).collect::<Result<Vec<_>>>()?;
            self.done(&calls)?;
        }
        Ok(())
    }

    fn done(&mut self, calls: &[Calls]) -> Result<()> {
        for value in self.client.link.pipeline(calls)? {
            let redis::Value::Array(values) = value else { anyhow::bail!("{value:?}") };
            ensure!(values.first() == Some(&redis::Value::Int(0)), "{values:?}");
        }
        Ok(())
    }

    fn measure(&mut self, name: &str, operation: Operation) -> Result<()> {
        // Scripts that the server does not know yet.
        let (commands, blobs) = operation(self)?;
        self.client.link.send(&commands, &blobs)?;
        let mut results = [0.0; 2];
        for (batch, result) in [1, BATCH].into_iter().zip(&mut results) {
            self.client.link.query(&["CONFIG", "RESETSTAT"])?;
            let mut rounds = [0.0; ROUNDS as usize];
            for round in &mut rounds {
                let before = self.cpu()?;
                for _ in 0..OPERATIONS / ROUNDS / batch {
                    let calls = (0..batch).map(|_| operation(self)).collect::<Result<Vec<_>>>()?;
                    self.done(&calls)?;
                }
                *round = (self.cpu()? - before) * 1e6 / (OPERATIONS / ROUNDS) as f64;
            }
            // The median: other programs disturb.
            rounds.sort_unstable_by(f64::total_cmp);
            *result = rounds.get(rounds.len() / 2).copied().unwrap_or_default();
        }
        let ([single, piped], script) = (results, self.script()?);
        println!(
            "{name:26} {single:5.1} µs one by one, {piped:5.1} in pipelines of {BATCH}, {script:5.1} in the script"
        );
        Ok(())
    }

    fn script(&mut self) -> Result<f64> {
        let redis::Value::BulkString(text) = self.client.link.query(&["INFO", "commandstats"])? else { return Ok(0.0) };
        let text = String::from_utf8(text)?;
        let line = text.lines().find(|line| line.starts_with("cmdstat_evalsha")).context("no EVALSHA")?;
        Ok(line.split("usec_per_call=").nth(1).and_then(|rest| rest.split(',').next()).context("no figure")?.parse()?)
    }

    fn cpu(&mut self) -> Result<f64> {
        Ok(self.info("used_cpu_user:")? + self.info("used_cpu_sys:")?)
    }

    fn tags(&mut self, count: u64) -> Vec<String> {
        let number = self.random.below(self.head / 10 + 1);
        let mut tags = vec![format!("student:{number}")];
        if count > 1 {
            tags.push(format!("course:{}", number / 10));
        }
        if count > 2 {
            tags.push(format!("term:{}", number / 1000));
        }
        tags.sort_unstable();
        tags
    }

    fn event(&mut self, tags: u64) -> Event {
        let kind = TYPES.get(self.random.below(4) as usize).copied().unwrap_or_default().to_owned();
        self.last = Id(self.random.wide());
        Event { id: self.last, kind, tags: self.tags(tags), data: 0, metadata: 0 }
    }

    fn append(&mut self, tags: u64, items: fn(&[String]) -> Vec<Item>, command: bool) -> Result<Calls> {
        let after = at(self.head, self.last);
        let event = self.event(tags);
        let items = items(&event.tags);
        let query = (!items.is_empty()).then(|| validate::query("query", items).unwrap_or_default());
        let condition = query.map(|query| Condition { query, after });
        let id = Id(self.random.wide());
        let append = Append {
            events: &[event],
            blob: 0,
            condition: condition.as_ref(),
            marker: command.then_some(Marker { id, fingerprint: id.0, ttl: 60_000 }),
            command: command.then_some(Order { id, kind: "Subscribe", metadata: 0, blob: 2 }),
            locks: &[],
            budget: 100_000,
            segment_bytes: 1 << 30,
        };
        self.head += 1;
        let data = format!("{{\"n\":{:012}}}", self.head).into_bytes();
        let plan = append::plan(&self.client.layout, &self.client.segments, &append);
        Ok((plan, vec![data, Vec::new(), b"{}".to_vec(), Vec::new()]))
    }

    fn read(&mut self, what: &str, limit: u32) -> Result<Calls> {
        let tags = self.tags(2);
        let (course, student) = tags.split_at(1);
        let item = match what {
            "student" => item(&[], student),
            "student+" => item(&TYPES, student),
            "course" => item(&[], course),
            "both" => item(&[], &tags),
            _ => Item::default(),
        };
        let from = if what == "end" { self.head - 11 } else { 0 };
        let query = Query { items: vec![item] };
        let read = page::Read {
            query: &query,
            from,
            until: None,
            backwards: false,
            check: None,
            limit,
            bytes: 1 << 20,
            budget: 100_000,
        };
        Ok((page::plan(&self.client.layout, &self.client.segments, &read), Vec::new()))
    }
}
