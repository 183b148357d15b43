//! What both hosts' command lines are held to: see `cli/tests/README.md`.

use std::fs;

use conformance::{Kind, Server};
use serde::Deserialize;

use crate::on_servers;
use crate::program::{Place, lines};

on_servers! { all_of_them }

#[derive(Deserialize)]
struct Dialogue {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    args: Vec<String>,
    #[serde(default, rename = "in")]
    input: String,
    out: Vec<String>,
    err: Option<Vec<String>>,
    #[serde(default)]
    code: i32,
}

fn all_of_them(kind: Kind) {
    let file = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogues.json")).unwrap();
    let all: Vec<Dialogue> = serde_json::from_slice(&file).unwrap();
    let server = Server::start(kind).unwrap();
    for dialogue in &all {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bytes"), [0, 255, 10]).unwrap();
        let place = Place::new(&server, &dialogue.name);
        for step in &dialogue.steps {
            step.check(&place, folder.path().to_str().unwrap(), &dialogue.name);
        }
    }
}

impl Step {
    fn check(&self, place: &Place, folder: &str, dialogue: &str) {
        let arguments: Vec<String> = self.args.iter().map(|argument| argument.replace("{dir}", folder)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = place.run(&arguments, self.input.as_bytes());
        let about = format!("{dialogue}: {arguments:?}: {}", ended.err);
        assert_eq!(ended.code, self.code, "{about}");
        let out = timeless(&ended.out).replace(folder, "{dir}");
        assert_eq!(lines(&out), self.out, "{about}");
        let err = ended.err.replace(folder, "{dir}");
        match &self.err {
            Some(expected) => assert_eq!(&lines(&err), expected, "{about}"),
            None => assert_eq!(err.is_empty(), self.code == 0, "{about}"),
        }
    }
}

/// With a placeholder for each time.
pub fn timeless(text: &str) -> String {
    const SHAPE: &str = "0000-00-00T00:00:00.000Z";
    const FIELD: &str = "\"time\":";
    let mut timeless = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix(FIELD) {
            timeless.push_str("\"time\":<time>");
            rest = tail.trim_start_matches(|letter: char| letter.is_ascii_digit());
        } else if rest.get(..SHAPE.len()).is_some_and(|start| shape(start) == SHAPE) {
            // As it is in a column.
            timeless.push_str(&format!("{:<1$}", "<time>", SHAPE.len()));
            rest = &rest[SHAPE.len()..];
        } else {
            timeless.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    timeless
}

fn shape(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect()
}
