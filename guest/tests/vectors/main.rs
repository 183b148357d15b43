//! The vectors on the native core, whole and split at every byte.

#![expect(clippy::indexing_slicing, reason = "in a test, a panic is how it fails")]

mod host;
mod tape;

use anyhow::{Context, Result, ensure};
use host::{Event, Host};
use vectors::{Step, Vector};

#[test]
fn every_vector_holds_however_its_input_is_cut() {
    let vectors = vectors::all().expect("the vectors");
    assert!(!vectors.is_empty());
    let mut failures = Vec::new();
    for vector in &vectors {
        if let Err(error) = run_with_cuts(vector) {
            failures.push(format!("{error:#}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} vectors:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}

fn run_with_cuts(vector: &Vector) -> Result<()> {
    let total = vector.server_bytes();
    run(vector, &[]).with_context(|| format!("{}, whole", vector.name))?;
    let every: Vec<usize> = (1..total).collect();
    run(vector, &every).with_context(|| format!("{}, a byte at a time", vector.name))?;
    // Two pieces: every cut of a short input, and spread ones of a long one.
    let stride = (total / 2048).max(1);
    for cut in (1..total).step_by(stride) {
        run(vector, &[cut]).with_context(|| format!("{}, cut at {cut}", vector.name))?;
    }
    Ok(())
}

fn run(vector: &Vector, cuts: &[usize]) -> Result<()> {
    let mut host = Host::new(&vector.settings)?;
    let mut fed = 0;
    for (place, step) in vector.steps.iter().enumerate() {
        run_step(&mut host, step, cuts, &mut fed).with_context(|| format!("step {}: {}", place + 1, brief(step)))?;
    }
    host.nothing_left()
}

fn run_step(host: &mut Host, step: &Step, cuts: &[usize], fed: &mut usize) -> Result<()> {
    match step {
        Step::Open(link) => host.open(*link),
        Step::Link(link) => host.choose(*link),
        Step::Client(bytes) => host.expect_output(bytes),
        Step::Server(bytes) => {
            let (from, to) = (*fed, *fed + bytes.len());
            *fed = to;
            let inside = cuts.iter().filter(|cut| **cut > from && **cut < to).map(|cut| cut - from);
            let mut at = 0;
            for end in inside.chain([bytes.len()]) {
                host.input(bytes.get(at..end).unwrap_or_default())?;
                at = end;
            }
            Ok(())
        }
        Step::HangUp => host.hang_up(),
        Step::Closes(link) => host.expect_close(*link),
        Step::Call { id, args } => host.call(*id, vec![args.clone()], false),
        Step::Transaction { id, commands } => host.call(*id, commands.clone(), true),
        Step::Cancel(id) => host.cancel(*id),
        Step::Subscribe { id, kind, names } => host.subscribe(*id, kind, names),
        Step::Unsubscribe(id) => host.unsubscribe(*id),
        Step::Reply { id, value } => host.expect(&Event::Reply { id: *id, value: value.clone() }),
        Step::Message { id, value } => host.expect(&Event::Message { id: *id, value: value.clone() }),
        Step::Failed { id, failure, cause } => {
            host.expect(&Event::Failed { id: *id, failure: failure.clone(), cause: cause.clone() })
        }
        Step::Subscribed(id) => host.expect(&Event::Subscribed(*id)),
        Step::Gap(id) => host.expect(&Event::Gap(*id)),
        Step::Ended { id, failure, cause, value } => {
            let Some(Event::Ended { id: ended, failure: was, cause: why, value: error }) = host.event() else {
                anyhow::bail!("no end of a subscription")
            };
            ensure!(ended == *id, "{ended} ended");
            ensure!(was == *failure, "failure {was:?}");
            ensure!(cause.is_none() || why == *cause, "cause {why:?}");
            ensure!(value.is_none() || error == *value, "value {error:?}");
            Ok(())
        }
        Step::State { state, cause } => host.expect_state(state, cause.as_deref()),
    }
}

fn brief(step: &Step) -> String {
    let mut text = format!("{step:?}");
    if text.len() > 200 {
        text.truncate(200);
        text.push('…');
    }
    text
}
