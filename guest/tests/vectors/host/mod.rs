//! A host without I/O: what the WIT asks of one, and nothing else.

mod calls;
mod events;
mod links;
mod names;
mod secrets;
mod sessions;
mod stored;

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Result, bail, ensure};
use coracle_core::client::Core;
use coracle_core::config::{self, Endpoint, Limits};
use coracle_core::pubsub::Kind;
use coracle_core::wire::NEVER;
use vectors::{End, Value};

use calls::Call;
use links::Link;
use secrets::Secrets;
use stored::Stored;

/// What a step may wait for. Microseconds.
const PATIENCE: u64 = 40_000_000;

/// What a vector can see.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Reply { id: u64, value: Value, raw: Option<Vec<u8>> },
    Failed { id: u64, failure: String, cause: String },
    Leased { session: u32, end: Option<End> },
    Renewed { id: u64, end: Option<End> },
    Message { id: u64, value: Value },
    Subscribed(u64),
    Gap(u64),
    Ended { id: u64, end: Option<End>, value: Option<Value> },
    State { state: String, cause: String },
}

pub struct Host {
    core: Core,
    now: u64,
    limits: Limits,
    wake_at: u64,
    /// Links in the order in which they were opened; all that a vector calls the Nth.
    links: Vec<Link>,
    chosen: usize,
    calls: BTreeMap<u64, Call>,
    /// Requests that the core asked for again, and those that it never had.
    again: VecDeque<u64>,
    waiting: VecDeque<u64>,
    held_back: bool,
    secrets: Secrets,
    stored: Stored,
    events: VecDeque<Event>,
}

impl Host {
    pub fn new(settings: &vectors::Settings) -> Result<Self> {
        let limits = names::limits(&settings.limits)?;
        let server = |number| Endpoint::Tcp(server(number), 6379);
        let core = Core::new(
            0,
            config::Settings {
                seed: 1,
                endpoints: (1..=settings.endpoints).map(server).collect(),
                database: settings.database,
                name: settings.name.clone(),
                library_name: "vectors".into(),
                library_version: "1".into(),
                resp2: settings.resp2,
                connect_timeout: 5_000_000,
                quiet_after: 15_000_000,
                idle_timeout: 60_000_000,
                primary: settings.endpoints > 1,
                tracking: names::tracking(&settings.tracking),
                limits,
            },
        )
        .map_err(anyhow::Error::msg)?;
        let mut host = Self {
            core,
            now: 0,
            limits,
            wake_at: NEVER,
            links: Vec::new(),
            chosen: 0,
            calls: BTreeMap::new(),
            again: VecDeque::new(),
            waiting: VecDeque::new(),
            held_back: false,
            secrets: Secrets::new(settings),
            stored: Stored::default(),
            events: VecDeque::new(),
        };
        host.done(None)?;
        Ok(host)
    }

    pub fn subscribe(&mut self, id: u64, kind: &str, names: &[Vec<u8>]) -> Result<()> {
        let kind = match kind {
            "channel" => Kind::Channel,
            "pattern" => Kind::Pattern,
            "shard" => Kind::Shard,
            "monitor" => Kind::Monitor,
            other => bail!("{other} is no kind"),
        };
        let lengths: Vec<u32> = names.iter().map(|name| name.len() as u32).collect();
        let now = self.tick();
        self.core.subscribe(now, id, kind, false, &lengths, &names.concat());
        self.done(None)
    }

    pub fn unsubscribe(&mut self, id: u64) -> Result<()> {
        let now = self.tick();
        self.core.unsubscribe(now, id);
        self.done(None)
    }

    pub fn drain(&mut self, within: u64) -> Result<()> {
        let now = self.tick();
        self.core.handle_drain(now, now + within * 1000);
        self.done(None)
    }

    pub fn expect(&mut self, wanted: &Event) -> Result<()> {
        let got = self.await_event()?;
        ensure!(got.as_ref() == Some(wanted), "instead: {got:?}");
        Ok(())
    }

    pub fn expect_end(&mut self, id: u64, end: Option<&End>, value: Option<&Value>) -> Result<()> {
        let Some(Event::Ended { id: ended, end: was, value: error }) = self.await_event()? else {
            bail!("no end of a subscription")
        };
        ensure!((ended, was.as_ref()) == (id, end), "{ended} ended: {was:?}");
        ensure!(value.is_none() || error.as_ref() == value, "value {error:?}");
        Ok(())
    }

    pub fn expect_state(&mut self, wanted: &str, why: Option<&str>) -> Result<()> {
        let known = |events: &VecDeque<Event>| {
            let told =
                |event: &Event| matches!(event, Event::State { state, .. } if state == wanted || !on_the_way(state));
            events.iter().any(|event| told(event) || !matches!(event, Event::State { .. }))
        };
        self.wait(|host| known(&host.events))?;
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::State { state, cause } if state == wanted => {
                    ensure!(why.is_none_or(|why| why == cause), "cause {cause}");
                    return Ok(());
                }
                Event::State { state, .. } if on_the_way(&state) => {}
                other => bail!("instead: {other:?}"),
            }
        }
        bail!("no state {wanted}")
    }

    pub fn nothing_left(&mut self) -> Result<()> {
        if let Some(event) = self.event() {
            bail!("the vector does not say: {event:?}");
        }
        ensure!(self.calls.is_empty(), "calls are open: {:?}", self.calls.keys());
        ensure!(self.secrets.renewing.is_empty(), "renewals are not answered");
        self.no_link_left()
    }

    /// The next thing that happened, states on the way to `ready` left out.
    fn event(&mut self) -> Option<Event> {
        let silent = |event: &Event| matches!(event, Event::State { state, .. } if on_the_way(state));
        while self.events.front().is_some_and(silent) {
            self.events.pop_front();
        }
        self.events.pop_front()
    }

    /// The same, once it happens.
    fn await_event(&mut self) -> Result<Option<Event>> {
        let silent = |event: &Event| matches!(event, Event::State { state, .. } if on_the_way(state));
        self.wait(|host| !host.events.iter().all(silent))?;
        Ok(self.event())
    }

    /// Lets time pass until something is so, or for as long as a step may take.
    fn wait(&mut self, done: impl Fn(&Self) -> bool) -> Result<()> {
        let end = self.now + PATIENCE;
        while !done(self) {
            let next = self.wake_at.min(self.waiting_until());
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.end_late()?;
            let traffic = self.traffic();
            self.core.handle_elapsed(self.now, &traffic);
            self.done(None)?;
        }
        Ok(())
    }

    /// The time of the next call.
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

/// The name of the Nth server.
fn server(number: usize) -> String {
    format!("server-{number}")
}

/// States that a vector need not speak of.
fn on_the_way(state: &str) -> bool {
    state == "connecting" || state == "ready"
}
