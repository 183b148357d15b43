//! What an instance may take of the process.

use wasmtime::ResourceLimiter;

use super::HostState;

const MAX_TABLE_ELEMENTS: usize = 20_000;
/// What a core has that `wit-component` makes of a Rust library: a shim with a table, itself with a memory and a table,
/// and a module that fills the first table. One memory, so that its limit is the instance's.
pub(in crate::engine) const CORE_INSTANCES: u32 = 3;
pub(in crate::engine) const MEMORIES: u32 = 1;
pub(in crate::engine) const TABLES: u32 = 2;

impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_limit;
        if granted {
            self.counters.memory(desired as u64, std::mem::replace(&mut self.memory, desired as u64));
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }
}
