//! One instance of the core, and the calls into it.

use std::sync::Arc;

use wasmtime::{PoolConcurrencyLimitError, Store};

use super::program::Program;
use super::state::{Effect, HostState, Report};
use super::ticker::{CALL_TICKS, Ticking};
use crate::error::Error;
use crate::stats::Counters;
use crate::wit;
use crate::wit::bindings::Client as Exports;
use crate::wit::bindings::exports::coracle::client::driver::{Reason, Settings, Traffic};
use crate::wit::bindings::exports::coracle::client::pubsub::Kind;
use wit::{Credentials, Progress};

/// The instance trapped, and must not be called again. The text says why.
#[derive(Debug)]
pub(crate) struct Trap(pub(crate) String);

impl From<wasmtime::Error> for Trap {
    fn from(error: wasmtime::Error) -> Self {
        // The root cause says what happened; the backtrace in between is of no use to a caller.
        Self(error.root_cause().to_string())
    }
}

type Outcome = Result<Progress, Trap>;

/// One instance of the core.
pub(crate) struct Instance {
    store: Store<HostState>,
    exports: Exports,
    #[cfg(test)]
    raw: wasmtime::component::Instance,
    _ticking: Ticking,
}

impl Instance {
    /// A fresh instance that may take `memory_limit` bytes of memory.
    pub(crate) fn new(program: &Program, memory_limit: usize, counters: Arc<Counters>) -> Result<Self, Error> {
        let runtime = program.runtime;
        let ticking =
            runtime.ticker.tick().map_err(|error| Error::config(format!("no thread for the epoch ticker: {error}")))?;
        let mut store = Store::new(&runtime.engine, HostState::new(memory_limit, counters));
        store.limiter(|state| state);
        store.set_epoch_deadline(CALL_TICKS);
        let raw = program.pre.instance_pre().instantiate(&mut store).map_err(instantiation)?;
        let exports = Exports::new(&mut store, &raw).map_err(instantiation)?;
        Ok(Self {
            store,
            exports,
            #[cfg(test)]
            raw,
            _ticking: ticking,
        })
    }

    /// The effects of the last call, appended to `into` in order.
    pub(crate) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        self.store.data_mut().take_effects(into);
    }

    /// What the last call reported, in the place of what was there.
    pub(crate) fn take_report(&mut self, into: &mut Report) {
        self.store.data_mut().take_report(into);
    }

    /// The buffer of a [`Effect::Send`] that is not needed any more.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        self.store.data_mut().give_back(buffer);
    }

    pub(crate) fn configure(&mut self, now: u64, settings: &Settings) -> Result<Result<Progress, String>, Trap> {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_configure(&mut self.store, now, settings)?)
    }

    pub(crate) fn opened(&mut self, now: u64, link: u32, credentials: Option<Credentials>) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_opened(&mut self.store, now, link, credentials)?)
    }

    pub(crate) fn received(&mut self, now: u64, link: u32, skipped: u64, bytes: &[u8]) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_received(&mut self.store, now, link, skipped, bytes)?)
    }

    pub(crate) fn closed(&mut self, now: u64, link: u32, reason: Reason, written: u64, detail: &str) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_closed(&mut self.store, now, link, reason, written, detail)?)
    }

    pub(crate) fn elapsed(&mut self, now: u64, traffic: &[Traffic]) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_elapsed(&mut self.store, now, traffic)?)
    }

    pub(crate) fn renew(&mut self, now: u64, credentials: Credentials) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_renew(&mut self.store, now, credentials)?)
    }

    pub(crate) fn drain(&mut self, now: u64, deadline: u64) -> Outcome {
        self.arm();
        let driver = self.exports.coracle_client_driver();
        Ok(driver.call_drain(&mut self.store, now, deadline)?)
    }

    pub(crate) fn submit(&mut self, now: u64, rows: &[u64], lengths: &[u32], bytes: &[u8]) -> Outcome {
        self.arm();
        let commands = self.exports.coracle_client_commands();
        Ok(commands.call_submit(&mut self.store, now, rows, lengths, bytes)?)
    }

    pub(crate) fn cancel(&mut self, now: u64, requests: &[u64]) -> Outcome {
        self.arm();
        let commands = self.exports.coracle_client_commands();
        Ok(commands.call_cancel(&mut self.store, now, requests)?)
    }

    pub(crate) fn lease(&mut self, now: u64, session: u32, deadline: u64) -> Outcome {
        self.arm();
        let commands = self.exports.coracle_client_commands();
        Ok(commands.call_lease(&mut self.store, now, session, deadline)?)
    }

    pub(crate) fn release(&mut self, now: u64, session: u32) -> Outcome {
        self.arm();
        let commands = self.exports.coracle_client_commands();
        Ok(commands.call_release(&mut self.store, now, session)?)
    }

    pub(crate) fn subscribe(
        &mut self,
        now: u64,
        id: u64,
        kind: Kind,
        own_link: bool,
        lengths: &[u32],
        names: &[u8],
    ) -> Outcome {
        self.arm();
        let pubsub = self.exports.coracle_client_pubsub();
        Ok(pubsub.call_subscribe(&mut self.store, now, id, kind, own_link, lengths, names)?)
    }

    pub(crate) fn unsubscribe(&mut self, now: u64, id: u64) -> Outcome {
        self.arm();
        let pubsub = self.exports.coracle_client_pubsub();
        Ok(pubsub.call_unsubscribe(&mut self.store, now, id)?)
    }

    fn arm(&mut self) {
        self.store.data_mut().begin();
        self.store.set_epoch_deadline(CALL_TICKS);
    }
}

#[cfg(test)]
impl Instance {
    /// Calls an export of `coracle:client/testing`, which only test builds of the component have.
    pub(crate) fn testing(&mut self, function: &str, argument: Option<u64>) -> Result<(), Trap> {
        self.arm();
        testing(&mut self.store, self.raw, function, argument)
    }
}

/// Calls an export of `coracle:client/testing`.
#[cfg(test)]
pub(super) fn testing(
    store: &mut Store<HostState>,
    instance: wasmtime::component::Instance,
    function: &str,
    argument: Option<u64>,
) -> Result<(), Trap> {
    use wasmtime::component::Val;

    let interface = instance
        .get_export_index(&mut *store, None, "coracle:client/testing@0.1.0")
        .ok_or_else(|| Trap("the component has no testing interface".into()))?;
    let export = instance
        .get_export_index(&mut *store, Some(&interface), function)
        .ok_or_else(|| Trap(format!("no testing function {function}")))?;
    let function = instance.get_func(&mut *store, export).ok_or_else(|| Trap("not a function".into()))?;
    let arguments: Vec<Val> = argument.into_iter().map(Val::U64).collect();
    function.call(store, &arguments, &mut [])?;
    Ok(())
}

pub(super) fn instantiation(error: wasmtime::Error) -> Error {
    if error.is::<PoolConcurrencyLimitError>() {
        return Error::config("too many clients in one process: the pool of instances is used up");
    }
    Error::config(format!("the component can't be instantiated: {error:#}"))
}
