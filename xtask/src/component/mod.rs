//! `cargo xtask component`: from the core's sources to the file that both hosts embed.

mod build;
mod encode;
mod interface;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::generated::{File, Mode, settle};
use build::Variant;

/// The shipped component: one copy a host, since neither build system embeds files from outside its package.
pub const SHIPPED: [&str; 2] = ["host/core/coracle.wasm", "go-host/internal/core/coracle.wasm"];
const TESTING: &str = "tests/components/coracle-testing.wasm";

/// Above this, something came in that does not belong: a formatter of floats, a panic's texts, a second allocator.
const SIZE_LIMIT: usize = 512 * 1024;

/// Builds and writes (or checks) the components.
pub fn run(mode: Mode, testing_only: bool) -> Result<()> {
    let mut files = Vec::new();
    if !testing_only {
        let bytes = make(Variant::Shipped).context("the shipped component")?;
        if bytes.len() > SIZE_LIMIT {
            bail!("the shipped component has {} bytes, the limit is {SIZE_LIMIT}", bytes.len());
        }
        files.extend(SHIPPED.map(|path| File { path: path.into(), bytes: bytes.clone() }));
    }
    let bytes = make(Variant::Testing).context("the component for tests")?;
    files.push(File { path: TESTING.into(), bytes });

    for file in &files {
        println!("{}  {} bytes  sha256 {}", file.path.display(), file.bytes.len(), hex(&Sha256::digest(&file.bytes)));
    }
    settle(mode, &files, "cargo xtask component")
}

fn make(variant: Variant) -> Result<Vec<u8>> {
    let module = build::module(variant)?;
    let bytes = encode::component(&module)?;
    let interface = interface::read(&bytes)?;
    if variant == Variant::Shipped {
        println!("imports: {}", interface.imports.join(", "));
        println!("exports: {}", interface.exports.join(", "));
    }
    interface.check(variant)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
