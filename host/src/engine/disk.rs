//! Compiled components on disk, so that a process need not compile what another one of the same user has.
//!
//! Compiled code is trusted as the program itself: whoever can write it can run what he likes. So it is read only from
//! a folder, and a file, that belong to this user or to root, and that nobody else can write to; and run only if it is
//! what was written, by its BLAKE3 hash, since wasmtime does not notice when a bit of it has changed.
//!
//! Most of what it takes to start is to move this megabyte: the code stands first in its file, and its hash behind it,
//! so that wasmtime can map the file where the system lets it open just the one that was looked at.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::hex;

/// Bytes of a hash.
const HASH: usize = blake3::OUT_LEN;
/// By what a file is sealed; one that is sealed otherwise has another name.
const SEAL: &str = "blake3";
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
        let file = folder.join(format!("{}-{:016x}.cwasm", hex(component), settings.finish()));
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
        static COUNT: AtomicU32 = AtomicU32::new(0);
        create_private(&self.folder)?;
        check_folders(&self.folder)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Others read the whole file or none, so it gets its name at the end.
        let draft = self.file.with_extension(format!("{}-{count}.draft", std::process::id()));
        let written = write_private(&draft, &[code, blake3::hash(code).as_bytes()])
            .and_then(|()| std::fs::rename(&draft, &self.file));
        if written.is_err() {
            // What is wrong was said already.
            let _ = std::fs::remove_file(&draft);
        }
        written
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

fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))
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
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("coracle-code-{name}-{}", std::process::id()));
            Self(path)
        }

        fn place(&self, engine: &Engine) -> Place {
            Place::new(self.0.clone(), &[7; HASH], engine)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn engine() -> Engine {
        Engine::new(wasmtime::Config::new().concurrency_support(false)).unwrap()
    }

    /// The least that is a component.
    fn component(engine: &Engine) -> Component {
        Component::from_binary(engine, b"\0asm\x0d\0\x01\0").unwrap()
    }

    /// A folder with a component in it.
    fn kept(name: &str) -> (Folder, Place, Engine) {
        let (folder, engine) = (Folder::new(name), engine());
        let place = folder.place(&engine);
        place.write(&component(&engine));
        assert!(place.read(&engine).is_some(), "what was kept can be read");
        (folder, place, engine)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn nothing_is_there_at_first_and_nothing_else_remains() {
        let folder = Folder::new("first");
        let engine = engine();
        let place = folder.place(&engine);
        assert_eq!(place.checked().unwrap_err().kind(), io::ErrorKind::NotFound);
        place.write(&component(&engine));
        place.write(&component(&engine));
        let names: Vec<_> = folder.0.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(names.as_slice(), std::slice::from_ref(&place.file));
        assert_eq!(place.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.0.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_can_be_copied_where_it_can_not_be_mapped() {
        let (_folder, place, engine) = kept("copied");
        assert!(copy(&engine, place.checked().unwrap()).is_ok());
        let mapped = map(&engine, &place.checked().unwrap());
        assert_eq!(mapped.map(|component| component.is_ok()), cfg!(target_os = "linux").then_some(true));
    }

    #[test]
    fn what_is_damaged_is_not_run() {
        let (_folder, place, engine) = kept("damaged");
        let whole = std::fs::read(&place.file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - HASH - 1, whole.len() - HASH, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&place.file, changed).unwrap();
            assert_eq!(place.checked().unwrap_err().kind(), io::ErrorKind::InvalidData, "byte {at}");
            assert!(place.read(&engine).is_none());
        }
        for length in [0, HASH - 1, whole.len() - 1] {
            std::fs::write(&place.file, &whole[..length]).unwrap();
            assert!(place.read(&engine).is_none(), "{length} bytes");
        }
        let nothing = [&b"no code"[..], blake3::hash(b"no code").as_bytes()].concat();
        std::fs::write(&place.file, nothing).unwrap();
        assert!(place.read(&engine).is_none(), "wasmtime refuses what is none of its own");
        place.write(&component(&engine));
        assert!(place.read(&engine).is_some(), "it is replaced");
    }

    #[test]
    fn what_others_could_write_is_not_run() {
        let (folder, place, engine) = kept("others");
        for (path, mode, usual) in [(&place.file, 0o620, 0o600), (&place.file, 0o602, 0o600), (&folder.0, 0o770, 0o700)]
        {
            set_mode(path, mode);
            assert_eq!(place.checked().unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{mode:o}");
            set_mode(path, usual);
            assert!(place.read(&engine).is_some());
        }
        set_mode(&folder.0, 0o707);
        std::fs::remove_file(&place.file).unwrap();
        place.write(&component(&engine));
        assert!(!place.file.exists(), "nothing is put where others could write");
    }

    #[test]
    fn links_are_not_followed() {
        let (folder, place, engine) = kept("links");
        let elsewhere = folder.0.join("elsewhere");
        std::fs::rename(&place.file, &elsewhere).unwrap();
        symlink(&elsewhere, &place.file).unwrap();
        assert!(place.read(&engine).is_none());
        std::fs::remove_file(&place.file).unwrap();
        std::fs::create_dir(&place.file).unwrap();
        assert!(place.read(&engine).is_none(), "nor is a folder read");
    }

    #[test]
    fn the_place_depends_on_component_and_engine() {
        let folder = Folder::new("place");
        let other = Engine::new(wasmtime::Config::new().concurrency_support(false).epoch_interruption(true)).unwrap();
        let place = folder.place(&engine());
        assert_eq!(place.file, folder.place(&engine()).file);
        assert_ne!(place.file, folder.place(&other).file);
        assert_ne!(place.file, Place::new(folder.0.clone(), &[8; HASH], &engine()).file);
    }

    #[test]
    fn the_users_folder_is_by_the_customs_of_the_system() {
        let found = |caches: Option<&str>, home: Option<&str>| {
            of_user(|name| if name == "HOME" { home } else { caches }.map(Into::into))
        };
        assert_eq!(found(None, None), None);
        assert_eq!(found(Some("relative"), None), None);
        if cfg!(target_os = "linux") {
            assert_eq!(found(None, Some("/h")), Some("/h/.cache/coracle/wasmtime".into()));
            assert_eq!(found(Some("/c"), Some("/h")), Some("/c/coracle/wasmtime".into()));
        }
        assert_eq!(CodeCache::Nowhere.folder(true), None);
        assert_eq!(CodeCache::In("/x".into()).folder(false), Some("/x".into()));
    }
}
