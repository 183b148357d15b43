//! `coracle events commands`.

use std::io::{BufWriter, stdout};

use anyhow::Result;
use clap::Args;

use super::Place;
use crate::print::{Rows, counted};
use crate::syntax;

/// Print the records of commands
#[derive(Debug, Args)]
#[command(long_about = "Print the records of commands: why events were appended, and which.")]
pub struct Arguments {
    /// From which on: number=N, position=N of an event, or time=T
    #[arg(long, value_name = "WHERE", default_value = "", hide_default_value = true)]
    since: String,
    /// At most so many commands; 0 for all
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    limit: String,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let since = syntax::since(&self.since)?;
        let limit = syntax::limit(&self.limit)?;
        let mut commands = place.patient_store().await?.commands(since).limit(limit);
        let mut rows = Rows::commands(BufWriter::new(stdout()), place.json);
        let mut count = 0;
        while let Some(command) = commands.next().await {
            rows.command(&command?)?;
            count += 1;
        }
        Ok(rows.footer(&counted(count, "command"))?)
    }
}
