//! The contract of `wit/`, as Rust types: what the core is called with, and what it says.

/// Generated. But for its types, only the engine looks in here.
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "client",
        imports: { default: trappable },
    });
}

pub(crate) use bindings::coracle::client::types::*;
