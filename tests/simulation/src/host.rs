//! The model host: what the WIT asks of one. Calls into the core, their effects, and time.

use std::collections::{BTreeMap, VecDeque};

use coracle_core::Core;
use coracle_core::config::{Endpoint, Limits, Settings, Tracking};
use coracle_core::wire::{ClientState, NEVER};

use crate::net::Phase;
use crate::plan::Plan;
use crate::renewal::Renewing;
use crate::requests::Request;
use crate::subscribers::Subscriber;
use crate::tenants::Tenant;
use crate::world::{Check, Event, World, note};

/// What the host keeps beside its connections.
#[derive(Debug)]
pub struct Host {
    /// By id; 0 is none.
    pub requests: Vec<Request>,
    /// Those that have begun and not ended, in order.
    pub open: Vec<u64>,
    pub subscribers: BTreeMap<u64, Subscriber>,
    pub tenants: BTreeMap<u32, Tenant>,
    /// Not accepted yet, or in part only.
    pub waiting: VecDeque<u64>,
    /// The core said that it is full.
    pub held_back: bool,
    pub submitting: bool,
    pub wake_at: u64,
    /// The earliest wake-up that is due.
    pub wake_due: u64,
    /// Connections by link, of this instance of the core.
    pub links: Vec<usize>,
    pub instance: u64,
    /// The next call traps.
    pub doomed: bool,
    pub draining: bool,
    /// The last call said that a server is silent.
    pub silence: bool,
    /// Of the credentials that are to be used.
    pub generation: u32,
    pub renewing: Renewing,
    /// Somebody in the plan subscribes to what he may not.
    pub forbidden: bool,
    /// Something in the plan can make a server deny a handshake.
    pub denials: bool,
    /// When a client that drains must have drained.
    pub drained_by: u64,
    pub state: ClientState,
    /// Connections to which the last call appended, and how much they had before.
    pub touched: Vec<(usize, u64)>,
    /// The rows of the last `submit`, by request.
    pub batch: Vec<u64>,
    /// How many of them were accepted.
    pub accepted: usize,
}

impl Host {
    /// Before the first call.
    pub fn new(plan: &Plan) -> Self {
        let calls = plan.highest_call() + 2;
        Self {
            requests: (0..=calls).map(|_| Request::default()).collect(),
            open: Vec::new(),
            subscribers: BTreeMap::new(),
            tenants: BTreeMap::new(),
            waiting: VecDeque::new(),
            held_back: false,
            submitting: false,
            wake_at: NEVER,
            wake_due: NEVER,
            links: Vec::new(),
            instance: 0,
            doomed: false,
            draining: false,
            silence: false,
            generation: 1,
            renewing: Renewing::default(),
            forbidden: plan.asks_for_forbidden(),
            denials: plan.may_be_denied(),
            drained_by: NEVER,
            state: ClientState::Connecting,
            touched: Vec::new(),
            batch: Vec::new(),
            accepted: 0,
        }
    }

    /// A core as the plan has it.
    pub fn new_core(&self, plan: &Plan, now: u64) -> Check<Core> {
        let shape = &plan.shape;
        let endpoints = (0..shape.endpoints).map(|at| Endpoint::Tcp(format!("server{at}"), 6379)).collect();
        let limits = Limits {
            queued: shape.queued,
            inflight: shape.inflight,
            inflight_bytes: shape.inflight_bytes,
            queued_bytes: shape.queued_bytes,
            links: shape.links,
            hold_above: shape.hold_above,
            pass_above: shape.pass_above,
            ..Limits::default()
        };
        let settings = Settings {
            seed: plan.seed ^ self.instance,
            endpoints,
            database: shape.database,
            name: "simulation".into(),
            library_name: "model".into(),
            library_version: String::new(),
            resp2: shape.resp2,
            connect_timeout: 1_000_000,
            quiet_after: shape.quiet_after,
            idle_timeout: shape.idle_timeout,
            primary: shape.primary,
            tracking: Tracking::Off,
            limits,
        };
        Core::new(now, settings)
    }
}

impl World {
    /// A call into the core, and what follows from it. `input` is the connection that was fed.
    pub fn call(&mut self, input: Option<usize>, call: impl FnOnce(&mut Core, u64)) -> Check {
        if std::mem::take(&mut self.host.doomed) {
            return self.trapped(&[]);
        }
        call(&mut self.core, self.now);
        self.after_call(input)
    }

    /// The effects, the progress and the events of a call.
    pub fn after_call(&mut self, input: Option<usize>) -> Check {
        self.do_effects()?;
        let progress = self.core.progress();
        self.host.wake_at = progress.wake_at;
        if progress.wake_at < self.host.wake_due {
            self.host.wake_due = progress.wake_at;
            self.at(progress.wake_at, Event::Wake);
        }
        self.host.accepted = progress.accepted as usize;
        self.settle()?;
        self.take_events(&progress, input)?;
        if let Some(at) = input {
            let conn = &mut self.conns[at];
            conn.pass = progress.pass;
            let forget = progress.keep_from.saturating_sub(conn.input_from).min(conn.input.len() as u64);
            conn.input.drain(..forget as usize);
            conn.input_from += forget;
        }
        Ok(())
    }

    /// Input comes in, in portions as the contract allows; what passes by is kept here.
    pub fn feed(&mut self, at: usize, mut bytes: &[u8]) -> Check {
        while !bytes.is_empty() && matches!(self.conns[at].phase, Phase::Open | Phase::Broken) {
            let conn = &mut self.conns[at];
            let skipped = (conn.pass as usize).min(bytes.len());
            let (passed, rest) = bytes.split_at(skipped);
            let fed = if skipped as u64 == conn.pass { &rest[..rest.len().min(65_536)] } else { &[] };
            bytes = &rest[fed.len()..];
            if !passed.is_empty() {
                conn.tape.pass(passed)?;
                conn.input_from += (conn.input.len() + passed.len()) as u64;
                conn.input.clear();
            }
            conn.input.extend_from_slice(fed);
            conn.hear(self.now);
            let link = conn.link;
            note!(self, "link {link} ← \"{}\"", fed.escape_ascii());
            let before = self.host.instance;
            self.call(Some(at), |core, now| core.handle_received(now, link, skipped as u64, fed))?;
            if self.host.instance != before {
                return Ok(());
            }
            self.check_lie(at)?;
        }
        Ok(())
    }

    /// The time that the core asked for has come.
    pub fn wake(&mut self) -> Check {
        if self.now < self.host.wake_due {
            return Ok(());
        }
        self.host.wake_due = NEVER;
        if self.host.wake_at <= self.now {
            note!(self, "elapsed");
            return self.elapse();
        }
        if self.host.wake_at != NEVER {
            self.host.wake_due = self.host.wake_at;
            self.at(self.host.wake_at, Event::Wake);
        }
        Ok(())
    }
}
