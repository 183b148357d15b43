//! wasmtime, once a process: the engine, the compiled components, and the instances made of them.

mod binary;
mod disk;
#[cfg(feature = "foreign-core")]
pub mod foreign;
mod instance;
mod kept;
mod program;
mod state;
pub(crate) mod store;
mod ticker;

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

#[cfg(test)]
pub(crate) use crate::wit::bindings::exports::coracle::client::commands::Options;
pub(crate) use crate::wit::bindings::exports::coracle::client::driver::{Reason, Settings, Tracking, Traffic};
pub(crate) use crate::wit::bindings::exports::coracle::client::pubsub::Kind;
pub(crate) use binary::Binary;
pub(crate) use disk::CodeCache;
#[cfg(feature = "foreign-core")]
pub(crate) use foreign::{Instance, Program};
#[cfg(not(feature = "foreign-core"))]
pub(crate) use instance::Instance;
pub(crate) use instance::Trap;
#[cfg(not(feature = "foreign-core"))]
pub(crate) use program::Program;
pub(crate) use state::{Effect, Report};

/// The component as the crate ships it.
static SHIPPED: &[u8] = include_bytes!("../../core/coracle.wasm");

/// SHA-256 of the component that the crate ships, in hexadecimal.
#[must_use]
pub fn component_digest() -> String {
    hex(shipped_digest())
}

/// By the build script: to work it out takes time at each start.
fn shipped_digest() -> &'static [u8; 32] {
    include_bytes!(concat!(env!("OUT_DIR"), "/coracle.sha256"))
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
