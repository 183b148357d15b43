//! `coracle events verify`.

use anyhow::Result;
use clap::Args;
use coracle::events::Verified;
use serde::Serialize;

use super::Place;
use crate::failure::Failure;
use crate::print::{counted, json, out, shown};
use crate::progress::Progress;

/// Check indexes and commands against the log
#[derive(Debug, Args)]
#[command(
    long_about = "Check indexes and commands against the log, and print what is wrong. Exits with 1 if anything is."
)]
pub struct Arguments {}

#[derive(Serialize)]
struct Line<'a> {
    events: u64,
    faults: u64,
    texts: &'a [String],
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let store = place.patient_store().await?;
        let mut progress = Progress::new("verify");
        let found = store.verify(|done, total| progress.tell(done, total, done)).await?;
        drop(progress);
        print(&found, "", place.json)?;
        if found.faults == 0 {
            return Ok(());
        }
        let hint = "coracle events rebuild makes the indexes anew from the log";
        Err(Failure::new("faults", format!("{} found", counted(found.faults, "fault")), hint).into())
    }
}

pub(super) fn print(found: &Verified, done: &str, as_json: bool) -> Result<()> {
    let &Verified { events, faults, ref texts, .. } = found;
    if as_json {
        return Ok(out(&json(&Line { events, faults, texts }))?);
    }
    out(&format!("{} looked at, {}{done}\n", counted(events, "event"), counted(faults, "fault")))?;
    texts.iter().try_for_each(|text| Ok(out(&format!("  {}\n", shown(text)))?))
}
