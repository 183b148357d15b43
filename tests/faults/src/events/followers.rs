//! Many who follow the log through each host, and what they were told, held against it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::run::agent::Host;

use super::log::Log;
use super::outcome::Outcome;
use super::stage::Stage;

/// Of each host: every fourth follows all of the log, the others an account each.
const FOLLOWERS: u64 = 16;
/// All have heard of the last event so soon after it: sooner than a wait for the bell ends by itself.
const BOUND: Duration = Duration::from_secs(20);
/// Between two looks at what the agents say.
const LOOK: Duration = Duration::from_millis(5);

/// The positions that each of them was told, in that order.
pub struct Followers {
    told: BTreeMap<(&'static str, String), Vec<u64>>,
}

impl Followers {
    /// Has both agents begin.
    pub fn start(stage: &mut Stage) -> Result<Self> {
        let mut told = BTreeMap::new();
        for agent in stage.agents() {
            for number in 0..FOLLOWERS {
                let tag = name(number);
                let items = account(&tag).map_or_else(|| json!([{}]), |account| json!([{ "tags": [account] }]));
                agent.order(&json!({ "do": "follow", "tag": tag, "after": "0", "items": items }))?;
                told.insert((agent.host.name(), tag), Vec::new());
            }
        }
        Ok(Self { told })
    }

    /// Notes what one of them was told.
    pub fn note(&mut self, host: Host, line: &Value) -> Result<()> {
        let follower = (host.name(), line["tag"].as_str().context("a follower without a tag")?.to_owned());
        let told = self.told.get_mut(&follower).with_context(|| format!("nobody ordered {line}"))?;
        told.push(line["at"].as_u64().with_context(|| format!("no position in {line}"))?);
        Ok(())
    }

    /// Waits until they have heard of all, and holds it against the log.
    pub fn compare(mut self, stage: &mut Stage, log: &Log, outcome: &mut Outcome) -> Result<()> {
        let expected: BTreeMap<String, Vec<u64>> =
            (0..FOLLOWERS).map(name).map(|tag| (tag.clone(), positions(log, &tag))).collect();
        let started = Instant::now();
        let behind =
            |told: &BTreeMap<_, Vec<u64>>| told.iter().any(|((_, tag), told)| told.len() < expected[tag].len());
        while behind(&self.told) && started.elapsed() < BOUND {
            for agent in stage.agents() {
                for line in agent.heard(LOOK)? {
                    self.note(agent.host, &line)?;
                }
            }
        }
        for ((host, tag), told) in &self.told {
            let expected = &expected[tag];
            outcome.count("followed", told.len() as u64);
            outcome.expect(told == expected, || fault(host, tag, told, expected));
        }
        Ok(())
    }
}

fn fault(host: &str, tag: &str, told: &[u64], expected: &[u64]) -> String {
    let same = told.iter().zip(expected).take_while(|(told, expected)| told == expected).count();
    let (here, there) = (told.get(same), expected.get(same));
    let (count, of) = (told.len(), expected.len());
    format!("{tag}, {host}: told of {count} events of {of}; number {} is at {here:?}, not at {there:?}", same + 1)
}

/// The tag of this follower's lines.
fn name(number: u64) -> String {
    if number.is_multiple_of(4) { format!("all {number}") } else { format!("account:{number}") }
}

/// The tag of the events that this one follows, unless he follows all.
fn account(follower: &str) -> Option<&str> {
    follower.starts_with("account:").then_some(follower)
}

/// Where the events are that this one follows.
fn positions(log: &Log, follower: &str) -> Vec<u64> {
    let account = account(follower);
    let follows = |tags: &[String]| account.is_none_or(|account| tags.iter().any(|tag| tag == account));
    log.events.iter().filter(|whole| follows(&whole.event.tags)).map(|whole| whole.event.position).collect()
}
