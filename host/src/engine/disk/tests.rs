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
fn another_ones_draft_is_left_alone() {
    let (_folder, place, _) = kept("draft");
    let draft = place.file.with_extension("another.draft");
    std::fs::write(&draft, "half of it").unwrap();
    assert_eq!(place.keep_by(&draft, b"code").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&draft).unwrap(), b"half of it");
}

#[test]
fn old_code_makes_room() {
    let (folder, place, engine) = kept("room");
    for n in 0..20 {
        Place::new(folder.0.clone(), &[n; HASH], &engine).write(&component(&engine));
    }
    assert_eq!(folder.0.read_dir().unwrap().count(), 8);
    assert!(!place.file.exists() || place.read(&engine).is_some());
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
    for (path, mode, usual) in [(&place.file, 0o620, 0o600), (&place.file, 0o602, 0o600), (&folder.0, 0o770, 0o700)] {
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
