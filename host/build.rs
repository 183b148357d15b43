//! Works out the digest of the component that the crate ships, which would take a tenth of the time of each start.

use std::path::Path;
use std::{env, error, fs};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn error::Error>> {
    const COMPONENT: &str = "core/coracle.wasm";
    println!("cargo::rerun-if-changed={COMPONENT}");
    let digest = Sha256::digest(fs::read(COMPONENT)?);
    let folder = env::var_os("OUT_DIR").ok_or("cargo names no folder for what is built")?;
    fs::write(Path::new(&folder).join("coracle.sha256"), digest)?;
    Ok(())
}
