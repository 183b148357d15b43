//! What servers said that not every machine can have, kept as files: a line that names the server, then one for each
//! command, so that a difference between two records is read as one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::ask::{Answer, Known};
use crate::root::root;

const FOLDER: &str = "xtask/recorded";

#[derive(Serialize, Deserialize)]
struct Header {
    server: String,
}

/// Keeps an answer in place of the last one of that release. Gives the file's path.
pub fn write(answer: &Answer) -> Result<PathBuf> {
    let path = Path::new(FOLDER).join(format!("{}.jsonl", answer.release().replace(' ', "-")));
    fs::write(root().join(&path), text(answer)?).with_context(|| format!("{} could not be written", path.display()))?;
    Ok(path)
}

/// All that are kept, by their names.
pub fn read_all() -> Result<Vec<Answer>> {
    let folder = root().join(FOLDER);
    let entries = fs::read_dir(&folder).with_context(|| format!("{FOLDER} could not be read"))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let read = |path: PathBuf| parse(&fs::read_to_string(&path)?).with_context(|| path.display().to_string());
    paths.into_iter().map(read).collect()
}

fn text(answer: &Answer) -> Result<String> {
    let mut known = answer.known.clone();
    known.sort_by(|a, b| a.name.cmp(&b.name));
    let mut lines = vec![serde_json::to_string(&Header { server: answer.server.clone() })?];
    for command in &known {
        lines.push(serde_json::to_string(command)?);
    }
    Ok(lines.join("\n") + "\n")
}

fn parse(text: &str) -> Result<Answer> {
    let mut lines = text.lines();
    let Header { server } = serde_json::from_str(lines.next().context("it is empty")?)?;
    let command = |(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 2));
    Ok(Answer { server, known: lines.enumerate().map(command).collect::<Result<Vec<Known>>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ask::Argument;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let part = Argument { token: Some("T".into()), ..Argument::default() };
        let flags = ["optional".into()].into();
        let argument = Argument { name: "a".into(), kind: "block".into(), flags, parts: vec![part], token: None };
        let first = Known { name: "A".into(), keys: [1, -1, 2], arguments: vec![argument], ..Known::default() };
        let second = Known { name: "B".into(), specs: vec![["RO".into()].into()], container: true, ..Known::default() };
        let answer = Answer { server: "redis 8.6.3".into(), known: vec![second.clone(), first.clone()] };
        let read = parse(&text(&answer).unwrap()).unwrap();
        assert_eq!(read.release(), "redis 8.6");
        assert_eq!(read.known, [first, second]);
        let broken = format!("{}\n{{", text(&answer).unwrap().trim_end());
        assert!(parse(&broken).unwrap_err().to_string().contains("line 4"));
    }
}
