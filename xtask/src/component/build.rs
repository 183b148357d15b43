//! Compiling the core to a WebAssembly module whose bytes depend on nothing but the sources and the toolchain.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::root;

const TARGET: &str = "wasm32-unknown-unknown";

/// Enough for the core, which has no recursion and no large arrays on the stack. The default of 1 MiB would be part of
/// every instance's memory.
const STACK: u32 = 64 * 1024;

/// Which world the component is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// `client`.
    Shipped,
    /// `client-testing`: with faults on request.
    Testing,
}

/// Builds the core as a core module.
pub fn module(variant: Variant) -> Result<Vec<u8>> {
    let home = cargo_home()?;
    // The registry's folders must be there to be remapped.
    process::run(
        clean(process::cargo().current_dir(root::root())).args(["fetch", "--locked", "--quiet", "--target", TARGET]),
    )?;

    let mut flags = vec![format!("-Clink-arg=-zstack-size={STACK}")];
    flags.extend(remaps(&home)?.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));

    // A target folder for each variant: cargo would else build one over the other at every turn.
    let folder = root::path(match variant {
        Variant::Shipped => "target/component",
        Variant::Testing => "target/component-testing",
    });
    let mut command = process::cargo();
    clean(command.current_dir(root::root()))
        .args(["build", "--locked", "--quiet", "--package", "coracle-core", "--lib", "--profile", "component"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&folder)
        // Unlike RUSTFLAGS, this allows spaces in paths; and it wins over any flags in the user's own settings.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    if variant == Variant::Testing {
        command.args(["--features", "testing"]);
    }
    process::run(&mut command)?;

    let path = folder.join(TARGET).join("component/coracle_core.wasm");
    std::fs::read(&path).with_context(|| format!("{} could not be read", path.display()))
}

/// Takes away what would change the build from outside.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let changes = ["CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_UNSTABLE_"];
        if text.starts_with("RUSTC") || text == "RUSTFLAGS" || changes.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Which folders must not show in the bytes, and what stands for each. The last that fits a path wins.
fn remaps(cargo_home: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut remaps = Vec::new();
    if let Some(home) = std::env::home_dir() {
        remaps.push((home, "/home".to_owned()));
    }
    remaps.push((cargo_home.to_owned(), "/cargo".to_owned()));
    // The folder below has a name that depends on the registry's address, which a mirror changes.
    let sources = cargo_home.join("registry/src");
    for entry in std::fs::read_dir(&sources).with_context(|| format!("{} could not be read", sources.display()))? {
        remaps.push((entry?.path(), "/registry".to_owned()));
    }
    let (sysroot, commit) = rustc()?;
    remaps.push((sysroot.clone(), "/rustc".to_owned()));
    // Where the library's sources are installed, the compiler names them instead of what the library was built from.
    remaps.push((sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}")));
    remaps.push((root::root().to_owned(), "/coracle".to_owned()));
    Ok(remaps)
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return std::path::absolute(home).context("CARGO_HOME is of no use");
    }
    Ok(std::env::home_dir().context("neither CARGO_HOME nor a home folder is known")?.join(".cargo"))
}

/// The compiler's folder, and the commit that it was built from.
fn rustc() -> Result<(PathBuf, String)> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let run = |arguments: &[&str]| process::read(Command::new(&rustc).current_dir(root::root()).args(arguments));
    let sysroot = run(&["--print", "sysroot"])?;
    let version = run(&["--version", "--verbose"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    Ok((sysroot.trim_end().into(), commit.context("rustc does not say its commit")?.to_owned()))
}
