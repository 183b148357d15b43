//! Where the repository is.

use std::path::{Path, PathBuf};

/// The workspace's folder, from the place of this crate in it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A path given from the workspace's folder.
pub fn path(relative: &str) -> PathBuf {
    root().join(relative)
}
