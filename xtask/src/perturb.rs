//! `cargo xtask perturb`: proof that both hosts' vector tests test the component that is shipped, and can fail.

mod letters;
mod suites;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::component::SHIPPED;
use crate::root;
use suites::{Outcome, Suite};

/// A change of one letter in a word that the component knows.
struct Perturbation {
    name: &'static str,
    word: &'static str,
    index: usize,
    letter: u8,
}

const PERTURBATIONS: [Perturbation; 2] = [
    // What the core writes: every handshake is another one.
    Perturbation { name: "encoding", word: "LIB-NAME", index: 7, letter: b'F' },
    // What the core reads: an error's class is no longer known.
    Perturbation { name: "decoding", word: "MOVED", index: 2, letter: b'W' },
];

/// Sees both suites pass on the shipped component, then fail on each perturbed one.
pub fn run() -> Result<()> {
    let shipped = root::path(SHIPPED[0]);
    let bytes = std::fs::read(&shipped).with_context(|| format!("{} could not be read", shipped.display()))?;
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    for perturbation in &PERTURBATIONS {
        let changed = letters::change(&bytes, perturbation.word, perturbation.index, perturbation.letter)?;
        let path = root::path("target/perturbed").join(format!("{}.wasm", perturbation.name));
        std::fs::create_dir_all(root::path("target/perturbed"))?;
        std::fs::write(&path, changed)?;
        files.push((perturbation.name, path));
    }

    for suite in Suite::build_all()? {
        match suite.run(&shipped)? {
            Outcome::Passed(tests) => println!("{}: {tests} tests pass on the shipped component", suite.name),
            Outcome::Failed => bail!("{}: the vector tests fail on the shipped component", suite.name),
        }
        for (name, path) in &files {
            match suite.run(path)? {
                Outcome::Failed => println!("{}: red on `{name}`, as it should be", suite.name),
                Outcome::Passed(_) => {
                    bail!("{}: the vector tests pass although the component is perturbed ({name})", suite.name)
                }
            }
        }
    }
    Ok(())
}
