//! `coracle events import`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use anyhow::Result;
use clap::Args;
use coracle::events::{EventStore, Imported};
use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncRead, BufReader, ReadBuf};

use super::{Place, in_file};
use crate::failure::Failure;
use crate::print::{counted, json, out, quoted};
use crate::progress::Progress;

/// Append the events of lines of JSON
#[derive(Debug, Args)]
#[command(
    long_about = "Append the events of lines of JSON, as coracle events export writes them. They keep their ids; \
                        positions and times are new ones. An import that did not end can be repeated: what is there \
                        already is not appended again."
)]
pub struct Arguments {
    /// The file to read, - for the input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    from: String,
}

#[derive(Serialize)]
struct Line {
    events: u64,
    repeated: u64,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let store = place.patient_store().await?;
        let Imported { events, repeated, .. } = if self.from == "-" {
            import(&store, tokio::io::stdin(), 0).await.map_err(|error| in_file(error, "the input"))?
        } else {
            let unreadable = |error| Failure::file("--in", &self.from, &error);
            let file = File::open(&self.from).await.map_err(unreadable)?;
            let of = file.metadata().await.map_err(unreadable)?;
            let size = if of.is_file() { of.len() } else { 0 };
            let name = format!("--in {}", quoted(&self.from));
            import(&store, file, size).await.map_err(|error| in_file(error, &name))?
        };
        Ok(out(&if place.json {
            json(&Line { events, repeated })
        } else {
            format!("{} imported, {repeated} were there already\n", counted(events, "event"))
        })?)
    }
}

/// `size` is 0 where it is not known.
async fn import(store: &EventStore, from: impl AsyncRead + Unpin, size: u64) -> Result<Imported> {
    let count = Arc::new(AtomicU64::new(0));
    let from = BufReader::new(Counter { from, count: Arc::clone(&count) });
    let mut progress = Progress::new("import");
    Ok(store.import(from, |events| progress.tell(count.load(Ordering::Relaxed), size, events)).await?)
}

/// Counts what is read.
struct Counter<R> {
    from: R,
    count: Arc<AtomicU64>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counter<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.from).poll_read(cx, into))?;
        self.count.fetch_add((into.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}
