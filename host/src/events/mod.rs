//! An event store with dynamic consistency boundaries ([dcb.events](https://dcb.events)), and an executor of commands
//! over it, on Redis or Valkey.
//!
//! Events have a type, tags and data, and are appended to one log. What a decision depends on is said by a [`Query`];
//! an append says by its [`Condition`] that nothing of that has changed since. The logic is the component's, as that of
//! a client is; a store has an instance of its own, and sends through a client.
//!
//! ```no_run
//! use coracle::events::{Command, Decision, Event, EventError, EventStore, ExecuteOptions, Options, Query};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = coracle::Client::connect("redis://127.0.0.1/").await?;
//! let store = EventStore::open(&client, "school", Options::new()).await?;
//! let command = Command::new("SubscribeStudent").data(r#"{"student":"s1","course":"c1"}"#);
//! store
//!     .execute(command, ExecuteOptions::new(), async |decision: Decision| {
//!         let events = decision.read(Query::tags(["course:c1"])).all().await?;
//!         // … decide by `events` …
//!         let event = Event::new("StudentSubscribed").tag("course:c1").tag("student:s1");
//!         Ok::<_, EventError>(vec![event])
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod append;
mod assemble;
mod care;
mod command;
mod cursor;
mod error;
mod event;
mod execute;
mod fingerprint;
mod flatten;
mod flow;
mod id;
mod json;
mod listening;
mod lock;
mod ndjson;
mod options;
mod page;
mod project;
mod query;
mod read;
mod subscribe;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::client::Client;
use crate::clock::Clock;
use crate::engine::store::{Call, Instance, Outcome};
use crate::rows::NEVER;
use flow::Flow;
use listening::Listening;
use table::{Core, Factory, Table};

pub use append::{AppendOptions, Appended};
pub use care::{Commands, Since, StoreStats, Verified, Warning};
pub use command::{Command, Executed};
pub use cursor::{Condition, Cursor, ParseCursorError};
pub use error::{EventError, ExecuteError};
pub use event::{Event, Recorded};
pub use execute::{Decision, ExecuteOptions};
pub use id::{Id, ParseIdError};
pub use lock::{Lock, LockOptions};
pub use options::{Durability, Options};
pub use project::{Projected, Projection, Projections};
pub use query::{Item, Query};
pub use read::Reader;
pub use subscribe::Subscription;
pub use transfer::Imported;

/// How long a whole store may be read or written for; its pages have deadlines of their own.
const LONG: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many instances may be lost one after the other, without any progress between, before a lock is not kept any
/// more, or a subscription ends.
const MOST_TRAPS: u32 = 5;

/// An event store. Clones are of the same one, and it keeps its client alive.
#[derive(Debug, Clone)]
pub struct EventStore {
    inner: Arc<Inner>,
}

/// What all operations of a store have in common.
struct Inner {
    client: Client,
    table: Table,
    listening: Listening,
    options: Options,
    /// Where it was opened: its own tasks run there, whoever polls or drops what is the caller's.
    runtime: Handle,
}

impl EventStore {
    /// The store of this namespace: 1 to 64 of letters, digits, `.`, `_` and `-`. Its keys begin with that in braces,
    /// so that they are in one slot of a cluster. It need not be made before. What is left to do when something is
    /// dropped, and what keeps locks and waits for news, runs on the tokio runtime that it is opened in.
    ///
    /// What can be lost by the server's settings is said in the log: see [`EventStore::inspect`].
    pub async fn open(client: &Client, namespace: &str, options: Options) -> Result<Self, EventError> {
        options.check()?;
        let template = client.store_template().await?;
        let memory = options.memory;
        let factory = move || Ok(Box::new(Instance::new(&template, memory)?) as Box<dyn Core>);
        let store = Self::with_cores(client, namespace, options, Box::new(factory))?;
        if store.inner.options.inspect {
            match store.inspect().await {
                Ok(warnings) => warnings.iter().for_each(|warning| {
                    tracing::warn!(namespace, about = warning.about, "{}", warning.text);
                }),
                Err(error) => tracing::warn!(namespace, %error, "the server's settings can't be looked at"),
            }
        }
        Ok(store)
    }

    fn with_cores(client: &Client, namespace: &str, options: Options, factory: Factory) -> Result<Self, EventError> {
        let (settings, namespace) = (options.clone(), namespace.to_owned());
        let outside = |_| EventError::Misuse("an event store is opened within a tokio runtime".into());
        let runtime = Handle::try_current().map_err(outside)?;
        let table = Table::new(factory, Box::new(move || settings.wire(&namespace)), client.clock());
        table.prepare()?;
        let client = Client { prompt: true, ..client.clone() };
        Ok(Self { inner: Arc::new(Inner { client, table, listening: Listening::default(), options, runtime }) })
    }

    /// Does an operation that gives nothing but its outcome.
    async fn run(&self, call: Call) -> Result<Outcome, EventError> {
        Flow::new(&self.inner, call, Vec::new()).outcome().await
    }

    fn deadline(&self, within: Option<Duration>) -> u64 {
        self.inner.deadline(within)
    }
}

impl Inner {
    fn clock(&self) -> Clock {
        self.client.clock()
    }

    /// When an operation that begins now has to be done: within that, or as the client's calls.
    fn deadline(&self, within: Option<Duration>) -> u64 {
        let within = within.or(self.client.deadline);
        // One that lies beyond all time is none.
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        deadline.map_or(NEVER, |deadline| self.clock().at(deadline))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("options", &self.options).finish_non_exhaustive()
    }
}
