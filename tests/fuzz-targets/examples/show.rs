//! Shows the calls that an input of the target `calls` means: `cargo run -p fuzz-targets --example show -- FILE`.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("the path of an input is wanted")?;
    let (settings, calls) = fuzz_targets::calls::read(&std::fs::read(&path).context(path)?);
    println!("settings {settings:#b}");
    for call in calls {
        println!("{call:?}");
    }
    Ok(())
}
