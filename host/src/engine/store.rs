//! One instance of the core that serves an event store, and the calls into it.

use std::sync::Arc;

use wasmtime::Store;

use super::Binary;
use super::disk::CodeCache;
use super::instance::{Trap, instantiation};
use super::program::Program;
use super::state::HostState;
use super::ticker::{CALL_TICKS, Ticking};
use crate::error::Error;
use crate::stats::Counters;
use bindings::exports::coracle::client::event_store as contract;

/// The contract's types. See `wit/event-store.wit`.
pub(crate) use contract::{
    Acknowledgements, Appended, Batch, Command, Condition, Cursor, Decision, Durability, Event, Fault, Item, Lease,
    Outcome, Page, Recorded, Retries, Selection, Settings, Since, Step, Transport,
};

mod bindings {
    //! Generated; only the instance looks in here.

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "store",
        imports: { default: trappable },
        with: {
            "coracle:client/types": crate::wit::bindings::coracle::client::types,
            "coracle:client/network": crate::wit::bindings::coracle::client::network,
            "coracle:client/log": crate::wit::bindings::coracle::client::log,
        },
    });
}

#[cfg(test)]
pub(crate) use contract::Progress;

/// The sources of scripts; or which setting can't be, and why.
pub(crate) type Opened = Result<Vec<String>, (String, String)>;

/// A call of one flow.
#[derive(Debug)]
pub(crate) enum Call {
    Append {
        deadline: u64,
        events: Vec<Event>,
        condition: Option<Condition>,
        command: Option<Command>,
        durability: Option<Durability>,
        held: Vec<Lease>,
    },
    Read {
        deadline: u64,
        selection: Selection,
    },
    Subscribe {
        query: Vec<Item>,
        after: Cursor,
    },
    Listen,
    Execute {
        deadline: u64,
        command: Command,
        retries: Retries,
        durability: Option<Durability>,
        held: Vec<Lease>,
    },
    Declined,
    Decided(Vec<Event>),
    Keep {
        leases: Vec<Lease>,
        duration: u32,
    },
    Lock {
        deadline: u64,
        name: String,
        duration: u32,
    },
    Unlock {
        deadline: u64,
        lease: Lease,
    },
    Checkpoint {
        deadline: u64,
        consumer: String,
    },
    Advance {
        deadline: u64,
        consumer: String,
        expected: Option<Cursor>,
        to: Cursor,
    },
    ReadCommands {
        deadline: u64,
        since: Since,
        limit: u64,
    },
    Inspect {
        deadline: u64,
    },
    Stats {
        deadline: u64,
    },
    Verify {
        deadline: u64,
    },
    Rebuild {
        deadline: u64,
    },
    Replied {
        nodes: Vec<u64>,
        texts: Vec<u8>,
    },
    Unanswered {
        failure: crate::wit::Failure,
        cause: crate::wit::Cause,
        text: String,
    },
    Elapsed,
    Resume,
    Cancel,
}

/// What instances for event stores are made of.
#[derive(Clone)]
pub(crate) struct Template {
    pre: bindings::StorePre<HostState>,
    program: Program,
}

impl Template {
    pub(crate) fn load(component: &Binary, cache: &CodeCache) -> Result<Self, Error> {
        let program = Program::load(component, cache)?;
        let pre = bindings::StorePre::new(program.pre.instance_pre().clone())
            .map_err(|error| Error::config(format!("the component has no event store: {error:#}")))?;
        Ok(Self { pre, program })
    }
}

/// One instance of the core, for one event store.
pub(crate) struct Instance {
    store: Store<HostState>,
    exports: bindings::Store,
    #[cfg(test)]
    raw: wasmtime::component::Instance,
    _ticking: Ticking,
}

impl Instance {
    /// A fresh instance that may take `memory_limit` bytes of memory.
    pub(crate) fn new(template: &Template, memory_limit: usize) -> Result<Self, Error> {
        let runtime = template.program.runtime;
        let ticking =
            runtime.ticker.tick().map_err(|error| Error::config(format!("no thread for the epoch ticker: {error}")))?;
        let counters = Arc::new(Counters::default());
        let mut store = Store::new(&runtime.engine, HostState::new(memory_limit, counters));
        store.limiter(|state| state);
        store.set_epoch_deadline(CALL_TICKS);
        let raw = template.pre.instance_pre().instantiate(&mut store).map_err(instantiation)?;
        let exports = bindings::Store::new(&mut store, &raw).map_err(instantiation)?;
        Ok(Self {
            store,
            exports,
            #[cfg(test)]
            raw,
            _ticking: ticking,
        })
    }

    /// The first call. Gives the sources of scripts.
    pub(crate) fn open(&mut self, now: u64, settings: &Settings) -> Result<Opened, Trap> {
        self.arm();
        Ok(self.exports.coracle_client_event_store().call_open(&mut self.store, now, settings)?)
    }

    /// A call of a flow.
    pub(crate) fn call(&mut self, now: u64, flow: u64, call: &Call) -> Result<Step, Trap> {
        self.arm();
        let core = self.exports.coracle_client_event_store();
        let store = &mut self.store;
        match call {
            Call::Append { deadline, events, condition, command, durability, held } => {
                let (condition, command) = (condition.as_ref(), command.as_ref());
                core.call_append(store, now, flow, *deadline, events, condition, command, *durability, held)
            }
            Call::Read { deadline, selection } => core.call_read(store, now, flow, *deadline, selection),
            Call::Subscribe { query, after } => core.call_subscribe(store, now, flow, query, *after),
            Call::Listen => core.call_listen(store, now, flow),
            Call::Execute { deadline, command, retries, durability, held } => {
                core.call_execute(store, now, flow, *deadline, command, *retries, *durability, held)
            }
            Call::Declined => core.call_declined(store, now, flow),
            Call::Decided(events) => core.call_decided(store, now, flow, events),
            Call::Keep { leases, duration } => core.call_keep(store, now, flow, leases, *duration),
            Call::Lock { deadline, name, duration } => core.call_lock(store, now, flow, *deadline, name, *duration),
            Call::Unlock { deadline, lease } => core.call_unlock(store, now, flow, *deadline, lease),
            Call::Checkpoint { deadline, consumer } => core.call_checkpoint(store, now, flow, *deadline, consumer),
            Call::Advance { deadline, consumer, expected, to } => {
                core.call_advance(store, now, flow, *deadline, consumer, *expected, *to)
            }
            Call::ReadCommands { deadline, since, limit } => {
                core.call_read_commands(store, now, flow, *deadline, *since, *limit)
            }
            Call::Inspect { deadline } => core.call_inspect(store, now, flow, *deadline),
            Call::Stats { deadline } => core.call_stats(store, now, flow, *deadline),
            Call::Verify { deadline } => core.call_verify(store, now, flow, *deadline),
            Call::Rebuild { deadline } => core.call_rebuild(store, now, flow, *deadline),
            Call::Replied { nodes, texts } => core.call_replied(store, now, flow, nodes, texts),
            Call::Unanswered { failure, cause, text } => core.call_unanswered(store, now, flow, *failure, *cause, text),
            Call::Elapsed => core.call_elapsed(store, now, flow),
            Call::Resume => core.call_resume(store, now, flow),
            Call::Cancel => core.call_cancel(store, now, flow),
        }?;
        Ok(core.call_next(&mut self.store)?)
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
        super::instance::testing(&mut self.store, self.raw, function, argument)
    }
}
