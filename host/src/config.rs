//! How a client is to be.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::cache::Cache;
use crate::connector::{Connector, Endpoint, Sockets};
use crate::credentials::{Credentials, CredentialsProvider};
use crate::engine::{Binary, CodeCache};
use crate::error::Error;
use crate::event::{Event, Hook};
use crate::url::Target;

/// The least memory an instance of the core is given.
pub(crate) const MIN_MEMORY: usize = 2 << 20;
pub(crate) const MAX_MEMORY: usize = 256 << 20;

/// Lanes that a client may have.
pub(crate) const MAX_LANES: usize = 64;

/// Settings of a client. Everything has a default but the server's address.
#[derive(Clone)]
pub struct Config {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) database: u32,
    pub(crate) credentials: Credentials,
    pub(crate) provider: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) name: String,
    pub(crate) library: (String, String),
    pub(crate) resp2: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) repeat: Repeat,
    pub(crate) cache: Option<Cache>,
    pub(crate) hook: Hook,
    pub(crate) limits: Limits,
    pub(crate) lanes: usize,
    pub(crate) component: Binary,
    pub(crate) code_cache: CodeCache,
    pub(crate) retire_within: Duration,
    pub(crate) connector: Arc<dyn Connector>,
    #[cfg(feature = "foreign-core")]
    pub(crate) foreign: Option<crate::foreign::Factory>,
}

/// Whether a command that may have been executed is sent again, when its connection broke before the reply came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeat {
    /// Only if it says so itself: [`crate::Command::may_repeat`].
    #[default]
    Never,
    /// If it is one for which that makes no difference, as the core's table of commands has it: reads, and writes that
    /// only overwrite. Not in sessions.
    Allowed,
}

/// Bounds of a client; of one that has several lanes, each lane's own. None may be 0: a client that is given what it
/// can't keep does not start, and its error names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory of the instance that runs the core: 2 MiB to 256 MiB. Values do not count, they stay outside.
    /// While the component is exchanged there are two instances.
    pub memory: usize,
    /// Calls that wait in the client before the core takes them; more callers wait for room, until their deadlines.
    pub waiting: usize,
    /// Bytes of large commands (from 4 KiB each) under way. One larger than that goes alone.
    pub waiting_bytes: u32,
    /// Requests taken by the core and not ended.
    pub queued: u32,
    /// Bytes of those requests.
    pub queued_bytes: u32,
    /// Requests written to one connection and not answered.
    pub inflight: u32,
    /// Bytes of those requests.
    pub inflight_bytes: u32,
    /// Connections open at once: the shared one, and those of sessions, of commands that block, and of subscriptions.
    /// Who wants one more waits for one to become free.
    pub links: u32,
    /// Nesting of a reply: 1 to 128; 1 allows an array of scalars.
    pub depth: u32,
    /// Elements of one aggregate in a reply.
    pub elements: u64,
    /// Bytes of one reply.
    pub reply_bytes: u64,
    /// Arguments longer than this do not enter the sandbox, but for names of commands and subcommands. 1 to 65536.
    pub hold_above: u32,
    /// Bulk strings longer than this do not enter the sandbox, unless they came in one piece. 64 or more.
    pub pass_above: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            waiting: 1024,
            waiting_bytes: 256 << 20,
            queued: 16_384,
            queued_bytes: 256 << 20,
            inflight: 16_384,
            inflight_bytes: 256 << 20,
            links: 64,
            depth: 64,
            elements: 1 << 32,
            reply_bytes: 1 << 40,
            hold_above: 4096,
            pass_above: 16_384,
        }
    }
}

impl Config {
    /// For a server at this URL: `redis://[user:password@]host[:port][/database]`, `valkey://…`, or
    /// `unix:///path[?db=…&user=…&pass=…]`. `?protocol=resp2` has the effect of [`Config::resp2`], and
    /// `?client_name=…` that of [`Config::name`]. More hosts may follow the first, each after a comma, which has the
    /// effect of [`Config::or_at`]. What else is behind `?` or `#` is an error, and so is all that can't be read, or is
    /// said twice.
    pub fn new(url: &str) -> Result<Self, Error> {
        let Target { endpoints, database, credentials, resp2, name } = Target::read(url)?;
        Ok(Self {
            endpoints,
            database,
            credentials,
            provider: None,
            name: name.unwrap_or_default(),
            library: ("coracle-rust".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            resp2,
            connect_timeout: Duration::from_secs(5),
            deadline: Some(Duration::from_secs(30)),
            repeat: Repeat::Never,
            cache: None,
            hook: Hook::default(),
            limits: Limits::default(),
            lanes: 1,
            component: Binary::shipped(),
            code_cache: CodeCache::default(),
            #[cfg(feature = "foreign-core")]
            foreign: None,
            retire_within: Duration::from_secs(60),
            connector: Arc::new(Sockets),
        })
    }

    /// Other servers to try when those before can't be reached: those of this URL, of which only the addresses count.
    ///
    /// With more than one server, only a primary will do: a replica is passed over, as is one that can't be reached.
    pub fn or_at(mut self, url: &str) -> Result<Self, Error> {
        self.endpoints.extend(Self::new(url)?.endpoints);
        Ok(self)
    }

    /// User name and password, in place of the URL's. An empty user name is none.
    #[must_use]
    pub fn credentials(mut self, username: &str, password: &str) -> Self {
        self.credentials = Credentials::new(username, password);
        self
    }

    /// Credentials from a provider, in place of fixed ones: asked when the client starts, and before they expire.
    #[must_use]
    pub fn credentials_provider(mut self, provider: impl CredentialsProvider) -> Self {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// The number of the database.
    #[must_use]
    pub fn database(mut self, database: u32) -> Self {
        self.database = database;
        self
    }

    /// What the server shows as the connection's name. Printable ASCII without spaces.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// What the server shows as the client's library and its version; nothing is sent if empty.
    #[must_use]
    pub fn library(mut self, name: &str, version: &str) -> Self {
        self.library = (name.to_owned(), version.to_owned());
        self
    }

    /// Speaks RESP2 even where the server knows RESP3.
    #[must_use]
    pub fn resp2(mut self, resp2: bool) -> Self {
        self.resp2 = resp2;
        self
    }

    /// How long a connection may take, to the end of its handshake. 5 seconds unless set.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take unless it says otherwise; `None` for ever. 30 seconds unless set. A command that blocks
    /// by its own timeout, as BLPOP does, may take that much longer.
    #[must_use]
    pub fn deadline(mut self, deadline: Option<Duration>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Whether commands that may have been executed are sent again when their connection broke. Never, unless set.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Keeps replies for those who read by [`crate::Client::cached`]. Nothing is kept, unless set; nor over RESP2.
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Calls this with all that happens to the client, in order, for metrics and logs. The client's task calls it, with
    /// no lock held, and does nothing else meanwhile: it must return at once, and must not block. A handle of the
    /// client in it keeps the client alive.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// # fn example() -> Result<(), coracle::Error> {
    /// let counts: Arc<Mutex<HashMap<&str, u64>>> = Arc::default();
    /// let counting = Arc::clone(&counts);
    /// let config = coracle::Config::new("redis://127.0.0.1/")?.on_event(move |event| {
    ///     if let Ok(mut counts) = counting.lock() {
    ///         *counts.entry(event.name()).or_default() += event.count();
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hook = Hook::new(hook);
        self
    }

    /// Bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Another component than the one that the crate ships. It must come from where the program itself comes from: it
    /// can't harm the process, but it sees all commands.
    #[must_use]
    pub fn component(mut self, bytes: impl Into<Bytes>) -> Self {
        self.component = Binary::new(bytes.into());
        self
    }

    /// Keeps compiled code in this folder, in place of `coracle/wasmtime` in the user's folder for caches
    /// (`$XDG_CACHE_HOME`, or `~/.cache`; on macOS `~/Library/Caches`). Compiling takes a few tenths of a second, and
    /// is then done once for all processes of a user; a second client of one process never waits for it.
    ///
    /// Only code is run that was not changed since it was compiled, by its BLAKE3 hash, and that nobody else could have
    /// written: folder and files have to belong to this user or to root, and nobody else may be able to write there, or
    /// to replace a folder above. What is damaged or not safe is not used, with a warning to `tracing`; the component
    /// is compiled then. Files can be deleted at any time; of components and engines, the newest eight are kept.
    ///
    /// Unless a folder is named, only the crate's own component is kept, and only on systems that have owners and
    /// modes. Where they have none, such as Windows, who names a folder sees to it that nobody else can write there.
    #[must_use]
    pub fn code_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.code_cache = CodeCache::In(folder.into());
        self
    }

    /// Keeps no compiled code on disk: each process compiles the component.
    #[must_use]
    pub fn without_code_cache(mut self) -> Self {
        self.code_cache = CodeCache::Nowhere;
        self
    }

    /// How long sessions, and commands that are under way, may go on with the component that was before, once
    /// [`crate::Client::swap`] has brought another one. A minute unless set.
    #[must_use]
    pub fn retire_within(mut self, within: Duration) -> Self {
        self.retire_within = within;
        self
    }

    /// How many lanes the client has: one unless set, at most 64. A lane is an instance of the core with connections
    /// and a task of its own, so that several processors can work for one client. One lane serves more than a million
    /// commands a second, and a server of one thread ends before that: more are for large values, and for servers with
    /// io-threads.
    ///
    /// A call goes on the lane that its thread uses by habit, so that those who run there still make one batch; on a
    /// current-thread runtime that is one lane only. A session, a transaction, a pipeline and a subscription are each
    /// on one lane, and so are cached reads of one key. A lane without a connection is passed over while another one
    /// has one; the client's state is the best of its lanes' states, and it connects as a whole. [`Limits`] are each
    /// lane's own, credentials are asked for by each, and the budget of the cache is divided.
    #[must_use]
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// How connections are made, in place of sockets of the system.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self
    }

    /// Runs on cores that this makes, in place of the component.
    #[cfg(feature = "foreign-core")]
    #[must_use]
    pub fn foreign_core(mut self, factory: crate::foreign::Factory) -> Self {
        self.foreign = Some(factory);
        self
    }

    /// What is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let limits = &self.limits;
        if !(MIN_MEMORY..=MAX_MEMORY).contains(&limits.memory) {
            return Err(Error::config("limits.memory must be from 2 MiB to 256 MiB"));
        }
        if !(1..=MAX_LANES).contains(&self.lanes) {
            return Err(Error::config("a client has from 1 to 64 lanes"));
        }
        if limits.waiting == 0 || limits.waiting_bytes == 0 {
            return Err(Error::config("no limit may be 0"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Credentials are left out.
        f.debug_struct("Config")
            .field("endpoints", &self.endpoints)
            .field("database", &self.database)
            .field("name", &self.name)
            .field("library", &self.library)
            .field("resp2", &self.resp2)
            .field("connect_timeout", &self.connect_timeout)
            .field("deadline", &self.deadline)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn refuses_to_start_on_no_runtime() {
        let error = Config::new("redis://host").unwrap().start().now_or_never().unwrap().unwrap_err();
        assert_eq!(error, Error::config("a client has to be started on a runtime of tokio"));
    }

    #[tokio::test]
    async fn refuses_limits() {
        let limits = Limits { memory: 1 << 20, ..Limits::default() };
        let error = Config::new("redis://host").unwrap().limits(limits).start().await.unwrap_err();
        assert!(error.to_string().contains("limits.memory"), "{error}");
        let limits = Limits { depth: 129, ..Limits::default() };
        let error = Config::new("redis://host").unwrap().limits(limits).start().await.unwrap_err();
        assert!(error.to_string().contains("depth"), "{error}");
    }
}
