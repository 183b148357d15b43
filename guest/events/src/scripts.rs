//! The scripts that a store runs in the server.

/// A script.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Its SHA-1 in hexadecimal.
    pub sha1: &'static str,
    /// What it is.
    pub source: &'static str,
    /// Whether it writes.
    pub writes: bool,
}
