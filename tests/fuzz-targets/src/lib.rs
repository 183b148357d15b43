//! What the fuzzers of `fuzz/` run. A target takes any bytes and panics when a promise is broken; `tests/corpora.rs`
//! runs each on its committed corpus, which needs neither a nightly toolchain nor libFuzzer.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "in a test, a panic is how it fails")]

mod bytes;
pub mod calls;
pub mod decode;
pub mod encode;

/// A target: the name of its corpus and of its binary, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] = [("decode", decode::target), ("encode", encode::target), ("calls", calls::target)];
