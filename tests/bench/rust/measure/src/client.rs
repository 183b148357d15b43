//! What a client under measurement has to do.

use std::future::Future;

use anyhow::{Result, bail};
use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use crate::result::{About, Result as Figures};
use crate::workload::{self, Env, Load};

/// What a workload asks of a client beyond its own settings.
#[derive(Debug, Default, Clone, Copy)]
pub struct Settings {
    /// One connection only.
    pub one_connection: bool,
    /// For `get_cached`.
    pub cache: bool,
}

/// What gets the messages of a subscription.
pub trait Handle: FnMut(&[u8]) + Send + 'static {}

impl<F: FnMut(&[u8]) + Send + 'static> Handle for F {}

/// What a client gives for what it can't do.
#[derive(Debug)]
pub struct Unsupported;

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this client has no such function")
    }
}

impl std::error::Error for Unsupported {}

/// A client under measurement. Each method goes the way that its users would; each task has a clone.
pub trait Client: Clone + Send + Sync + 'static {
    /// The size of a value, having had it as bytes.
    fn get(&mut self, key: &str) -> impl Future<Output = Result<usize>> + Send;

    fn set(&mut self, _key: &str, _value: &Bytes) -> impl Future<Output = Result<()>> + Send {
        async { bail!(Unsupported) }
    }

    /// Sets each key, in one pipeline.
    fn set_all(&mut self, _keys: &[String], _value: &Bytes) -> impl Future<Output = Result<()>> + Send {
        async { bail!(Unsupported) }
    }

    /// `get` with the client's cache.
    fn get_cached(&mut self, _key: &str) -> impl Future<Output = Result<usize>> + Send {
        async { bail!(Unsupported) }
    }

    /// Returns once the server has confirmed, and calls `handle` with each message from then on.
    fn subscribe(&mut self, _channel: &'static str, _handle: impl Handle) -> impl Future<Output = Result<()>> + Send {
        async { bail!(Unsupported) }
    }

    /// How many commands it has handed over, in how many calls; 0 where that is not known.
    fn batches(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// Opens clients.
pub trait Opening: Clone + Send + Sync + 'static {
    type Client: Client;

    fn open(&self, addr: &str, settings: Settings) -> impl Future<Output = Result<Self::Client>> + Send;
}

/// A client that can be run.
pub struct Kind {
    pub about: About,
    pub version: String,
    runner: Box<dyn Runner>,
}

/// A client on one of tokio's runtimes.
pub fn kind(about: About, version: String, current_thread: bool, opening: impl Opening) -> Kind {
    Kind { about, version, runner: Box::new(On { current_thread, opening }) }
}

impl Kind {
    /// Puts the client under the load, and measures.
    pub fn run(&self, load: Load, env: Env) -> Result<Figures> {
        let (client, version) = (self.about.name.clone(), self.version.clone());
        let workload = load.name().to_owned();
        Ok(Figures { client, version, workload, ..self.runner.run(load, env)? })
    }

    /// Opens a client and waits for its first reply.
    pub fn once(&self, addr: &str) -> Result<workload::Once> {
        self.runner.once(addr)
    }
}

trait Runner {
    fn run(&self, load: Load, env: Env) -> Result<Figures>;
    fn once(&self, addr: &str) -> Result<workload::Once>;
}

struct On<O> {
    current_thread: bool,
    opening: O,
}

impl<O> On<O> {
    fn runtime(&self) -> Result<Runtime> {
        let mut builder = if self.current_thread { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        Ok(builder.enable_all().build()?)
    }
}

impl<O: Opening> Runner for On<O> {
    fn run(&self, load: Load, mut env: Env) -> Result<Figures> {
        let runtime = self.runtime()?;
        let figures = runtime.block_on(workload::run(load, &self.opening, &mut env));
        // What a client still does is no part of the run.
        runtime.shutdown_background();
        figures
    }

    fn once(&self, addr: &str) -> Result<workload::Once> {
        let runtime = self.runtime()?;
        let once = runtime.block_on(workload::open_once(&self.opening, addr));
        runtime.shutdown_background();
        once
    }
}
