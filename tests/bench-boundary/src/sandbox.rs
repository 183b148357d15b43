//! The component in wasmtime, set up as the Rust host does it.

use wasmtime::component::{Component, HasSelf, Linker, WasmList};
use wasmtime::{
    Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Result, Store, StoreContextMut,
    format_err,
};

use crate::Subject;
use crate::cases::{Case, HELLO};
use bindings::coracle::client::{log, network, types};
use bindings::exports::coracle::client::driver::{Settings, Tracking};

mod bindings {
    #![allow(missing_docs, reason = "generated")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "client", imports: { default: trappable } });
}

/// The component, compiled.
pub struct Program {
    engine: Engine,
    pre: bindings::ClientPre<Host>,
}

/// An instance whose client is ready.
pub struct Sandbox {
    store: Store<Host>,
    exports: bindings::Client,
}

#[derive(Default)]
struct Host {
    sent: Vec<u8>,
    events: Vec<u64>,
    nodes: Vec<u64>,
    memory: usize,
}

impl Program {
    pub fn compile() -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(1000).total_core_instances(3000).total_tables(3000).max_memory_size(256 << 20);
        let mut config = wasmtime::Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host/core/coracle.wasm");
        let component = Component::from_binary(&engine, &std::fs::read(path)?)?;
        let mut linker = Linker::new(&engine);
        bindings::Client::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
        read_in_place(&mut linker)?;
        let pre = bindings::ClientPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, pre })
    }
}

impl Sandbox {
    pub fn new(program: &Program) -> Result<Self> {
        let mut store = Store::new(&program.engine, Host::default());
        store.limiter(|host| host);
        store.set_epoch_deadline(1_000_000);
        let exports = program.pre.instantiate(&mut store)?;
        let settings = Settings {
            seed: 1,
            endpoints: vec![types::Endpoint::Tcp(("bench".to_owned(), 1))],
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
            tracking_prefixes: Vec::new(),
            limits: limits(),
        };
        let driver = exports.coracle_client_driver();
        driver.call_configure(&mut store, 0, &settings)?.map_err(|error| format_err!("{error}"))?;
        driver.call_opened(&mut store, 0, 1, None)?;
        driver.call_received(&mut store, 0, 1, 0, HELLO)?;
        Ok(Self { store, exports })
    }

    /// Bytes of the instance's memory.
    pub fn memory(&self) -> usize {
        self.store.data().memory
    }
}

impl Subject for Sandbox {
    fn idle(&mut self, now: u64) {
        self.store.set_epoch_deadline(1_000_000);
        let done = self.exports.coracle_client_driver().call_elapsed(&mut self.store, now, &[]);
        assert!(done.is_ok(), "the component traps");
    }

    fn submit(&mut self, now: u64, case: &Case) -> u32 {
        self.store.set_epoch_deadline(1_000_000);
        let commands = self.exports.coracle_client_commands();
        let done = commands.call_submit(&mut self.store, now, &case.rows, &case.lengths, &case.bytes);
        done.map_or(0, |progress| progress.accepted)
    }

    fn receive(&mut self, now: u64, replies: &[u8]) -> usize {
        self.store.set_epoch_deadline(1_000_000);
        self.store.data_mut().events.clear();
        let done = self.exports.coracle_client_driver().call_received(&mut self.store, now, 1, 0, replies);
        done.map_or(0, |_| self.store.data().events.len())
    }
}

/// The two imports of the hot path, in place of the generated bindings.
fn read_in_place(linker: &mut Linker<Host>) -> Result<()> {
    type Rows = (WasmList<u64>, WasmList<u64>, WasmList<u8>);
    linker.allow_shadowing(true);
    let mut network = linker.instance("coracle:client/network@0.1.0")?;
    network.func_wrap("send", |mut store: StoreContextMut<'_, Host>, (_, bytes): (u32, WasmList<u8>)| {
        let mut sent = std::mem::take(&mut store.data_mut().sent);
        sent.clear();
        sent.extend_from_slice(bytes.as_le_slice(&store));
        store.data_mut().sent = sent;
        Ok(())
    })?;
    network.func_wrap("report", |mut store: StoreContextMut<'_, Host>, (events, nodes, _): Rows| {
        let host = store.data_mut();
        let (mut told, mut tape) = (std::mem::take(&mut host.events), std::mem::take(&mut host.nodes));
        told.clear();
        tape.clear();
        told.extend_from_slice(events.as_le_slice(&store));
        tape.extend_from_slice(nodes.as_le_slice(&store));
        let host = store.data_mut();
        (host.events, host.nodes) = (told, tape);
        Ok(())
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

impl types::Host for Host {}

impl network::Host for Host {
    fn open(&mut self, _: u32, _: types::Role, _: types::Endpoint) -> Result<()> {
        Ok(())
    }

    fn send(&mut self, _: u32, _: Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn report(&mut self, _: Vec<u64>, _: Vec<u64>, _: Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn send_held(&mut self, _: u32, _: u64, _: u32) -> Result<()> {
        Ok(())
    }

    fn send_secret(&mut self, _: u32, _: u32, _: bool) -> Result<()> {
        Ok(())
    }

    fn close(&mut self, _: u32) -> Result<()> {
        Ok(())
    }
}

impl log::Host for Host {
    fn write(&mut self, _: u8, _: String) -> Result<()> {
        Ok(())
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.memory = desired;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

/// As the hosts set them unless told otherwise.
fn limits() -> types::Limits {
    types::Limits {
        queued: 16_384,
        queued_bytes: 256 << 20,
        inflight: 16_384,
        inflight_bytes: 256 << 20,
        links: 64,
        depth: 64,
        elements: 1 << 32,
        reply_bytes: 1 << 40,
        hold_above: 4096,
        pass_above: 16_384,
    }
}
