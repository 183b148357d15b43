//! `cargo xtask perturb`: proof that both hosts' vector tests test the component that is shipped, and can fail.

mod suites;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::component::SHIPPED;
use crate::root;
use suites::{Outcome, Suite};

/// A change of one letter in the component's data.
struct Perturbation {
    name: &'static str,
    /// Must be in the file exactly once.
    find: &'static [u8],
    /// As long as `find`.
    replace: &'static [u8],
}

const PERTURBATIONS: [Perturbation; 2] = [
    // What the core writes: every handshake is another one.
    Perturbation { name: "encoding", find: b"SETINFO", replace: b"SETINFA" },
    // What the core reads: an error's class is no longer known.
    Perturbation { name: "decoding", find: b"NOSCRIPT", replace: b"NOSCRIPS" },
];

/// Sees both suites pass on the shipped component, then fail on each perturbed one.
pub fn run() -> Result<()> {
    let shipped = root::path(SHIPPED[0]);
    let bytes = std::fs::read(&shipped).with_context(|| format!("{} could not be read", shipped.display()))?;
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    for perturbation in &PERTURBATIONS {
        let changed = perturbation.apply(&bytes).with_context(|| format!("perturbation `{}`", perturbation.name))?;
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

impl Perturbation {
    fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let text = String::from_utf8_lossy(self.find);
        let places: Vec<usize> = bytes
            .windows(self.find.len())
            .enumerate()
            .filter(|(_, part)| *part == self.find)
            .map(|(at, _)| at)
            .collect();
        let [at] = places.as_slice() else {
            bail!("`{text}` is in the component {} times, should be once", places.len());
        };
        let mut changed = bytes.to_vec();
        let part = changed.get_mut(*at..*at + self.find.len()).context("out of the file")?;
        part.copy_from_slice(self.replace);
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_one_place_only() {
        for perturbation in &PERTURBATIONS {
            let (find, replace) = (perturbation.find, perturbation.replace);
            assert_eq!(find.len(), replace.len());
            assert_eq!(find.iter().zip(replace).filter(|(a, b)| a != b).count(), 1);
            let file = [b"before ", find, b" after"].concat();
            assert_eq!(perturbation.apply(&file).unwrap(), [b"before ", replace, b" after"].concat());
            assert!(perturbation.apply(b"nothing").is_err());
            assert!(perturbation.apply(&[find, find].concat()).is_err());
        }
    }
}
