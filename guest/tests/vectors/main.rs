//! The vectors on the native core, whole and split at every byte.

#![expect(clippy::indexing_slicing, reason = "in a test, a panic is how it fails")]

mod host;
mod tape;

use anyhow::{Context, Result};
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
        Step::Open { link, endpoint } => host.open(*link, *endpoint),
        Step::Refuse { link, reason } => host.refuse(*link, reason),
        Step::Link(link) => host.choose(*link),
        Step::Client(bytes) => host.expect_output(bytes),
        Step::Server(bytes) => feed(host, bytes, cuts, fed),
        Step::HangUp => host.hang_up(),
        Step::Stall(room) => host.stall(*room),
        Step::Closes(link) => host.expect_close(*link),
        Step::Call { id, session, command } => host.call(*id, *session, vec![command.clone()], false),
        Step::Transaction { id, session, commands } => host.call(*id, *session, commands.clone(), true),
        Step::Cancel(id) => host.cancel(*id),
        Step::Lease(session) => host.lease(*session),
        Step::Release(session) => host.release(*session),
        Step::Renew { id, username, password } => host.renew(*id, username, password),
        Step::Subscribe { id, kind, names } => host.subscribe(*id, kind, names),
        Step::Unsubscribe(id) => host.unsubscribe(*id),
        Step::Drain(within) => host.drain(*within),
        Step::Reply { id, value, raw } => {
            host.expect(&Event::Reply { id: *id, value: value.clone(), raw: raw.clone() })
        }
        Step::Message { id, value } => host.expect(&Event::Message { id: *id, value: value.clone() }),
        Step::Failed { id, failure, cause } => {
            host.expect(&Event::Failed { id: *id, failure: failure.clone(), cause: cause.clone() })
        }
        Step::Leased { session, end } => host.expect(&Event::Leased { session: *session, end: end.clone() }),
        Step::Renewed { id, end } => host.expect(&Event::Renewed { id: *id, end: end.clone() }),
        Step::Subscribed(id) => host.expect(&Event::Subscribed(*id)),
        Step::Gap(id) => host.expect(&Event::Gap(*id)),
        Step::Ended { id, end, value } => host.expect_end(*id, end.as_ref(), value.as_ref()),
        Step::State { state, cause } => host.expect_state(state, cause.as_deref()),
    }
}

/// The server says this, cut where it is to be.
fn feed(host: &mut Host, bytes: &[u8], cuts: &[usize], fed: &mut usize) -> Result<()> {
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

fn brief(step: &Step) -> String {
    let mut text = format!("{step:?}");
    if text.len() > 200 {
        text.truncate(200);
        text.push('…');
    }
    text
}
