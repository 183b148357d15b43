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
    long_about = "Make the indexes anew from the log. Nothing can be appended meanwhile. A rebuild that did not \
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
            err(&format!("Make the indexes of {namespace} anew? Nothing can be appended meanwhile. [y/N] "));
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
    let mut answer = String::new();
    let read = from.read_line(&mut answer).await;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    err("\n");
    if !read.is_ok_and(|bytes| bytes > 0) {
        return Err(Failure::input("nobody answered", "say --yes where nobody is to be asked").into());
    }
    let text = "it was not confirmed; nothing was done";
    Err(Failure::new("unconfirmed", text, "answer y, or say --yes").into())
}
