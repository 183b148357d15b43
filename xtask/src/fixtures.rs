//! `cargo xtask fixtures`: the small components that the tests of `go-host/component` link, from `tests/fixtures`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::generated::{self, File, Mode};
use crate::{process, root};

const SOURCES: &str = "tests/fixtures";
const FOLDER: &str = "go-host/component/testdata";
const BARE: &str = "wasm32-unknown-unknown";
/// Its linker makes the component itself, in another dialect than `wit-component` called directly.
const LINKED: &str = "wasm32-wasip2";
const STACK: u32 = 16 * 1024;

/// One component: the crate it is built from, for which target, and its file's name.
const FIXTURES: [(&str, &str, &str); 5] = [
    ("values", BARE, "values"),
    ("hot", BARE, "hot"),
    ("raw", BARE, "raw"),
    ("values", LINKED, "values-wasip2"),
    ("hot", LINKED, "hot-wasip2"),
];

/// Builds all fixtures, and writes them or (with `check`) fails where a committed file differs.
pub fn run(check: bool) -> Result<()> {
    let files = FIXTURES.iter().map(fixture).collect::<Result<Vec<_>>>()?;
    let mode = if check { Mode::Check } else { Mode::Write };
    generated::settle(mode, &files, "cargo xtask fixtures")
}

fn fixture(&(name, target, file): &(&str, &str, &str)) -> Result<File> {
    let built = build(name, target)?;
    let bytes = if target == LINKED { built } else { componentise(name, built)? };
    if bytes.starts_with(&wasm_encoder::Module::HEADER) {
        bail!("{name} for {target} was not made a component");
    }
    Ok(File { path: Path::new(FOLDER).join(file).with_extension("wasm"), bytes })
}

/// Compiles one crate and gives what the linker made.
fn build(name: &str, target: &str) -> Result<Vec<u8>> {
    let sources = root::path(SOURCES);
    let folder = root::path("target/fixtures");
    let mut flags = vec![format!("-Clink-arg=-zstack-size={STACK}")];
    flags.extend(remaps()?.iter().map(|from| format!("--remap-path-prefix={}=/", from.display())));
    process::run(
        process::cargo()
            .current_dir(&sources)
            .args(["build", "--locked", "--quiet", "--release", "--target", target])
            .args(["--package", &format!("fixture-{name}"), "--target-dir"])
            .arg(&folder)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")),
    )?;
    let path = folder.join(target).join(format!("release/fixture_{name}.wasm"));
    std::fs::read(&path).with_context(|| format!("{} could not be read", path.display()))
}

/// Folders that must not show in the bytes.
fn remaps() -> Result<Vec<PathBuf>> {
    let home = std::env::home_dir().context("no home folder is known")?;
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // The registry's folders have names that depend on its address, which a mirror changes.
    let sources = cargo.join("registry/src");
    let mut folders = vec![home, cargo];
    for entry in std::fs::read_dir(&sources).with_context(|| format!("{} could not be read", sources.display()))? {
        folders.push(entry?.path());
    }
    folders.push(root::root().to_owned());
    Ok(folders)
}

/// Makes a component of a core module. Where bindings left no world in it, the crate's own is put in first.
fn componentise(name: &str, mut module: Vec<u8>) -> Result<Vec<u8>> {
    if !has_world(&module)? {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(root::path(SOURCES).join(name).join("wit"))?;
        let world = resolve.select_world(&[package], None)?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    }
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.debug_names(false).encode())
        .with_context(|| format!("{name} can't be made a component"))
}

fn has_world(module: &[u8]) -> Result<bool> {
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::CustomSection(section) = payload?
            && section.name().starts_with("component-type")
        {
            return Ok(true);
        }
    }
    Ok(false)
}
