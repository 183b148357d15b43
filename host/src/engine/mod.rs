//! wasmtime, once a process: the engine, the compiled components, and the instances made of them.

mod bindings;
mod instance;
mod state;
mod ticker;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

pub(crate) use bindings::coracle::client::types as wit;
#[cfg(test)]
pub(crate) use bindings::exports::coracle::client::commands::Options;
pub(crate) use bindings::exports::coracle::client::driver::{Reason, Settings, Tracking, Traffic};
pub(crate) use bindings::exports::coracle::client::pubsub::Kind;
pub(crate) use instance::{Instance, Trap};
pub(crate) use state::Effect;

use crate::error::Error;
use state::HostState;
use ticker::Ticker;

/// The component as the crate ships it.
static SHIPPED: &[u8] = include_bytes!("../../core/coracle.wasm");

/// Instances of all clients of the process; each has one memory and up to three tables and core instances.
const POOL_INSTANCES: u32 = 1000;
const POOL_MEMORY_BYTES: usize = 256 << 20;
/// How many different components a process may have compiled.
const MAX_COMPONENTS: usize = 16;

/// SHA-256 of the component that the crate ships, in hexadecimal.
#[must_use]
pub fn component_digest() -> String {
    hex(&digest(SHIPPED))
}

/// A compiled component, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Program {
    pre: bindings::ClientPre<HostState>,
    runtime: &'static Runtime,
}

impl Program {
    /// The shipped component, or `bytes`; compiled at most once a process.
    pub(crate) fn load(bytes: Option<&Bytes>) -> Result<Self, Error> {
        let runtime = Runtime::shared()?;
        runtime.program(bytes.map_or(SHIPPED, |bytes| bytes))
    }
}

struct Runtime {
    engine: Engine,
    linker: Linker<HostState>,
    ticker: Arc<Ticker>,
    programs: Mutex<HashMap<[u8; 32], bindings::ClientPre<HostState>>>,
}

impl Runtime {
    fn shared() -> Result<&'static Self, Error> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        RUNTIME
            .get_or_init(|| Self::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|detail| Error::config(format!("wasmtime can't start here: {detail}")))
    }

    fn start() -> wasmtime::Result<Self> {
        let engine = engine(InstanceAllocationStrategy::Pooling(pool())).or_else(|error| {
            // The pool reserves address space, which some containers forbid.
            tracing::warn!(error = format!("{error:#}"), "no instance pool; allocating on demand");
            engine(InstanceAllocationStrategy::OnDemand)
        })?;
        let mut linker = Linker::new(&engine);
        bindings::Client::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut HostState| state)?;
        Ok(Self { ticker: Arc::new(Ticker::new(engine.clone())), engine, linker, programs: Mutex::new(HashMap::new()) })
    }

    fn program(&'static self, bytes: &[u8]) -> Result<Program, Error> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = digest(bytes);
        if let Some(pre) = programs.get(&key) {
            return Ok(Program { pre: pre.clone(), runtime: self });
        }
        if programs.len() >= MAX_COMPONENTS {
            return Err(Error::config(format!("more than {MAX_COMPONENTS} different components in one process")));
        }
        let pre =
            self.compile(bytes).map_err(|error| Error::config(format!("the component can't be used: {error:#}")))?;
        programs.insert(key, pre.clone());
        Ok(Program { pre, runtime: self })
    }

    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<bindings::ClientPre<HostState>> {
        let component = Component::from_binary(&self.engine, bytes)?;
        bindings::ClientPre::new(self.linker.instantiate_pre(&component)?)
    }
}

fn engine(strategy: InstanceAllocationStrategy) -> wasmtime::Result<Engine> {
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false).epoch_interruption(true).max_wasm_stack(512 << 10).allocation_strategy(strategy);
    Engine::new(&config)
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL_INSTANCES)
        .total_core_instances(POOL_INSTANCES * 3)
        .total_memories(POOL_INSTANCES)
        .total_tables(POOL_INSTANCES * 3)
        .max_memory_size(POOL_MEMORY_BYTES);
    pool
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
