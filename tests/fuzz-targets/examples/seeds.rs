//! Writes the transcripts of `tests/vectors` as inputs for the fuzzers: `cargo run -p fuzz-targets --example seeds`.
//! `cargo fuzz cmin` then throws away those that reach nothing new.

use std::fs;
use std::path::Path;

use anyhow::Result;
use fuzz_targets::calls::{self, Call};
use vectors::{Step, Vector};

fn main() -> Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (place, vector) in vectors::all()?.iter().enumerate() {
        let write = |target: &str, bytes: Vec<u8>| -> Result<()> {
            fs::create_dir_all(corpora.join(target))?;
            Ok(fs::write(corpora.join(target).join(format!("vector-{place:03}")), bytes)?)
        };
        write("decode", [vec![0x42, 3, 20], said_by_server(vector)].concat())?;
        write("calls", calls::write(u8::from(vector.settings.resp2), &calls_of(vector)))?;
        write("encode", first_command(vector))?;
    }
    Ok(())
}

fn said_by_server(vector: &Vector) -> Vec<u8> {
    let mut said = Vec::new();
    for step in &vector.steps {
        if let Step::Server(bytes) = step {
            said.extend(short(bytes));
        }
    }
    said
}

/// Very long strings make an input large, and the fuzzer slow.
fn short(bytes: &[u8]) -> &[u8] {
    bytes.get(..1024).unwrap_or(bytes)
}

fn first_command(vector: &Vector) -> Vec<u8> {
    let args = vector.steps.iter().find_map(|step| match step {
        Step::Call { command, .. } => Some(&command.args),
        _ => None,
    });
    let mut out = Vec::new();
    for arg in args.into_iter().flatten() {
        let arg = short(arg);
        out.extend((arg.len() as u16).to_le_bytes());
        out.extend(arg);
    }
    out
}

/// What a host would call. Ids and links count from 0 here: `target` adds one.
fn calls_of(vector: &Vector) -> Vec<Call> {
    let id = |id: u64| id.wrapping_sub(1) as u8;
    let mut link = 0;
    let mut calls = vec![Call::Opened { link, secret: vector.settings.password.is_some() }];
    for step in &vector.steps {
        match step {
            Step::Open { link: number, .. } => {
                link = *number as u8 - 1;
                if link > 0 {
                    calls.push(Call::Elapsed { time: 20_000_000 });
                    calls.push(Call::Opened { link, secret: vector.settings.password.is_some() });
                }
            }
            Step::Link(number) => link = *number as u8 - 1,
            Step::Server(bytes) => calls.push(Call::Received { link, skipped: 0, bytes: short(bytes).into() }),
            Step::HangUp => calls.push(Call::Closed { link, written: u32::MAX }),
            Step::Closes(number) => calls.push(Call::Closed { link: *number as u8 - 1, written: 60 }),
            Step::Call { id: call, command, .. } => {
                let words = command.args.iter().map(|arg| short(arg).into()).collect();
                calls.push(Call::Command { id: id(*call), seconds: 10, words });
            }
            Step::Transaction { id: call, commands, .. } => {
                calls.push(Call::Transaction { id: id(*call), commands: commands.len() as u8 - 1, lone: false });
            }
            Step::Cancel(call) => calls.push(Call::Cancel { id: id(*call) }),
            Step::Subscribe { id: subscription, kind, names } => {
                let kind =
                    ["channel", "pattern", "shard"].iter().position(|name| name == kind).unwrap_or_default() as u8;
                let names = names.iter().filter_map(|name| name.first().copied()).collect();
                calls.push(Call::Subscribe { id: id(*subscription), kind, own: false, names });
            }
            Step::Unsubscribe(subscription) => calls.push(Call::Unsubscribe { id: id(*subscription) }),
            _ => {}
        }
    }
    calls
}
