//! `coracle events query`.

use std::io::{BufWriter, stdout};

use anyhow::Result;
use clap::Args;

use super::{Place, head};
use crate::print::{Rows, counted};
use crate::syntax;

/// Print the events that match
#[derive(Debug, Args)]
#[command(long_about = format!("Print the events that match, up to the head at the beginning.\n\n{}", syntax::QUERY))]
pub struct Arguments {
    /// Which events; may be repeated
    #[arg(long = "query", value_name = "QUERY", default_value = "all")]
    queries: Vec<String>,
    /// Only events behind this place; with --backwards, before it
    #[arg(long, value_name = "CURSOR", default_value = "0", allow_negative_numbers = true)]
    after: String,
    /// At most so many events; 0 for all
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    limit: String,
    /// The newest first
    #[arg(long)]
    backwards: bool,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let query = syntax::queries("--query", &self.queries)?;
        let after = syntax::cursor("--after", &self.after)?;
        let limit = syntax::limit(&self.limit)?;
        let store = place.patient_store().await?;
        // Before the events are read, so that an append behind it depends on all that comes later.
        let head = head(&store).await?;
        let reader = store.read(query).after(after).limit(limit);
        let mut reader = if self.backwards { reader.backwards() } else { reader };
        let mut rows = Rows::events(BufWriter::new(stdout()), place.json);
        let mut count = 0;
        while let Some(event) = reader.next().await {
            rows.event(&event?)?;
            count += 1;
        }
        Ok(rows.footer(&format!("{}; the head is {head}", counted(count, "event")))?)
    }
}
