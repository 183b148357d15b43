//! The transcripts of this folder, read from their JSON: see its README for the notation.

mod read;
mod step;
mod value;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use step::{Command, End, Step};
pub use value::Value;

/// One transcript.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its file's name and its own.
    pub name: String,
    /// How the client is set up.
    pub settings: Settings,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// What a vector says of the client's settings.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the README's names")]
pub struct Settings {
    pub resp2: bool,
    pub database: u32,
    pub name: String,
    pub username: Option<String>,
    pub password: Option<String>,
    /// How many servers the client is given.
    pub endpoints: usize,
    pub tracking: Tracking,
    /// Field of `limits` in the WIT, and value.
    pub limits: Vec<(String, u64)>,
}

/// How the server is to tell of keys that change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the WIT")]
pub enum Tracking {
    Off,
    OptIn,
    /// What begins so, or everything.
    Broadcast(Vec<Vec<u8>>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resp2: false,
            database: 0,
            name: String::new(),
            username: None,
            password: None,
            endpoints: 1,
            tracking: Tracking::Off,
            limits: Vec::new(),
        }
    }
}

impl Vector {
    /// Where the server's bytes can be cut: lengths of all `server` steps together.
    #[must_use]
    pub fn server_bytes(&self) -> usize {
        let bytes = |step: &Step| if let Step::Server(bytes) = step { bytes.len() } else { 0 };
        self.steps.iter().map(bytes).sum()
    }
}

/// The folder of the vectors.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The file of that folder that holds URLs, and no vectors.
pub const URLS: &str = "urls.json";

/// All vectors of all files.
///
/// # Errors
/// Names the file, the vector and the step that can't be read.
pub fn all() -> Result<Vec<Vector>> {
    let folder = folder();
    let handshakes = json(&folder.join("handshake.json"))?;
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let other = |file: &PathBuf| file.ends_with("handshake.json") || file.ends_with(URLS);
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json") && !other(file));
    files.sort();
    let mut vectors = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let list = json(&file)?;
        for vector in list.as_array().with_context(|| format!("{name}: an array is wanted"))? {
            vectors.push(read::vector(&name, vector, &handshakes)?);
        }
    }
    Ok(vectors)
}

fn json(file: &Path) -> Result<serde_json::Value> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", file.display()))
}
