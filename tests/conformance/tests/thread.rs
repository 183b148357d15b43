//! Clients that share the only thread of a runtime leave it to each other while they look for replies. A program of its
//! own: who counts how often a task runs is said once for all threads.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is how it fails")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conformance::{Kind, Server};
use coracle::{Client, Command};
use tracing_subscriber::fmt::format::FmtSpan;

/// A client looks some hundred times for a reply before it sleeps, and hardly runs more often than it is woken where it
/// does so without a pause.
const MANY: usize = 64;

/// How often tasks of clients ran.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl io::Write for Runs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.windows(5).any(|word| word == b"enter") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_client_leaves_a_shared_thread_to_others_between_two_looks() {
    let runs = Runs::default();
    let writer = runs.clone();
    tracing_subscriber::fmt().with_span_events(FmtSpan::ENTER).with_writer(move || writer.clone()).init();
    let server = Server::start(Kind::Redis).unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    assert!(while_waiting(&client, &runs).await < MANY, "who is alone holds the thread");
    let other = Client::connect(&server.url()).await.unwrap();
    // The first one may have found by now that it is not worth looking.
    assert!(while_waiting(&other, &runs).await >= MANY, "who shares it does not");
    drop(client);
    let last = Client::connect(&server.url()).await.unwrap();
    drop(other);
    tokio::task::yield_now().await;
    assert!(while_waiting(&last, &runs).await < MANY, "once the others are gone, the last one does again");
}

/// How often tasks ran while one waited for what does not come.
async fn while_waiting(client: &Client, runs: &Runs) -> usize {
    let before = runs.0.load(Ordering::Relaxed);
    let late = Command::new("BLPOP").arg("nothing").arg("0").deadline(Duration::from_millis(100));
    client.call(late).await.unwrap_err();
    runs.0.load(Ordering::Relaxed) - before
}
