//! Runs the transcripts of `tests/vectors` on this host, over connections in memory: as they are, byte by byte, and cut
//! once, at every place where they are short. `CORACLE_COMPONENT` names another component file to run them on.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test, a panic is how it fails")]

mod network;
mod requests;
mod run;
mod settings;
mod subscriptions;
mod values;

use bytes::Bytes;
use coracle::Config;
use vectors::Vector;

use run::Split;

/// Vectors with more bytes from the server than this are cut at places that are spread over them.
const CUT_UP_TO: usize = 2048;

#[test]
fn as_they_are() {
    all(|_| vec![Split::Whole]);
}

#[test]
fn byte_by_byte() {
    all(|_| vec![Split::Bytes]);
}

#[test]
fn cut_at_every_place() {
    all(|vector| {
        let bytes = vector.server_bytes();
        (1..bytes).step_by((bytes / CUT_UP_TO).max(1)).map(Split::At).collect()
    });
}

/// Runs every vector with every split that `splits` gives, and reports all vectors that fail.
fn all(splits: impl Fn(&Vector) -> Vec<Split> + Sync) {
    let common = settings::common(component()).unwrap();
    let vectors = vectors::all().unwrap();
    assert!(!vectors.is_empty(), "there are no vectors");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (splits, common) = (&splits, &common);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let part = |first| vectors.iter().skip(first).step_by(threads);
        let begin = |first| scope.spawn(move || some(part(first), splits, common));
        let parts: Vec<_> = (0..threads).map(begin).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {} vectors fail:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}

fn some<'a>(
    vectors: impl Iterator<Item = &'a Vector>,
    splits: impl Fn(&Vector) -> Vec<Split>,
    common: &Config,
) -> Vec<String> {
    // Time stands still but for timers that everything waits for, so nothing here depends on how fast the machine is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut failures = Vec::new();
    for vector in vectors {
        for split in splits(vector) {
            if let Err(error) = runtime.block_on(run::run(vector, split, common)) {
                failures.push(format!("{} ({split:?}): {error:#}", vector.name));
                break;
            }
        }
    }
    failures
}

fn component() -> Option<Bytes> {
    let path = std::env::var_os("CORACLE_COMPONENT")?;
    Some(std::fs::read(path).expect("the file that CORACLE_COMPONENT names").into())
}
