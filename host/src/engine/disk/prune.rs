//! Old compiled code, and what processes left that ended while they wrote.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{CODE, DRAFT};

/// How many versions of code are kept.
const MOST: usize = 8;
/// After which time nobody writes a draft any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// Removes the oldest code above the bound, but never this one, and drafts that were left. It leaves alone what is not
/// the cache's.
pub(super) fn prune(folder: &Path, newest: &Path) -> io::Result<()> {
    let mut kept: Vec<(SystemTime, PathBuf)> = Vec::new();
    let mut outcome = Ok(());
    for entry in folder.read_dir()? {
        let path = entry?.path();
        // Others may remove files too.
        let Ok(found) = path.symlink_metadata() else { continue };
        let Ok(at) = found.modified() else { continue };
        match Kind::of(&path) {
            Some(Kind::Code) if found.is_file() && path != newest => kept.push((at, path)),
            Some(Kind::Draft) if at.elapsed().is_ok_and(|age| age > ABANDONED) => outcome = outcome.and(remove(&path)),
            _ => {}
        }
    }
    kept.sort_unstable_by(|one, other| other.cmp(one));
    kept.iter().skip(MOST - 1).map(|(_, path)| remove(path)).fold(outcome, io::Result::and)
}

enum Kind {
    Code,
    Draft,
}

impl Kind {
    /// By its name: digests of component and engine, then perhaps who writes it, then what it is.
    fn of(path: &Path) -> Option<Self> {
        let (digests, rest) = path.file_name()?.to_str()?.split_once('.')?;
        let (component, engine) = digests.split_once('-')?;
        let hexadecimal = |text: &str, size| text.len() == size && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal(component, 64) || !hexadecimal(engine, 16) {
            return None;
        }
        match rest.rsplit_once('.') {
            None if rest == CODE => Some(Self::Code),
            Some((_, DRAFT)) => Some(Self::Draft),
            _ => None,
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_newest_are_kept_and_what_is_none_of_ours() {
        let folder = std::env::temp_dir().join(format!("coracle-code-prune-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let now = SystemTime::now();
        let put = |name: &str, age: u64| {
            let path = folder.join(name);
            File::create_new(&path).unwrap().set_modified(now - Duration::from_secs(age)).unwrap();
            path
        };
        let name = |n: usize, rest: &str| format!("{n:064x}-{n:016x}.{rest}");
        let codes: Vec<PathBuf> = (0..12).map(|n| put(&name(n, CODE), 1000 - n as u64)).collect();
        let abandoned = put(&name(1, "00ff.draft"), 3700);
        let kept = [
            put(&name(1, "00fe.draft"), 3500),
            put(&name(20, "txt"), 9000),
            put("mine.cwasm", 9000),
            put("mine.00ff.draft", 9000),
            put(&format!("{:064x}-{:016}.cwasm", 1, "no number"), 9000),
        ];

        // Its time is that of the oldest, as if the clock had been set back.
        prune(&folder, &codes[0]).unwrap();

        assert!(codes[0].exists());
        for (n, path) in codes.iter().enumerate().skip(1) {
            assert_eq!(path.exists(), n >= 12 - (MOST - 1), "{n}");
        }
        assert!(!abandoned.exists());
        assert!(kept.iter().all(|path| path.exists()));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
