//! What a command costs at the border of the sandbox: the component in wasmtime beside the same core run natively,
//! taken in turns; medians. Then how large batches become with 64 callers and a real server. Ends with one line of
//! JSON.

mod callers;
mod cases;
mod native;
mod sandbox;

use std::time::Instant;

use anyhow::Result;
use serde_json::{Map, Value, json};

use cases::{BATCHES, Case, SIZES};
use native::Native;
use sandbox::{Program, Sandbox};

/// Rounds of each measurement; the median counts.
const ROUNDS: usize = 31;

/// A core that can be driven: the same calls for both.
trait Subject {
    /// A call that does nothing.
    fn idle(&mut self, now: u64);
    /// Submits a batch. Gives how many rows were taken.
    fn submit(&mut self, now: u64, case: &Case) -> u32;
    /// Feeds the replies to it. Gives how many event words came.
    fn receive(&mut self, now: u64, replies: &[u8]) -> usize;
}

fn main() -> Result<()> {
    let mut report = Map::new();
    let started = Instant::now();
    let program = Program::compile().map_err(said)?;
    note(&mut report, "compile", started.elapsed().as_secs_f64() * 1e3, "ms");
    note(&mut report, "instantiate and configure", instantiate(&program)?, "µs");

    let (mut native, mut sandbox) = (Native::new()?, Sandbox::new(&program).map_err(said)?);
    let idle: (f64, f64) = both(&mut native, &mut sandbox, 2000, |subject, now| subject.idle(now));
    pair(&mut report, "an empty call", idle);
    for size in SIZES {
        for batch in BATCHES {
            let case = Case::new(batch, size);
            commands(&mut report, &mut native, &mut sandbox, &case);
        }
    }
    note(&mut report, "memory of the instance after that", sandbox.memory() as f64 / 1024.0, "KiB");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for callers in [1, 64] {
        let run = runtime.block_on(callers::run(callers))?;
        note(&mut report, &format!("{callers} callers, mean batch"), run.mean_batch, "commands");
        note(&mut report, &format!("{callers} callers, rate"), run.rate, "commands/s");
    }
    println!("{}", Value::Object(report));
    Ok(())
}

/// Submitting a batch, and reading its replies, by command.
fn commands(report: &mut Map<String, Value>, native: &mut Native, sandbox: &mut Sandbox, case: &Case) {
    let calls = (4000 / case.batch).max(20);
    let mut both_ways = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for _ in 0..ROUNDS {
        let subjects: [&mut dyn Subject; 2] = [native, sandbox];
        for (subject, (submits, receives)) in subjects.into_iter().zip(&mut both_ways) {
            let (submit, receive) = exchange(subject, case, calls);
            submits.push(submit);
            receives.push(receive);
        }
    }
    let [(native_out, native_in), (sandbox_out, sandbox_in)] = both_ways;
    let label = format!("batch of {}, {} B", case.batch, case.size);
    pair(report, &format!("a command, {label}"), (median(native_out), median(sandbox_out)));
    pair(report, &format!("its reply, {label}"), (median(native_in), median(sandbox_in)));
}

/// Nanoseconds a command, and a reply.
fn exchange(subject: &mut dyn Subject, case: &Case, calls: usize) -> (f64, f64) {
    let (mut out, mut back) = (0.0, 0.0);
    for call in 0..calls {
        let started = Instant::now();
        let taken = subject.submit(call as u64, case);
        out += started.elapsed().as_secs_f64();
        assert_eq!(taken as usize, case.batch, "the core does not take the batch");
        let started = Instant::now();
        let events = subject.receive(call as u64, &case.replies);
        back += started.elapsed().as_secs_f64();
        assert_eq!(events, case.batch * 3, "each command has one reply");
    }
    let commands = (calls * case.batch) as f64;
    (out * 1e9 / commands, back * 1e9 / commands)
}

fn both(native: &mut Native, sandbox: &mut Sandbox, calls: u32, call: impl Fn(&mut dyn Subject, u64)) -> (f64, f64) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let subjects: [&mut dyn Subject; 2] = [native, sandbox];
        for (subject, times) in subjects.into_iter().zip([&mut one, &mut other]) {
            let started = Instant::now();
            for now in 0..calls {
                call(subject, u64::from(now));
            }
            times.push(started.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
        }
    }
    (median(one), median(other))
}

fn instantiate(program: &Program) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS * 10 {
        let started = Instant::now();
        let sandbox = Sandbox::new(program).map_err(said)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        drop(sandbox);
    }
    Ok(median(times))
}

/// wasmtime has errors of its own.
fn said(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn pair(report: &mut Map<String, Value>, what: &str, (native, sandbox): (f64, f64)) {
    println!("{what:<34} native {native:>9.1} ns   wasmtime {sandbox:>9.1} ns");
    report.insert(what.to_owned(), json!({ "native_ns": round(native), "wasmtime_ns": round(sandbox) }));
}

fn note(report: &mut Map<String, Value>, what: &str, value: f64, unit: &str) {
    println!("{what:<34} {value:>12.1} {unit}");
    report.insert(format!("{what} ({unit})"), json!(round(value)));
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
