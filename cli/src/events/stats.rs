//! `coracle events stats`.

use anyhow::Result;
use clap::Args;
use coracle::events::StoreStats;
use serde::Serialize;

use super::Place;
use crate::print::{json, out};

/// Print the numbers of the store
#[derive(Debug, Args)]
pub struct Arguments {}

#[derive(Serialize)]
struct Line {
    head: String,
    events: u64,
    commands: u64,
    types: u32,
    segments: u32,
    segment_bytes: u64,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let store = place.store().await?;
        let head = super::head(&store).await?.to_string();
        let stats = store.stats().await?;
        let StoreStats { head: events, commands, types, segments, segment_bytes, .. } = stats;
        Ok(out(&if place.json {
            json(&Line { head, events, commands, types, segments, segment_bytes })
        } else {
            format!(
                "head           {head}\nevents         {events}\ncommands       {commands}\ntypes          {types}\n\
                 segments       {segments}\nsegment bytes  {segment_bytes}\n"
            )
        })?)
    }
}
