//! `cargo xtask check-deps`: which part may know which.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::process;
use crate::root;

/// What the core may depend on directly. Add to it only what does no I/O, reads no clock, draws nothing and starts
/// nothing.
const CORE_MAY: [&str; 2] = ["coracle-events", "wit-bindgen"];

/// What must not come in behind those.
const CORE_MUST_NOT: [&str; 12] = [
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "mio",
    "rand",
    "redis",
    "smol",
    "socket2",
    "time",
    "tokio",
    "wasi",
];

/// Fails if a part depends on one that it must not know.
pub fn run() -> Result<()> {
    // Tests of the host count too: they would else hide what the component's bytes do not do.
    let host = tree("coracle", &["--edges", "all"])?;
    if host.contains("coracle-core") {
        bail!("`coracle` depends on `coracle-core`; a host knows the component's bytes and wit/ only");
    }
    let direct = tree("coracle-core", &["--edges", "normal,build", "--depth", "1"])?;
    let all = tree("coracle-core", &["--edges", "normal,build", "--all-features"])?;
    if let Some(complaint) = core_complaint(&direct, &all) {
        bail!(complaint);
    }
    println!("checked {} packages behind `coracle`, {} behind `coracle-core`", host.len() - 1, all.len() - 1);
    Ok(())
}

fn core_complaint(direct: &BTreeSet<String>, all: &BTreeSet<String>) -> Option<String> {
    let foreign = direct.iter().find(|name| *name != "coracle-core" && !CORE_MAY.contains(&name.as_str()));
    if let Some(name) = foreign {
        return Some(format!("`coracle-core` depends on `{name}`, which is not in the list in xtask/src/deps.rs"));
    }
    let name = all.iter().find(|name| CORE_MUST_NOT.contains(&name.as_str()))?;
    Some(format!("`coracle-core` depends on `{name}` by way of another package"))
}

/// Names of the packages in the tree below `package`, itself included, for every target.
fn tree(package: &str, arguments: &[&str]) -> Result<BTreeSet<String>> {
    let text = process::read(
        process::cargo()
            .current_dir(root::root())
            .args(["tree", "--locked", "--target", "all", "--prefix", "none", "--format", "{p}", "--package", package])
            .args(arguments),
    )?;
    let names: BTreeSet<String> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    if !names.contains(package) {
        bail!("cargo tree says nothing of `{package}`");
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn refuses_new_and_hidden_dependencies_of_the_core() {
        let direct = names(&["coracle-core", "wit-bindgen"]);
        assert_eq!(core_complaint(&direct, &direct), None);
        let hidden = core_complaint(&direct, &names(&["coracle-core", "wit-bindgen", "tokio"])).unwrap();
        assert!(hidden.contains("`tokio` by way"), "{hidden}");
        let new = core_complaint(&names(&["coracle-core", "memchr"]), &direct).unwrap();
        assert!(new.contains("`memchr`, which is not in the list"), "{new}");
    }
}
