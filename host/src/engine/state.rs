//! What an instance's store holds: the effects noted while a call runs, and the bound on its memory.

mod limits;

use std::sync::Arc;

use wasmtime::component::{Linker, WasmList};
use wasmtime::{StoreContextMut, bail};

use crate::stats::Counters;
use crate::wit::bindings::coracle::client::{log, network, types};
pub(super) use limits::{CORE_INSTANCES, MEMORIES, TABLES};

/// More effects than this in one call, or more bytes, can't come of a sane core: the call traps.
const MAX_EFFECTS: usize = 1 << 18;
const MAX_EFFECT_BYTES: usize = 8 << 20;
const TOO_MUCH: &str = "the core asks for more effects in one call than a host keeps";
/// A line of the log is cut there, and there are no more in one call.
const MAX_LOG_BYTES: usize = 4 << 10;
const MAX_LOG_LINES: u32 = 64;
/// Buffers that are used again, and how large one may be.
const MAX_SPARES: usize = 2;
const MAX_SPARE_BYTES: usize = 128 << 10;

/// What the core wants done once its call has returned. See `wit/network.wit`.
#[derive(Debug)]
#[allow(missing_docs, reason = "documented in wit/network.wit; public with the feature `foreign-core` only")]
pub enum Effect {
    Open { link: u32, endpoint: types::Endpoint },
    Send { link: u32, bytes: Vec<u8> },
    SendHeld { link: u32, request: u64, argument: u32 },
    SendSecret { link: u32, generation: u32, password: bool },
    Close { link: u32 },
}

/// What the core says that happened in a call: the columns of `network.report`.
#[derive(Debug, Default)]
pub struct Report {
    /// Event rows.
    pub events: Vec<u64>,
    /// Node rows.
    pub nodes: Vec<u64>,
    /// What `text` nodes point into.
    pub texts: Vec<u8>,
}

impl Report {
    fn clear(&mut self) {
        self.events.clear();
        self.nodes.clear();
        self.texts.clear();
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.nodes.is_empty() && self.texts.is_empty()
    }
}

pub(super) struct HostState {
    effects: Vec<Effect>,
    report: Report,
    effect_bytes: usize,
    log_lines: u32,
    /// Empty, with room: what is sent next goes there.
    spares: Vec<Vec<u8>>,
    memory_limit: usize,
    /// What the counters know of.
    memory: u64,
    counters: Arc<Counters>,
}

impl HostState {
    pub(super) fn new(memory_limit: usize, counters: Arc<Counters>) -> Self {
        counters.instance();
        Self {
            effects: Vec::new(),
            report: Report::default(),
            effect_bytes: 0,
            log_lines: 0,
            spares: Vec::new(),
            memory_limit,
            memory: 0,
            counters,
        }
    }

    /// Another call comes.
    pub(super) fn begin(&mut self) {
        self.log_lines = 0;
    }

    /// What the last call noted, in order, into `into`.
    pub(super) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        self.effect_bytes = 0;
        into.append(&mut self.effects);
    }

    /// Puts what the last call reported in the place of what an earlier one did.
    pub(super) fn take_report(&mut self, into: &mut Report) {
        into.clear();
        std::mem::swap(&mut self.report, into);
    }

    /// Where a call's report goes: empty, with room. There is one a call.
    fn begin_report(&mut self) -> wasmtime::Result<Report> {
        if !self.report.is_empty() {
            bail!("the core reports twice in one call");
        }
        Ok(std::mem::take(&mut self.report))
    }

    /// Keeps the buffer of an [`Effect::Send`] that was done, to be used again.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spares.len() < MAX_SPARES && buffer.capacity() <= MAX_SPARE_BYTES {
            buffer.clear();
            self.spares.push(buffer);
        }
    }

    /// An empty one.
    fn buffer(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    fn note(&mut self, effect: Effect) -> wasmtime::Result<()> {
        if self.effects.len() >= MAX_EFFECTS {
            bail!("{TOO_MUCH}");
        }
        self.effects.push(effect);
        Ok(())
    }

    /// Counts bytes that an effect is to keep.
    fn spend(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.effect_bytes = self.effect_bytes.saturating_add(bytes);
        if self.effect_bytes > MAX_EFFECT_BYTES {
            bail!("{TOO_MUCH}");
        }
        Ok(())
    }
}

impl Drop for HostState {
    fn drop(&mut self) {
        self.counters.instance_gone(self.memory);
    }
}

/// Has `send` and `report` read their lists where they are, in place of the generated bindings, which give each call
/// new ones.
pub(super) fn read_in_place(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut network = linker.instance("coracle:client/network@0.1.0")?;
    network.func_wrap("send", |mut store: StoreContextMut<'_, HostState>, (link, bytes): (u32, WasmList<u8>)| {
        store.data_mut().spend(bytes.len())?;
        let mut buffer = store.data_mut().buffer();
        buffer.extend_from_slice(bytes.as_le_slice(&store));
        store.data_mut().note(Effect::Send { link, bytes: buffer })
    })?;
    type Rows = (WasmList<u64>, WasmList<u64>, WasmList<u8>);
    network.func_wrap("report", |mut store: StoreContextMut<'_, HostState>, (events, nodes, texts): Rows| {
        let mut report = store.data_mut().begin_report()?;
        report.events.extend(events.as_le_slice(&store).iter().map(|word| u64::from_le(*word)));
        report.nodes.extend(nodes.as_le_slice(&store).iter().map(|word| u64::from_le(*word)));
        report.texts.extend_from_slice(texts.as_le_slice(&store));
        store.data_mut().report = report;
        Ok(())
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

impl types::Host for HostState {}

impl network::Host for HostState {
    fn open(&mut self, link: u32, _role: types::Role, endpoint: types::Endpoint) -> wasmtime::Result<()> {
        self.spend(match &endpoint {
            types::Endpoint::Tcp((host, _)) => host.len(),
            types::Endpoint::Unix(path) => path.len(),
        })?;
        self.note(Effect::Open { link, endpoint })
    }

    fn send(&mut self, link: u32, bytes: Vec<u8>) -> wasmtime::Result<()> {
        self.spend(bytes.len())?;
        self.note(Effect::Send { link, bytes })
    }

    fn send_held(&mut self, link: u32, request: u64, argument: u32) -> wasmtime::Result<()> {
        self.note(Effect::SendHeld { link, request, argument })
    }

    fn send_secret(&mut self, link: u32, generation: u32, password: bool) -> wasmtime::Result<()> {
        self.note(Effect::SendSecret { link, generation, password })
    }

    fn report(&mut self, events: Vec<u64>, nodes: Vec<u64>, texts: Vec<u8>) -> wasmtime::Result<()> {
        self.begin_report()?;
        self.report = Report { events, nodes, texts };
        Ok(())
    }

    fn close(&mut self, link: u32) -> wasmtime::Result<()> {
        self.note(Effect::Close { link })
    }
}

/// What of a text goes to the log: no part of a letter.
fn line(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_LOG_BYTES)).unwrap_or_default()
}

impl log::Host for HostState {
    fn write(&mut self, level: u8, text: String) -> wasmtime::Result<()> {
        if self.log_lines == MAX_LOG_LINES {
            return Ok(());
        }
        self.log_lines += 1;
        let text = line(&text);
        match level {
            1 => tracing::error!(target: "coracle::core", "{text}"),
            2 => tracing::warn!(target: "coracle::core", "{text}"),
            3 => tracing::info!(target: "coracle::core", "{text}"),
            _ => tracing::debug!(target: "coracle::core", "{text}"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
