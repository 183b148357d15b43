//! `coracle events inspect`.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Place;
use crate::print::{json, out, shown};

/// Print what can be lost by the server's settings
#[derive(Debug, Args)]
pub struct Arguments {}

#[derive(Serialize)]
struct Line<'a> {
    about: &'a str,
    text: &'a str,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let warnings = place.store().await?.inspect().await?;
        for warning in &warnings {
            out(&if place.json {
                json(&Line { about: &warning.about, text: &warning.text })
            } else {
                format!("{}: {}\n", shown(&warning.about), shown(&warning.text))
            })?;
        }
        if warnings.is_empty() && !place.json {
            out("there is nothing to warn of\n")?;
        }
        Ok(())
    }
}
