//! A fail-over to a replica that lacks the last events: whoever knew them is told, and nothing is decided on them.

use anyhow::{Context, Result, ensure};
use conformance::{Server, Signal};
use events::client::Client;
use serde_json::{Value, json};

use crate::run::proxy::Proxy;
use crate::run::rig::until;

use super::Scene;
use super::agent::Agent;
use super::outcome::Outcome;
use super::stage::{DEADLINE, NAMESPACE, agents, connect, listen, look, server, verify};

/// Events of each agent before the replica is cut off, and afterwards.
const KEPT: u64 = 20;
const LOST: u64 = 10;

/// Primary and replica, with a proxy between them, and one in front of whichever the agents are to find.
struct Pair {
    primary: Server,
    replica: Server,
    between: Proxy,
    front: Proxy,
}

/// Both agents, with what each knows of the log that is lost.
struct Parties {
    rust: Agent,
    go: Agent,
}

/// All of it.
pub fn play(scene: &Scene<'_>, outcome: &mut Outcome) -> Result<()> {
    let pair = Pair::start(scene)?;
    let (rust, go) = agents(scene, &format!("redis://127.0.0.1:{}", pair.front.port), DEADLINE)?;
    let mut parties = Parties { rust, go };
    for agent in parties.all() {
        let kept = append(agent, "kept", KEPT, None)?;
        ensure!(kept["how"] == "done", "the primary said {kept}");
        agent.order(&json!({ "do": "follow", "tag": "follow", "after": "0", "items": [{}] }))?;
    }
    pair.caught_up(2 * KEPT)?;
    pair.between.stall(true);
    let lost = parties.lose(outcome)?;
    pair.fail_over()?;
    parties.find_ahead(&lost, outcome)?;
    // New events come to stand where those were.
    let fresh = append(&mut parties.rust, "fresh", 4 * LOST, None)?;
    outcome.expect(fresh["how"] == "done", || format!("the new primary said {fresh}"));
    parties.find_rewritten(&lost, outcome)?;
    let log = look(&pair.replica, outcome)?;
    for agent in parties.all() {
        verify(agent, log.head, outcome)?;
    }
    let kinds = |kind: &str| log.events.iter().filter(|event| event.event.kind == kind).count() as u64;
    outcome.expect(kinds("kept") == 2 * KEPT, || format!("{} of {} events are left", kinds("kept"), 2 * KEPT));
    outcome.expect(log.head == 2 * KEPT + 4 * LOST, || format!("there are {} events", log.head));
    for kind in ["lost", "decided", "Waited"] {
        outcome.expect(kinds(kind) == 0, || format!("{} events of kind {kind} are there", kinds(kind)));
    }
    Ok(())
}

impl Pair {
    fn start(scene: &Scene<'_>) -> Result<Self> {
        let primary = server(scene, &[])?;
        let replica = server(scene, &[])?;
        let proxy = |number| scene.ground.runtime.block_on(Proxy::start(primary.port(), scene.ground.seed + number));
        let (between, front) = (proxy(0)?, proxy(1)?);
        listen(&mut connect(&primary)?)?;
        let port = between.port.to_string();
        redis::cmd("REPLICAOF").arg(&["127.0.0.1", &port]).query::<()>(&mut connect(&replica)?)?;
        let pair = Self { primary, replica, between, front };
        let mut connection = connect(&pair.replica)?;
        until("the replica follows", || {
            let info: String = redis::cmd("INFO").arg("replication").query(&mut connection)?;
            Ok(info.contains("master_link_status:up"))
        })?;
        Ok(pair)
    }

    fn caught_up(&self, head: u64) -> Result<()> {
        let mut client = Client::open(&self.replica.url(), NAMESPACE)?;
        until("the replica has all events", || Ok(client.meta()?.head.position == head))
    }

    /// The replica is promoted, and is what the agents find when their links have broken.
    fn fail_over(&self) -> Result<()> {
        redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query::<()>(&mut connect(&self.replica)?)?;
        self.front.turn(self.replica.port());
        self.front.sever();
        // Nothing may come of it any more.
        self.primary.signal(Signal::STOP)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // It is to be killed, and may be gone.
        let _ = self.primary.signal(Signal::CONT);
    }
}

impl Parties {
    fn all(&mut self) -> [&mut Agent; 2] {
        [&mut self.rust, &mut self.go]
    }

    /// Appends what the replica does not have. Gives the last place of each agent, who has a handler wait that has read
    /// it.
    fn lose(&mut self, outcome: &mut Outcome) -> Result<Vec<String>> {
        for agent in self.all() {
            append(agent, "lost", LOST, None)?;
            let order = json!({
                "do": "append", "tag": "few", "type": "lost", "tags": ["part:lost"], "events": 1, "replicas": 1,
                "within_ms": 200,
            });
            let few = agent.ask(&order, "appended")?;
            outcome.expect(few["how"] == "few", || format!("a replica that hears nothing acknowledged: {few}"));
        }
        let mut places = Vec::new();
        for agent in self.all() {
            let last = append(agent, "lost", 1, None)?;
            places.push(last["cursor"].as_str().context("no place")?.to_owned());
            let at = &last["at"];
            agent.wait("followed", |line| line["at"] == *at)?;
            agent.order(&json!({
                "do": "execute", "tag": "decide", "tags": ["part:decided"], "items": [{}], "deadline_ms": 30_000,
            }))?;
            agent.tagged("deciding", "decide")?;
        }
        Ok(places)
    }

    /// The places are beyond the head now.
    fn find_ahead(&mut self, lost: &[String], outcome: &mut Outcome) -> Result<()> {
        for (agent, place) in self.all().into_iter().zip(lost) {
            told(agent, place, "ahead", outcome)?;
            let decided = agent.ask(&json!({ "do": "release", "tag": "decide" }), "executed")?;
            outcome.expect(decided["how"] == "ahead", || format!("a handler that had read was told {decided}"));
            let left = agent.tagged("left", "follow")?;
            outcome.expect(left["how"] == "ahead", || format!("a subscription was told {left}"));
        }
        Ok(())
    }

    /// Other events are there now.
    fn find_rewritten(&mut self, lost: &[String], outcome: &mut Outcome) -> Result<()> {
        for (agent, place) in self.all().into_iter().zip(lost) {
            told(agent, place, "rewritten", outcome)?;
            agent.order(&json!({ "do": "follow", "tag": "again", "after": place, "items": [{}] }))?;
            let left = agent.tagged("left", "again")?;
            outcome.expect(left["how"] == "rewritten", || format!("a subscription from {place} was told {left}"));
        }
        Ok(())
    }
}

/// What reads and appends behind a place are told.
fn told(agent: &mut Agent, place: &str, how: &str, outcome: &mut Outcome) -> Result<()> {
    let read = agent.ask(&json!({ "do": "read", "tag": "place", "after": place }), "read")?;
    outcome.expect(read["how"] == how, || format!("a read behind {place} was told {read}"));
    for items in [json!([{}]), json!([{ "tags": ["part:none"] }]), json!([{ "tags": ["part:lost", "x:y"] }])] {
        let appended = append(agent, "decided", 1, Some((place, &items)))?;
        outcome.expect(appended["how"] == how, || format!("an append behind {place} was told {appended}"));
        outcome.count(how, 1);
    }
    Ok(())
}

fn append(agent: &mut Agent, kind: &str, events: u64, condition: Option<(&str, &Value)>) -> Result<Value> {
    let mut order = json!({
        "do": "append", "tag": kind, "type": kind, "tags": [format!("part:{kind}")], "events": events,
    });
    if let (Some((after, items)), Some(fields)) = (condition, order.as_object_mut()) {
        fields.insert("after".to_owned(), json!(after));
        fields.insert("items".to_owned(), items.clone());
    }
    agent.ask(&order, "appended")
}
