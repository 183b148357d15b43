//! The scripts that were written by hand, which both hosts run, and a break at each byte of a dialogue.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test: a panic is how it fails")]

use std::path::Path;

use drivers::script::{How, Profile, Step, Wait};
use drivers::{Script, each, generate, run};

fn read<T: serde::de::DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn written_scripts() {
    let mut failures = Vec::new();
    for file in ["writes.json", "cancels.json", "subscribers.json", "ends.json"] {
        for script in read::<Vec<Script>>(file) {
            let report = run(&script);
            if !report.violations.is_empty() {
                failures.push(format!("{file}, {}: {:#?}", script.name, report.violations));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The connection of this number breaks after so many bytes, each in turn, from the client and to it.
#[test]
fn a_cut_at_every_byte() {
    let dialogue: Script = read("dialogue.json");
    // Whole means that the last message has come, too.
    let mut heard = dialogue.clone();
    heard.steps.extend([Wait::Heard, Wait::Drained].map(Step::Wait));
    let whole = run(&heard);
    assert_eq!(whole.violations, Vec::<String>::new());
    let mut scripts = Vec::new();
    for (number, (taken, given)) in whole.bytes.iter().enumerate() {
        for at in 0..=*taken {
            scripts.push(broken(&dialogue, number, at, |profile| profile.faults.cut_in = Some(at)));
        }
        for at in 0..=*given {
            scripts.push(broken(&dialogue, number, at, |profile| profile.faults.cut_out = Some(at)));
        }
    }
    assert!(scripts.len() > 1000, "{} places", scripts.len());
    let totals = each(scripts.len(), |place| scripts[place].clone());
    assert!(totals.failures.is_empty(), "{totals}\n{}", totals.failures.join("\n"));
    let cuts: u64 = totals.faults.iter().filter(|(fault, _)| fault.starts_with("cut")).map(|(_, count)| count).sum();
    // A connection may be asked for in another order than it was without the cut; few are.
    assert!(cuts as usize > scripts.len() * 9 / 10, "{totals}");
}

fn broken(dialogue: &Script, number: usize, at: u64, fault: impl FnOnce(&mut Profile)) -> Script {
    let mut script = dialogue.clone();
    if script.connections.len() <= number {
        script.connections.resize(number + 1, Profile::default());
    }
    let profile = &mut script.connections[number];
    profile.faults.how = [How::Reset, How::Deaf, How::Lost][at as usize % 3];
    fault(profile);
    script.name = format!("connection {number}, {:?}", profile.faults);
    script
}

/// The Go host's tests draw the same scripts from the same seeds: both hold them against this file.
#[test]
fn seeds_give_the_scripts_that_they_gave() {
    let drawn: Vec<Script> = (0..6).map(generate).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/seeds.json");
    if std::env::var_os("WRITE_SEEDS").is_some() {
        let lines: Vec<String> = drawn.iter().map(|script| serde_json::to_string(script).unwrap()).collect();
        std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    assert_eq!(read::<Vec<Script>>("seeds.json"), drawn, "WRITE_SEEDS=1 writes them, if they are meant to change");
}
