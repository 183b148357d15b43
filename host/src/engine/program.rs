//! Components, compiled at most once a process, and the engine that runs them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::binary::Binary;
use super::disk::{CodeCache, Place};
use super::kept::{Hold, Kept};
use super::shipped_digest;
use super::state::{CORE_INSTANCES, HostState, MEMORIES, TABLES, read_in_place};
use super::ticker::Ticker;
use crate::error::Error;
use crate::wit::bindings;

/// Instances of all clients of the process.
const POOL_INSTANCES: u32 = 1000;
const POOL_MEMORY_BYTES: usize = 256 << 20;

/// A compiled component, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Program {
    pub(super) pre: bindings::ClientPre<HostState>,
    pub(super) runtime: &'static Runtime,
    _hold: Hold,
}

impl Program {
    pub(crate) fn load(component: &Binary, cache: &CodeCache) -> Result<Self, Error> {
        Runtime::shared()?.program(component, cache)
    }
}

pub(super) struct Runtime {
    pub(super) engine: Engine,
    linker: Linker<HostState>,
    pub(super) ticker: Arc<Ticker>,
    programs: Mutex<Kept<bindings::ClientPre<HostState>>>,
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
        read_in_place(&mut linker)?;
        Ok(Self { ticker: Arc::new(Ticker::new(engine.clone())), engine, linker, programs: Mutex::new(Kept::new()) })
    }

    fn program(&'static self, component: &Binary, cache: &CodeCache) -> Result<Program, Error> {
        let key = component.digest();
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((pre, hold)) = programs.get(&key) {
            return Ok(Program { pre, runtime: self, _hold: hold });
        }
        programs.make_room().map_err(|full| Error::config(full.to_string()))?;
        let place = cache.folder(key == *shipped_digest()).map(|folder| Place::new(folder, &key, &self.engine));
        let pre = self
            .link(component.bytes(), place)
            .map_err(|error| Error::config(format!("the component can't be used: {error:#}")))?;
        let hold = programs.insert(key, pre.clone());
        Ok(Program { pre, runtime: self, _hold: hold })
    }

    fn link(&self, bytes: &[u8], place: Option<Place>) -> wasmtime::Result<bindings::ClientPre<HostState>> {
        let component = match place.as_ref().and_then(|place| place.read(&self.engine)) {
            Some(component) => component,
            None => {
                let component = Component::from_binary(&self.engine, bytes)?;
                if let Some(place) = place {
                    place.write(&component);
                }
                component
            }
        };
        bindings::ClientPre::new(self.linker.instantiate_pre(&component)?)
    }
}

fn engine(strategy: InstanceAllocationStrategy) -> wasmtime::Result<Engine> {
    let mut config = wasmtime::Config::new();
    // Of a trap, its cause is told, not where in the core it was: without that, code is smaller, and read faster from
    // disk.
    config.generate_address_map(false).wasm_backtrace_max_frames(None);
    // That is for those who walk the stack from outside, a debugger say, not for wasmtime: traps don't need it. It
    // would be told to the system's unwinder at each start. On Windows it can't be left out.
    #[cfg(not(windows))]
    config.native_unwind_info(false);
    config.concurrency_support(false).epoch_interruption(true).max_wasm_stack(512 << 10).allocation_strategy(strategy);
    Engine::new(&config)
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL_INSTANCES)
        .total_core_instances(POOL_INSTANCES * CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(POOL_INSTANCES * MEMORIES)
        .max_memories_per_component(MEMORIES)
        .total_tables(POOL_INSTANCES * TABLES)
        .max_tables_per_component(TABLES)
        .max_memory_size(POOL_MEMORY_BYTES);
    pool
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    /// A component that instantiates a core module of one section so many times.
    fn repeated(section: &[u8], times: u8) -> Vec<u8> {
        let module = [b"\0asm\x01\0\0\0", section].concat();
        let instances = [2, 1 + 3 * times, times].into_iter().chain([0; 3].repeat(usize::from(times)));
        let size = module.len().to_le_bytes();
        [b"\0asm\x0d\0\x01\0\x01", &size[..1], &module, &instances.collect::<Vec<_>>()].concat()
    }

    #[test]
    fn an_instance_has_one_memory_in_the_pool_and_without_it() {
        use crate::stats::Counters;

        let [nothing, memory, table]: [&[u8]; 3] = [&[], &[5, 3, 1, 0, 1], &[4, 4, 1, 0x70, 0, 1]];
        for (section, most, what) in [(nothing, 3, "instance"), (memory, 1, "memory"), (table, 2, "table")] {
            let pooled = engine(InstanceAllocationStrategy::Pooling(pool())).unwrap();
            let made = |engine: &Engine, times| Component::from_binary(engine, &repeated(section, times));
            made(&pooled, most).unwrap();
            let refused = made(&pooled, most + 1).err().unwrap();
            assert!(format!("{refused:#}").contains("exceeds the configured maximum"), "{refused:#}");

            let unpooled = engine(InstanceAllocationStrategy::OnDemand).unwrap();
            let instantiate = |times| {
                let state = HostState::new(1 << 20, Arc::new(Counters::of_new_client()));
                let mut store = wasmtime::Store::new(&unpooled, state);
                store.limiter(|state| state);
                store.set_epoch_deadline(1);
                Linker::new(&unpooled).instantiate(&mut store, &made(&unpooled, times)?)
            };
            instantiate(most).unwrap();
            let refused = instantiate(most + 1).err().unwrap();
            assert!(format!("{refused:#}").contains(&format!("{what} count too high")), "{refused:#}");
        }
    }

    #[test]
    fn nothing_is_told_to_the_unwinder() {
        let program = Program::load(&Binary::shipped(), &CodeCache::Nowhere).unwrap();
        let code = program.pre.instance_pre().component().serialize().unwrap();
        let has = |section: &[u8]| code.windows(section.len()).any(|bytes| bytes == section);
        assert!(has(b".text") && !has(b".eh_frame"));
    }
}
