//! `coracle events`: the Go host's command line has the same, with the same output; `cli/tests/dialogues.json` holds
//! both to it.

mod append;
mod commands;
mod export;
mod import;
mod inspect;
mod query;
mod rebuild;
mod stats;
mod subscribe;
mod verify;

use anyhow::Result;
use clap::{Args, Subcommand};
use coracle::events::{Cursor, EventError, EventStore, Options, Query};

use crate::connection::{Connection, environment};
use crate::failure::Failure;
use crate::syntax;

const NAMESPACE: &str = "CORACLE_NAMESPACE";

/// Work on an event store
#[derive(Debug, Args)]
#[command(long_about = format!(
    "Work on an event store: append events, on a condition if need be, read and follow them, and care for the \
     store.\n\n{}\n\nExits with 2 where something that was given can't be, with 3 on a conflict, with 1 on other errors.",
    syntax::QUERY
))]
pub struct Arguments {
    /// The store's name; else CORACLE_NAMESPACE says it
    #[arg(long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Append(append::Arguments),
    Query(query::Arguments),
    Subscribe(subscribe::Arguments),
    Verify(verify::Arguments),
    Rebuild(rebuild::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Stats(stats::Arguments),
    Inspect(inspect::Arguments),
    Commands(commands::Arguments),
}

/// Where a command finds its store, and how it prints.
struct Place<'a> {
    connection: &'a Connection,
    namespace: &'a str,
    json: bool,
}

impl Arguments {
    /// Whether it is a command that goes on until it is interrupted.
    pub fn is_endless(&self) -> bool {
        matches!(self.command, Command::Subscribe(_))
    }

    /// What to know before it is given again, where nobody knows whether it was executed.
    pub fn again(&self) -> &'static str {
        match self.command {
            Command::Append(_) => {
                "coracle events query tells whether the event is there; an append with --id can be repeated as it is"
            }
            Command::Import(_) => "an import that is begun again with the same lines goes on where it was",
            Command::Rebuild(_) => "a rebuild that is begun again goes on where it was",
            _ => "it only reads: it can be begun again",
        }
    }

    pub async fn run(&self, connection: &Connection) -> Result<()> {
        let namespace = match &self.namespace {
            Some(namespace) => namespace.clone(),
            None => environment(NAMESPACE)?.unwrap_or_default(),
        };
        if namespace.is_empty() {
            let hint = "name the store, by --namespace or by CORACLE_NAMESPACE";
            return Err(Failure::input("--namespace is missing", hint).into());
        }
        let place = Place { connection, namespace: &namespace, json: self.json };
        match &self.command {
            Command::Append(append) => append.run(&place).await,
            Command::Query(query) => query.run(&place).await,
            Command::Subscribe(subscribe) => subscribe.run(&place).await,
            Command::Verify(verify) => verify.run(&place).await,
            Command::Rebuild(rebuild) => rebuild.run(&place).await,
            Command::Export(export) => export.run(&place).await,
            Command::Import(import) => import.run(&place).await,
            Command::Stats(stats) => stats.run(&place).await,
            Command::Inspect(inspect) => inspect.run(&place).await,
            Command::Commands(commands) => commands.run(&place).await,
        }
    }
}

impl Place<'_> {
    /// A store for what is one exchange with the server.
    async fn store(&self) -> Result<EventStore> {
        self.open(false).await
    }

    /// A store for what takes as long as there are events.
    async fn patient_store(&self) -> Result<EventStore> {
        self.open(true).await
    }

    async fn open(&self, patient: bool) -> Result<EventStore> {
        let client = self.connection.connect().await?;
        let client = if patient { client.with_deadline(None) } else { client };
        // `coracle events inspect` does that.
        Ok(EventStore::open(&client, self.namespace, Options::new().inspect(false)).await?)
    }
}

/// An error of a file says of which.
fn in_file(error: anyhow::Error, name: &str) -> anyhow::Error {
    match error.downcast::<EventError>() {
        Ok(EventError::File { text, .. }) => Failure::broken(name, &text).into(),
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

/// The end of the log.
async fn head(store: &EventStore) -> Result<Cursor> {
    let last = store.read(Query::all()).backwards().limit(1).next().await;
    Ok(last.transpose()?.map_or(Cursor::START, |event| event.cursor()))
}
