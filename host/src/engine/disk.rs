//! Compiled components on disk, so that a process need not compile what another one of the same user has.
//!
//! Compiled code is trusted as the program itself: whoever can write it can run what he likes. So it is read only from
//! a folder, and a file, that belong to this user or to root, and that nobody else can write to; and run only if it is
//! what was written, by its BLAKE3 hash, since wasmtime does not notice when a bit of it has changed.
//!
//! Most of what it takes to start is to move this megabyte: the code stands first in its file, and its hash behind it,
//! so that wasmtime can map the file where the system lets it open just the one that was looked at.

mod prune;

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::hex;

/// Bytes of a hash.
const HASH: usize = blake3::OUT_LEN;
/// By what a file is sealed; one that is sealed otherwise has another name.
const SEAL: &str = "blake3";
/// How names end: of code, and of what is to be code once it is written.
const CODE: &str = "cwasm";
const DRAFT: &str = "draft";
/// How much is read at a time: it stays in the processor's cache while it is hashed.
const PIECE: usize = 64 << 10;

/// Where a client keeps compiled code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum CodeCache {
    /// In the user's folder for such things, if the system has one and can say who may write there. The crate's own
    /// component only.
    #[default]
    OfUser,
    /// In this folder.
    In(PathBuf),
    Nowhere,
}

impl CodeCache {
    /// The folder, if any. `shipped` says that the component is the crate's own.
    pub(super) fn folder(&self, shipped: bool) -> Option<PathBuf> {
        match self {
            Self::In(folder) => Some(folder.clone()),
            // Tests leave nothing behind.
            Self::OfUser if shipped && cfg!(unix) && !cfg!(test) => of_user(|name| std::env::var_os(name)),
            Self::OfUser | Self::Nowhere => None,
        }
    }
}

/// A compiled component's place on disk.
pub(super) struct Place {
    folder: PathBuf,
    file: PathBuf,
}

impl Place {
    /// Of a component with this digest, as this engine compiles it.
    pub(super) fn new(folder: PathBuf, component: &[u8; HASH], engine: &Engine) -> Self {
        // Holds the version of wasmtime, and all settings that matter to the code.
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        SEAL.hash(&mut settings);
        let file = folder.join(format!("{}-{:016x}.{CODE}", hex(component), settings.finish()));
        Self { folder, file }
    }

    /// What is there, if it can be used. What can't be is reported, and as good as not there.
    pub(super) fn read(&self, engine: &Engine) -> Option<Component> {
        match self.checked().and_then(|file| load(engine, file)) {
            Ok(component) => Some(component),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "compiled code on disk is not used; compiling");
                None
            }
        }
    }

    /// Keeps a component. It is no fault if that is not possible.
    pub(super) fn write(&self, component: &Component) {
        let kept = component.serialize().map_err(io::Error::other).and_then(|code| self.keep(&code));
        if let Err(error) = kept {
            tracing::warn!(%error, "compiled code can't be kept on disk");
        }
    }

    /// The file, if nobody else could have written it, and it holds what was written.
    fn checked(&self) -> io::Result<File> {
        let mut file = open(&self.file)?;
        check_folders(&self.folder)?;
        let found = file.metadata()?;
        check(&found, true)?;
        check_hash(&mut file, found.len())?;
        Ok(file)
    }

    fn keep(&self, code: &[u8]) -> io::Result<()> {
        create_private(&self.folder)?;
        check_folders(&self.folder)?;
        // Others read the whole file or none, so it gets its name at the end. Processes of several machines or
        // containers may share a folder, and a number: so the draft's name is by chance.
        let draft = self.file.with_extension(format!("{:016x}.{DRAFT}", RandomState::new().build_hasher().finish()));
        self.keep_by(&draft, code)
    }

    fn keep_by(&self, draft: &Path, code: &[u8]) -> io::Result<()> {
        let mut file = new_private(draft)?;
        let written =
            [code, blake3::hash(code).as_bytes()].iter().try_for_each(|part| file.write_all(part)).and_then(|()| {
                drop(file);
                std::fs::rename(draft, &self.file)
            });
        if written.is_err() {
            // What is wrong was said already.
            let _ = std::fs::remove_file(draft);
        }
        written?;
        if let Err(error) = prune::prune(&self.folder, &self.file) {
            tracing::warn!(%error, "old compiled code can't be removed from disk");
        }
        Ok(())
    }
}

/// Whether a file of this size ends with the hash of what comes before.
fn check_hash(file: &mut File, size: u64) -> io::Result<()> {
    let mut left = size.checked_sub(HASH as u64).ok_or_else(|| damaged("it is too short"))?;
    let (mut hash, mut room) = (blake3::Hasher::new(), vec![0; PIECE]);
    while left > 0 {
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let piece = room.get_mut(..most).unwrap_or_default();
        file.read_exact(piece)?;
        hash.update(piece);
        left -= most as u64;
    }
    let mut written = [0; HASH];
    file.read_exact(&mut written)?;
    if hash.finalize() != written {
        return Err(damaged("its hash is another one"));
    }
    Ok(())
}

/// Loads a file that was checked.
fn load(engine: &Engine, file: File) -> io::Result<Component> {
    map(engine, &file).unwrap_or_else(|| copy(engine, file))
}

fn copy(engine: &Engine, mut file: File) -> io::Result<Component> {
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut content)?;
    let code = content.get(..content.len().saturating_sub(HASH)).unwrap_or_default();
    #[expect(unsafe_code, reason = "wasmtime can't check that code is what it has compiled itself")]
    // SAFETY: the code is byte by byte what `Component::serialize` gave, by its hash, and nobody but this user and root
    // could have written it: file, folder and the folders above were checked.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|error| damaged(&format!("{error:#}")))
}

/// Maps a file that was checked; `None` where the system has no name for just this one.
#[cfg(target_os = "linux")]
fn map(engine: &Engine, file: &File) -> Option<io::Result<Component>> {
    let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    if !Path::new(&name).exists() {
        return None;
    }
    #[expect(unsafe_code, reason = "wasmtime can't check that code is what it has compiled itself")]
    // SAFETY: as in `copy`; the name leads to this very file, whatever stands in its place by now. Coracle never writes
    // to a file that is there: it puts another one in its place.
    let component = unsafe { Component::deserialize_file(engine, name) };
    Some(component.map_err(|error| damaged(&format!("{error:#}"))))
}

#[cfg(not(target_os = "linux"))]
fn map(_: &Engine, _: &File) -> Option<io::Result<Component>> {
    None
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is damaged: {what}"))
}

/// The folder for what can be made anew, by the customs of the system.
fn of_user(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |below: &str| absolute("HOME").map(|home| home.join(below));
    let caches = if cfg!(target_os = "macos") {
        home("Library/Caches")
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| home(".cache"))
    };
    caches.map(|caches| caches.join("coracle").join("wasmtime"))
}

/// Creates the folder and those above it.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Creates a file that was not there.
fn new_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file to read it, but no link to one, and nothing that would block.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    options.open(path)
}

/// Nobody else may put another file in the place of one in here: not into the folder, nor by a folder above.
fn check_folders(folder: &Path) -> io::Result<()> {
    let folder = folder.canonicalize()?;
    folder.ancestors().enumerate().try_for_each(|(above, folder)| check(&folder.metadata()?, above == 0))
}

/// Whether none but this user and root can write it. In a folder above that is `sticky`, others can write, but can't
/// replace what is not theirs.
#[cfg(unix)]
fn check(found: &std::fs::Metadata, itself: bool) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;
    let ours = found.uid() == ROOT || found.uid() == rustix::process::geteuid().as_raw();
    let shared = found.mode() & OTHERS_WRITE != 0 && (itself || found.mode() & STICKY == 0);
    let special = !found.is_file() && !found.is_dir();
    if !ours || shared || special {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others could write it"));
    }
    Ok(())
}

/// Who can write is not known here; the folder was named by who does know.
#[cfg(not(unix))]
fn check(_: &std::fs::Metadata, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
