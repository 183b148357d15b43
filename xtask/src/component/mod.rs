//! `cargo xtask component`: from the core's sources to the file that both hosts embed.

mod build;
mod encode;
mod interface;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::generated::{File, Mode, settle};
use crate::root;
use build::Variant;

/// The shipped component: one copy a host, since neither build system embeds files from outside its package.
pub const SHIPPED: [&str; 2] = ["host/core/coracle.wasm", "go-host/internal/core/coracle.wasm"];
const TESTING: &str = "tests/components/coracle-testing.wasm";

/// Where people read how large it is, and behind what.
const README: &str = "README.md";
const FIGURE: &str = "| the component | ";

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
        files.push(readme(bytes.len())?);
        files.extend(SHIPPED.map(|path| File { path: path.into(), bytes: bytes.clone() }));
    }
    let bytes = make(Variant::Testing).context("the component for tests")?;
    files.push(File { path: TESTING.into(), bytes });

    for file in files.iter().filter(|file| file.path != Path::new(README)) {
        println!("{}  {} bytes  sha256 {}", file.path.display(), file.bytes.len(), hex(&Sha256::digest(&file.bytes)));
    }
    settle(mode, &files, "cargo xtask component")
}

/// The README with the size of the component in it.
fn readme(size: usize) -> Result<File> {
    let text = fs::read_to_string(root::root().join(README)).with_context(|| format!("{README} can't be read"))?;
    let told = with_size(&text, size).with_context(|| format!("{README} has no line that begins with {FIGURE:?}"))?;
    Ok(File { path: README.into(), bytes: told.into_bytes() })
}

fn with_size(text: &str, size: usize) -> Option<String> {
    let (before, after) = text.split_once(FIGURE)?;
    let (_, rest) = after.split_once(" bytes |")?;
    Some(format!("{before}{FIGURE}{} bytes |{rest}", in_thousands(size)))
}

fn in_thousands(number: usize) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", in_thousands(number / 1000), number % 1000)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_tells_the_size() {
        let text = "| figure | |\n| the component | 1 bytes |\n| another | 5 bytes |\n";
        let told = "| figure | |\n| the component | 1,023,007 bytes |\n| another | 5 bytes |\n";
        assert_eq!(with_size(text, 1_023_007).as_deref(), Some(told));
        assert_eq!(with_size("| the component |", 1), None);
        assert_eq!(in_thousands(999), "999");
    }
}
