//! The instance of the core that runs a store's flows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::error::EventError;
use crate::clock::Clock;
use crate::engine::Trap;
use crate::engine::store::{Call, Instance, Opened, Settings, Step};
use crate::error::Error;

/// What runs flows.
pub(super) trait Core: Send {
    /// The first call: gives the scripts; the error names the setting that can't be, and says why.
    fn open(&mut self, now: u64, settings: &Settings) -> Result<Opened, Trap>;

    /// A call of one flow.
    fn call(&mut self, now: u64, flow: u64, call: &Call) -> Result<Step, Trap>;
}

impl Core for Instance {
    fn open(&mut self, now: u64, settings: &Settings) -> Result<Opened, Trap> {
        Self::open(self, now, settings)
    }

    fn call(&mut self, now: u64, flow: u64, call: &Call) -> Result<Step, Trap> {
        Self::call(self, now, flow, call)
    }
}

/// Makes cores.
pub(super) type Factory = Box<dyn Fn() -> Result<Box<dyn Core>, Error> + Send + Sync>;

/// The instance, and a new one where it traps.
pub(super) struct Table {
    factory: Factory,
    settings: Box<dyn Fn() -> Settings + Send + Sync>,
    clock: Clock,
    flows: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    core: Option<Box<dyn Core>>,
    scripts: Scripts,
    /// How many instances there were before.
    generation: u64,
    /// How many flows of `listen` this one has had.
    listeners: u64,
    /// Why the last one is no more.
    trap: String,
}

/// Sources of scripts, by the numbers that the core gave them.
pub(super) type Scripts = Arc<[Bytes]>;

/// A flow, and the instance that it is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) flow: u64,
    pub(super) generation: u64,
}

/// What the trap of an instance means for a flow is for that to say.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

impl Table {
    pub(super) fn new(factory: Factory, settings: Box<dyn Fn() -> Settings + Send + Sync>, clock: Clock) -> Self {
        Self { factory, settings, clock, flows: AtomicU64::new(1), state: Mutex::default() }
    }

    /// Makes the instance, if there is none.
    pub(super) fn prepare(&self) -> Result<(), EventError> {
        self.lock().core(self).map(|_| ())
    }

    /// Begins a flow, in a new instance if the last one trapped.
    pub(super) fn begin(&self, call: &Call) -> Result<Result<(Name, Scripts, Step), Lost>, EventError> {
        let flow = self.flows.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.core(self)?;
        let name = Name { flow, generation: state.generation };
        state.listeners += u64::from(matches!(call, Call::Listen));
        let scripts = Arc::clone(&state.scripts);
        Ok(state.call(self, name, call).map(|step| (name, scripts, step)))
    }

    /// How many flows of `listen` the instance of this flow has had; `None` if it is gone.
    pub(super) fn listeners(&self, name: Name) -> Option<u64> {
        let state = self.lock();
        (state.core.is_some() && state.generation == name.generation).then_some(state.listeners)
    }

    /// Goes on with a flow.
    pub(super) fn call(&self, name: Name, call: &Call) -> Result<Step, Lost> {
        self.lock().call(self, name, call)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn core(&mut self, table: &Table) -> Result<&mut Box<dyn Core>, EventError> {
        if self.core.is_none() {
            let mut core = (table.factory)()?;
            let opened = core.open(table.clock.now(), &(table.settings)());
            let scripts = opened
                .map_err(|Trap(text)| EventError::core(false, text))?
                .map_err(|(setting, why)| EventError::invalid(setting, why))?;
            self.scripts = scripts.into_iter().map(Bytes::from).collect();
            self.core = Some(core);
        }
        self.core.as_mut().ok_or_else(|| EventError::core(false, "there is no instance"))
    }

    fn call(&mut self, table: &Table, name: Name, call: &Call) -> Result<Step, Lost> {
        let core = self.core.as_mut().filter(|_| name.generation == self.generation);
        let Some(core) = core else { return Err(Lost(self.trap.clone())) };
        core.call(table.clock.now(), name.flow, call).map_err(|Trap(text)| {
            tracing::error!(error = text, "the core of an event store failed");
            self.core = None;
            self.generation += 1;
            self.listeners = 0;
            self.trap.clone_from(&text);
            Lost(text)
        })
    }
}
