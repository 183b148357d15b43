//! `coracle events append`.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;
use coracle::events::{AppendOptions, Condition, Cursor, Event, EventError, Id};
use serde::Serialize;
use tokio::io::AsyncReadExt;

use super::Place;
use crate::failure::Failure;
use crate::print::{json, out, quoted};
use crate::syntax;

/// Append an event
#[derive(Debug, Args)]
#[command(long_about = format!(
    "Append an event, and print its place.\n\n\
     With --fail-if it is appended only if no event matches that comes behind --after: the head of what the decision \
     was made of, which coracle events query tells. Without --after no event may match at all.\n\n\
     With --id it happens once, however often it is repeated with the same content.\n\n{}",
    syntax::QUERY
))]
pub struct Arguments {
    /// What happened, such as StudentEnrolled
    #[arg(
        long = "type",
        value_name = "TYPE",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    type_: String,
    /// To what; may be repeated
    #[arg(long = "tag", value_name = "KEY:VALUE", allow_hyphen_values = true)]
    tags: Vec<String>,
    /// Its data, or - for what stands in the input
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    data: OsString,
    /// Its data: what stands in this file
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    data_file: String,
    /// Its metadata
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    metadata: OsString,
    /// Its id
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// What no event may match; may be repeated
    #[arg(long, value_name = "QUERY")]
    fail_if: Vec<String>,
    /// Behind which place --fail-if looks
    #[arg(long, value_name = "CURSOR", allow_negative_numbers = true)]
    after: Option<String>,
    /// What is waited for: none, replicas=N,TIME or fsync,TIME
    #[arg(long, value_name = "WHAT", default_value = "", hide_default_value = true)]
    durability: String,
}

#[derive(Serialize)]
struct Line {
    position: u64,
    cursor: String,
    repeated: bool,
}

impl Arguments {
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<()> {
        let id = self.id()?;
        let event = self.event(id).await?;
        let options = self.options()?;
        let options = if self.id.is_some() { options.once(id) } else { options };
        let (first, repeated) = match place.store().await?.append([event], options).await {
            Ok(appended) => (appended.first, appended.repeated),
            Err(EventError::Duplicate { first, .. }) => (first, true),
            Err(error) => return Err(error.into()),
        };
        let cursor = Cursor { position: first, id }.to_string();
        Ok(out(&match (place.json, repeated) {
            (true, _) => json(&Line { position: first, cursor, repeated }),
            (false, true) => format!("it was there already, at {cursor}\n"),
            (false, false) => format!("appended at {cursor}\n"),
        })?)
    }

    fn id(&self) -> Result<Id> {
        let Some(text) = &self.id else { return Ok(Id::new()) };
        let id = text.parse().ok().filter(|id| *id != Id::NIL);
        let wrong = || Failure::input(format!("--id {}: it is no UUID", quoted(text)), ID);
        Ok(id.ok_or_else(wrong)?)
    }

    async fn event(&self, id: Id) -> Result<Event> {
        if self.type_.is_empty() {
            let hint = "say what happened, such as --type StudentEnrolled";
            return Err(Failure::input("--type is missing", hint).into());
        }
        let event =
            Event::new(&self.type_).id(id).tags(&self.tags).metadata(self.metadata.clone().into_encoded_bytes());
        Ok(event.data(self.body().await?))
    }

    async fn body(&self) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        match (self.data.as_encoded_bytes(), self.data_file.as_str()) {
            (b"-", "") => {
                let read = tokio::io::stdin().read_to_end(&mut data).await;
                read.map_err(|error| Failure::broken("the input", &error.to_string()))?;
            }
            (bytes, "") => data.extend_from_slice(bytes),
            (b"", file) => {
                data = tokio::fs::read(file).await.map_err(|error| Failure::file("--data-file", file, &error))?;
            }
            _ => return Err(Failure::input("--data and --data-file can't both be", "say one of them").into()),
        }
        Ok(data)
    }

    fn options(&self) -> Result<AppendOptions> {
        let options = match syntax::durability(&self.durability)? {
            Some(durability) => AppendOptions::new().durability(durability),
            None => AppendOptions::new(),
        };
        match (self.fail_if.as_slice(), &self.after) {
            ([], None) => Ok(options),
            ([], Some(_)) => {
                let hint = "say which events must not be there behind it";
                Err(Failure::input("--after says nothing without --fail-if", hint).into())
            }
            (queries, after) => {
                let query = syntax::queries("--fail-if", queries)?;
                let after = after.as_ref().map_or(Ok(Cursor::START), |after| syntax::cursor("--after", after))?;
                Ok(options.condition(Condition::new(query, after)))
            }
        }
    }
}

const ID: &str = "one is 01890a5d-ac96-774b-bcce-b302099a8057";
