//! The two hosts' vector tests as programs: built first, so that what fails later is a test and not a build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::root;

/// One host's vector tests, built.
pub struct Suite {
    pub name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    folder: PathBuf,
    /// How its report counts tests that passed, and shows one that did not.
    verdict: fn(&str) -> Verdict,
}

/// What a report says.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    passed: usize,
    failed: bool,
}

/// How a run ended, of those that mean something.
pub enum Outcome {
    /// With this many tests, not 0.
    Passed(usize),
    Failed,
}

impl Suite {
    /// Builds both.
    pub fn build_all() -> Result<[Suite; 2]> {
        Ok([rust()?, go()?])
    }

    /// Runs the tests on the component at `component`. An error means that they did not run as tests.
    pub fn run(&self, component: &Path) -> Result<Outcome> {
        let output = process::observe(
            Command::new(&self.program)
                .args(self.arguments)
                .current_dir(&self.folder)
                .env("CORACLE_COMPONENT", component),
        )?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let verdict = (self.verdict)(&text);
        match (output.status.success(), verdict.failed, verdict.passed) {
            (true, false, 1..) => Ok(Outcome::Passed(verdict.passed)),
            (false, true, _) => Ok(Outcome::Failed),
            _ => bail!("{}: the vector tests did not run as they should ({}):\n{text}", self.name, output.status),
        }
    }
}

fn rust() -> Result<Suite> {
    let report = process::read(
        process::cargo()
            .current_dir(root::root())
            // The whole workspace, as features are unified over what is selected: one package alone would build anew
            // all that `cargo test --workspace` has built. The core's vectors come along.
            .args(["test", "--locked", "--quiet", "--workspace", "--test", "vectors", "--no-run"])
            .args(["--message-format", "json"]),
    )?;
    let program = executable(&report).context("cargo does not say where the Rust host's vector tests are")?;
    Ok(Suite { name: "Rust host", program, arguments: &[], folder: root::path("host"), verdict: rust_verdict })
}

/// The artefact in cargo's report that is the Rust host's test. Its path has nothing in it that JSON would escape.
fn executable(report: &str) -> Option<PathBuf> {
    let of_host = |line: &&str| line.contains("/host/tests/vectors/main.rs\"");
    let (_, rest) = report.lines().filter(of_host).find_map(|line| line.split_once("\"executable\":\""))?;
    Some(rest.split_once('"')?.0.into())
}

fn rust_verdict(text: &str) -> Verdict {
    let passed = text.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split_once(" passed"));
    Verdict {
        passed: passed.and_then(|(number, _)| number.parse().ok()).unwrap_or(0),
        failed: text.contains("test result: FAILED."),
    }
}

fn go() -> Result<Suite> {
    let (folder, program) = (root::path("go-host"), root::path("target/perturbed/vectors.test"));
    process::run(
        Command::new("go")
            .args(["test", "-c", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(&folder)
            .env("CGO_ENABLED", "0"),
    )?;
    let arguments = &["-test.run", "^TestVectors", "-test.v", "-test.timeout", "5m"];
    Ok(Suite { name: "Go host", program, arguments, folder, verdict: go_verdict })
}

fn go_verdict(text: &str) -> Verdict {
    let count = |start| text.lines().filter(|line| line.trim_start().starts_with(start)).count();
    Verdict { passed: count("--- PASS: TestVectors"), failed: count("--- FAIL: TestVectors") > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_verdicts() {
        let rust = "running 2 tests\n\ntest result: ok. 2 passed; 0 failed; 0 ignored;\n";
        assert_eq!(rust_verdict(rust), Verdict { passed: 2, failed: false });
        assert_eq!(rust_verdict("test result: FAILED. 1 passed; 1 failed;"), Verdict { passed: 0, failed: true });
        assert_eq!(rust_verdict("error: no such file"), Verdict { passed: 0, failed: false });
        let go = "=== RUN   TestVectors\n--- PASS: TestVectors (0.1s)\n    --- PASS: TestVectors/get (0.0s)\nPASS\n";
        assert_eq!(go_verdict(go), Verdict { passed: 2, failed: false });
        assert!(go_verdict("--- FAIL: TestVectors (0.1s)\n").failed);
        assert_eq!(go_verdict("testing: warning: no tests to run\nPASS\n"), Verdict { passed: 0, failed: false });
    }

    #[test]
    fn finds_the_program() {
        let artefact = |folder: &str, program: &str| {
            format!(
                "{{\"src_path\":\"/c/{folder}/tests/vectors/main.rs\",\"executable\":\"/d/{program}\",\"fresh\":true}}\n"
            )
        };
        let report =
            ["{\"executable\":null}\n", &artefact("host", "vectors-1"), &artefact("guest", "vectors-2")].concat();
        assert_eq!(executable(&report), Some("/d/vectors-1".into()));
        assert_eq!(executable(&artefact("guest", "vectors-2")), None);
    }
}
