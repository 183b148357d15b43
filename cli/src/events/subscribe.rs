//! `coracle events subscribe`.

use std::io::stdout;

use anyhow::Result;
use clap::Args;

use super::{Place, head};
use crate::print::Rows;
use crate::syntax;

/// Print the events that match, and those that come, until interrupted
#[derive(Debug, Args)]
#[command(long_about = format!(
    "Print the events that match, and those that come, until interrupted.\n\n{}", syntax::QUERY
))]
pub struct Arguments {
    /// Which events; may be repeated
    #[arg(long = "query", value_name = "QUERY", default_value = "all")]
    queries: Vec<String>,
    /// Only events behind this place; end for those that are still to come
    #[arg(long, value_name = "CURSOR", default_value = "0", allow_negative_numbers = true)]
    after: String,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let query = syntax::queries("--query", &self.queries)?;
        let known = if self.after == "end" { None } else { Some(syntax::cursor("--after", &self.after)?) };
        let store = place.patient_store().await?;
        let after = match known {
            Some(after) => after,
            None => head(&store).await?,
        };
        let mut events = store.subscribe(query, after);
        // Not buffered beyond a line: what has come is to be seen.
        let mut rows = Rows::events(stdout(), place.json);
        rows.header()?;
        while let Some(event) = events.next().await {
            rows.event(&event?)?;
            rows.flush()?;
        }
        Ok(())
    }
}
