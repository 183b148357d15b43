//! Writers of both hosts, all at once at the same place of the log: exactly one of them succeeds.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Scene;
use super::log::{Log, data, uuid};
use super::outcome::Outcome;
use super::stage::{NAMESPACE, Stage};

/// Of each host.
const WRITERS: u64 = 32;
/// What a link carries in the rounds that have cuts, at most.
const BUDGET: u64 = 60_000;

/// Half of the rounds is quiet; in the other half links are cut.
pub fn play(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    let rounds = if scene.quick { 60 } else { 600 };
    let mut stage = Stage::start(scene)?;
    let mut place = Place { position: 0, cursor: "0".to_owned(), open: false };
    let mut told = HashMap::new();
    for round in 0..rounds {
        let rough = round >= rounds / 2;
        stage.proxy.cut(if rough { BUDGET } else { 0 });
        let ends = race(&mut stage, round, &place.cursor, rough)?;
        place = judge(&stage, round, rough, place, &ends, outcome)?;
        told.insert(round, ends);
    }
    stage.proxy.cut(0);
    let log = stage.look(outcome)?;
    outcome.count("cuts", stage.proxy.cuts());
    compare(&log, &told, outcome);
    Ok(())
}

/// The head of the log.
struct Place {
    position: u64,
    cursor: String,
    /// Nobody was told to have won, and somebody that it may be: he still can, as what a link carried may be on its
    /// way.
    open: bool,
}

/// All that mean the boundary, in as many ways as conditions are checked.
fn items(round: u64) -> Value {
    match round % 6 {
        0 => json!([{ "tags": ["boundary:b"] }]),
        1 => json!([{ "types": ["Won"], "tags": ["boundary:b"] }]),
        2 => json!([{ "tags": ["boundary:b", "kind:x"] }]),
        3 => json!([{ "types": ["Lost", "Won"] }]),
        4 => json!([{}]),
        _ => json!([{ "types": ["Lost"], "tags": ["kind:y"] }, { "types": ["Won"], "tags": ["boundary:b", "kind:x"] }]),
    }
}

fn race(stage: &mut Stage, round: u64, after: &str, rough: bool) -> Result<Vec<Value>> {
    for (number, agent) in (0..).zip(stage.agents()) {
        agent.order(&json!({
            "do": "race", "round": round, "after": after, "items": items(round), "tags": ["boundary:b", "kind:x"],
            "writers": WRITERS, "base": number * WRITERS, "once": round % 4 < 2,
        }))?;
    }
    if rough && round.is_multiple_of(3) {
        stage.proxy.sever();
    }
    let mut ends = Vec::new();
    for agent in stage.agents() {
        let raced = agent.wait("raced", |line| line["round"] == round)?;
        ends.extend(raced["ends"].as_array().context("no ends")?.iter().cloned());
    }
    Ok(ends)
}

/// Looks at how a round ended. Gives where the next one begins.
fn judge(
    stage: &Stage,
    round: u64,
    rough: bool,
    before: Place,
    ends: &[Value],
    outcome: &mut Outcome,
) -> Result<Place> {
    let (mut won, mut maybe, mut conflicts) = (Vec::new(), 0, 0);
    for end in ends {
        let how = end["how"].as_str().unwrap_or_default();
        outcome.count(how, 1);
        match how {
            "done" => won.push(end),
            "maybe" => maybe += 1,
            "conflict" => conflicts += 1,
            "not_sent" if rough => {}
            _ => outcome.fault(format!("round {round}: {end}")),
        }
    }
    let next = before.position + 1;
    let one = won.len() == 1 || (rough && won.is_empty());
    let there = won.iter().all(|end| end["at"] == next);
    outcome.expect(one && there, || format!("round {round} behind {}: won {won:?}", before.cursor));
    if let [winner] = won.as_slice() {
        let cursor = winner["cursor"].as_str().unwrap_or_default().to_owned();
        return Ok(Place { position: next, cursor, open: false });
    }
    // Nobody knows: the log does.
    outcome.count("rounds without an answer", 1);
    let log = Log::read(&stage.server.url(), NAMESPACE)?;
    let grown = log.head.saturating_sub(before.position);
    let fits = if grown == 0 { conflicts == 0 } else { grown == 1 && (maybe > 0 || before.open) };
    outcome.expect(fits, || format!("round {round}: {grown} won, {maybe} perhaps, {conflicts} conflicts"));
    let cursor = log.events.last().map(|event| format!("{}@{}", log.head, uuid(event.event.id.0)));
    let open = grown == 0 && (maybe > 0 || before.open);
    Ok(Place { position: log.head, cursor: cursor.unwrap_or(before.cursor), open })
}

/// Each event is of a writer who was told so, or that it may be.
fn compare(log: &Log, told: &HashMap<u64, Vec<Value>>, outcome: &mut Outcome) {
    let mut acknowledged = told.values().flatten().filter(|end| end["how"] == "done").count();
    for event in &log.events {
        let said = data(event);
        let round = said["round"].as_u64().unwrap_or(u64::MAX);
        let end = told.get(&round).and_then(|ends| ends.iter().find(|end| end["w"] == said["w"]));
        let how = end.map(|end| &end["how"]);
        match how.and_then(Value::as_str) {
            Some("done") if end.is_some_and(|end| end["at"] == event.event.position) => acknowledged -= 1,
            Some("maybe") => {}
            _ => outcome.fault(format!("at {} is {said}, whose writer was told {how:?}", event.event.position)),
        }
    }
    outcome.expect(acknowledged == 0, || format!("{acknowledged} were acknowledged and are not there"));
}
