//! The core as a library. What the component's shell does for a host is done here too: effects are copied out.

use anyhow::{Result, anyhow};
use coracle_core::client::Core;
use coracle_core::config::{Endpoint, Limits, Settings, Tracking};
use coracle_core::effects::Effect;
use coracle_core::output::Progress;

use crate::Subject;
use crate::cases::{Case, HELLO};

pub struct Native {
    core: Core,
    sent: Vec<u8>,
    events: Vec<u64>,
    nodes: Vec<u64>,
}

impl Native {
    /// A client that is ready.
    pub fn new() -> Result<Self> {
        let settings = Settings {
            seed: 1,
            endpoints: vec![Endpoint::Tcp("bench".to_owned(), 1)],
            database: 0,
            name: String::new(),
            library_name: String::new(),
            library_version: String::new(),
            resp2: false,
            connect_timeout: 5_000_000,
            quiet_after: u64::MAX,
            idle_timeout: u64::MAX,
            primary: false,
            tracking: Tracking::Off,
            limits: Limits::default(),
        };
        let core = Core::new(0, settings).map_err(|error| anyhow!(error))?;
        let mut native = Self { core, sent: Vec::new(), events: Vec::new(), nodes: Vec::new() };
        native.done();
        native.core.handle_opened(0, 1, None);
        native.done();
        native.core.handle_received(0, 1, 0, HELLO);
        native.done();
        Ok(native)
    }

    fn done(&mut self) -> Progress {
        self.sent.clear();
        let effects = self.core.effects();
        for effect in effects.list() {
            if let Effect::Send { start, end, .. } = effect {
                self.sent.extend_from_slice(effects.bytes(*start, *end));
            }
        }
        let out = self.core.output();
        self.events.clear();
        self.nodes.clear();
        self.events.extend_from_slice(&out.events);
        self.nodes.extend_from_slice(&out.nodes);
        self.core.finish()
    }
}

impl Subject for Native {
    fn idle(&mut self, now: u64) {
        self.core.handle_elapsed(now, &[]);
        self.done();
    }

    fn submit(&mut self, now: u64, case: &Case) -> u32 {
        self.core.submit(now, &case.rows, &case.lengths, &case.bytes);
        self.done().accepted
    }

    fn receive(&mut self, now: u64, replies: &[u8]) -> usize {
        self.core.handle_received(now, 1, 0, replies);
        self.done();
        self.events.len()
    }
}
