//! `coracle events export`.

use std::io;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use coracle::events::{EventError, EventStore, Query};
use serde::Serialize;
use tokio::fs::File;
use tokio::io::AsyncWrite;

use super::{Place, in_file};
use crate::failure::Failure;
use crate::print::{counted, err, json, out, quoted};
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
    /// The file to write, - for the output. One that is there is replaced once all is written
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
            let events = export(&store, query, tokio::io::stdout()).await.map_err(in_output)?;
            err(&told(events));
        } else {
            let name = format!("--out {}", quoted(&self.out));
            let named = |error: io::Error| Failure::file("--out", &self.out, &error);
            let mut written = Written::at(&self.out).map_err(named)?;
            let events = export(&store, query, &mut written.file).await.map_err(|error| in_file(error, &name))?;
            written.keep().await.map_err(|error| Failure::broken(&name, &error.to_string()))?;
            out(&told(events))?;
        }
        Ok(())
    }
}

/// The same of the output, whose reader may have gone: then nothing is said.
fn in_output(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<EventError>() {
        Ok(EventError::File { kind, text }) if kind != io::ErrorKind::BrokenPipe => {
            Failure::broken("the output", &text).into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

/// A file that takes the place of another one once it is whole.
struct Written {
    file: File,
    /// Where it is meanwhile, and where it belongs; nothing where it is no file whose place could be taken.
    places: Option<(PathBuf, PathBuf)>,
}

impl Written {
    fn at(name: &str) -> io::Result<Self> {
        let before = match std::fs::metadata(name) {
            Ok(before) if !before.is_file() => {
                let file = std::fs::OpenOptions::new().write(true).open(name)?;
                return Ok(Self { file: File::from_std(file), places: None });
            }
            before => before.ok(),
        };
        // A link stays one.
        let place = if before.is_some() { std::fs::canonicalize(name)? } else { PathBuf::from(name) };
        let mut beside = place.clone().into_os_string();
        beside.push(format!(".{}.part", std::process::id()));
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let written = Self { file: File::from_std(file), places: Some((beside.into(), place)) };
        if let (Some(before), Some((beside, _))) = (before, &written.places) {
            std::fs::set_permissions(beside, before.permissions())?;
        }
        Ok(written)
    }

    /// Puts it where it belongs.
    async fn keep(mut self) -> io::Result<()> {
        let Some((beside, place)) = self.places.take() else { return Ok(()) };
        let kept = match self.file.sync_all().await {
            Ok(()) => std::fs::rename(&beside, place),
            error => error,
        };
        if kept.is_err() {
            // The first error says more.
            let _ = std::fs::remove_file(&beside);
        }
        kept
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.places {
            // What failed, or was interrupted, is told otherwise.
            let _ = std::fs::remove_file(beside);
        }
    }
}

async fn export(store: &EventStore, query: Query, to: impl AsyncWrite + Unpin) -> Result<u64> {
    // Of other queries nobody knows how many events match.
    let total = if query == Query::all() { store.stats().await?.head } else { 0 };
    let mut progress = Progress::new("export");
    Ok(store.export(query, to, |events| progress.tell(events, total, events)).await?)
}
