//! `coracle events rebuild`.

use anyhow::Result;
use clap::Args;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, stdin};

use super::{Place, verify};
use crate::failure::Failure;
use crate::print::{err, quoted};
use crate::progress::Progress;

/// Make the indexes anew from the log
#[derive(Debug, Args)]
#[command(
    long_about = "Make the indexes anew from the log. Nothing can be read or appended meanwhile. A rebuild that did not \
                        end goes on where it was."
)]
pub struct Arguments {
    /// Don't ask before
    #[arg(long)]
    yes: bool,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        if !self.yes {
            let namespace = quoted(place.namespace);
            err(&format!("Make the indexes of {namespace} anew? Nothing can be read or appended meanwhile. [y/N] "));
            confirm(BufReader::new(stdin())).await?;
        }
        let store = place.patient_store().await?;
        let mut progress = Progress::new("rebuild");
        let done = store.rebuild(|done, total| progress.tell(done, total, done)).await?;
        drop(progress);
        verify::print(&done, " mended", place.json)
    }
}

async fn confirm(mut from: impl AsyncBufRead + Unpin) -> Result<()> {
    // Also where it is interrupted.
    let line = Unfinished;
    let mut answer = Vec::new();
    let read = from.read_until(b'\n', &mut answer).await;
    if matches!(String::from_utf8_lossy(&answer).trim().to_lowercase().as_str(), "y" | "yes") {
        std::mem::forget(line);
        return Ok(());
    }
    drop(line);
    if read.map_err(|error| Failure::broken("the input", &error.to_string()))? == 0 {
        return Err(Failure::input("nobody answered", "say --yes where nobody is to be asked").into());
    }
    let text = "it was not confirmed; nothing was done";
    Err(Failure::new("unconfirmed", text, "answer y, or say --yes").into())
}

/// A line that asks something. When it is dropped it ends.
struct Unfinished;

impl Drop for Unfinished {
    fn drop(&mut self) {
        err("\n");
    }
}
