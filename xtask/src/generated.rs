//! Committed files that a task makes: written, or compared with what would be written.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What to do about them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write them.
    Write,
    /// Fail if one is missing or differs.
    Check,
}

/// One such file.
pub struct File {
    /// From the workspace's folder.
    pub path: PathBuf,
    /// What belongs in it.
    pub bytes: Vec<u8>,
}

/// Writes or checks `files`. `refresh` is the command that the reader of a failed check is told to run.
pub fn settle(mode: Mode, files: &[File], refresh: &str) -> Result<()> {
    let mut stale = Vec::new();
    for file in files {
        let path = crate::root::root().join(&file.path);
        match mode {
            Mode::Write => write(&path, &file.bytes)?,
            Mode::Check => stale.extend(difference(&path, file)),
        }
    }
    if !stale.is_empty() {
        bail!("{}\nRun `{refresh}` and commit what it writes.", stale.join("\n"));
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    }
    // An unchanged file keeps its time, so that nothing is rebuilt because of it.
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("{} could not be written", path.display()))
}

fn difference(path: &Path, file: &File) -> Option<String> {
    let name = file.path.display();
    let old = match std::fs::read(path) {
        Ok(old) => old,
        Err(error) => return Some(format!("{name} could not be read: {error}")),
    };
    if old == file.bytes {
        return None;
    }
    let same = old.iter().zip(&file.bytes).take_while(|(a, b)| a == b).count();
    let line = old.iter().take(same).filter(|&&byte| byte == b'\n').count() + 1;
    let place = if file.bytes.contains(&0) { format!("offset {same:#x}") } else { format!("line {line}") };
    Some(format!(
        "{name} is stale: it has {} bytes, should have {}, and first differs at {place}",
        old.len(),
        file.bytes.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> File {
        File { path: "a".into(), bytes: bytes.to_vec() }
    }

    #[test]
    fn says_where_files_differ() {
        let folder = std::env::temp_dir().join(format!("xtask-generated-{}", std::process::id()));
        let path = folder.join("a");
        write(&path, b"one\ntwo\n").unwrap();
        assert_eq!(difference(&path, &file(b"one\ntwo\n")), None);
        let text = difference(&path, &file(b"one\ntoo\n")).unwrap();
        assert!(text.ends_with("first differs at line 2"), "{text}");
        let binary = difference(&path, &file(b"one\ntw\0")).unwrap();
        assert!(binary.contains("has 8 bytes, should have 7") && binary.ends_with("offset 0x6"), "{binary}");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(difference(&path, &file(b"")).unwrap().contains("could not be read"));
    }
}
