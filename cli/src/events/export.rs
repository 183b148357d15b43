//! `coracle events export`.

use anyhow::Result;
use clap::Args;
use coracle::events::{EventStore, Query};
use serde::Serialize;
use tokio::io::AsyncWrite;

use super::Place;
use crate::failure::Failure;
use crate::print::{counted, err, json, out};
use crate::progress::Progress;
use crate::syntax;

/// Write the events as lines of JSON
#[derive(Debug, Args)]
#[command(long_about = format!(
    "Write the events as lines of JSON, which coracle events import reads.\n\n{}", syntax::QUERY
))]
pub struct Arguments {
    /// Which events; may be repeated
    #[arg(long = "query", value_name = "QUERY", default_value = "all")]
    queries: Vec<String>,
    /// The file to write, - for the output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: String,
}

#[derive(Serialize)]
struct Line {
    events: u64,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let query = syntax::queries("--query", &self.queries)?;
        let store = place.patient_store().await?;
        let told = |events| if place.json { json(&Line { events }) } else { counted(events, "event") + " exported\n" };
        if self.out == "-" {
            err(&told(export(&store, query, tokio::io::stdout()).await?));
        } else {
            let file = tokio::fs::File::create(&self.out).await;
            let file = file.map_err(|error| Failure::file("--out", &self.out, &error))?;
            out(&told(export(&store, query, file).await?))?;
        }
        Ok(())
    }
}

async fn export(store: &EventStore, query: Query, to: impl AsyncWrite + Unpin) -> Result<u64> {
    // Of other queries nobody knows how many events match.
    let total = if query == Query::all() { store.stats().await?.head } else { 0 };
    let mut progress = Progress::new("export");
    Ok(store.export(query, to, |events| progress.tell(events, total, events)).await?)
}
