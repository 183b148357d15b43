//! The servers that the tests run against.

use anyhow::{Context, Result};
use conformance::{Kind, Options, Server};

/// A server for one test. Miniredis is shared, so the names of stores are never used twice.
#[derive(Debug)]
pub struct Target {
    server: Option<Server>,
    url: String,
}

impl Target {
    /// A server of its own.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(kind: Kind, arguments: &[&str]) -> Result<Self> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let server = Server::start_with(kind, &Options { arguments, unix: false })?;
        Ok(Self { url: server.url(), server: Some(server) })
    }

    /// The miniredis that runs beside the tests.
    ///
    /// # Errors
    /// There is none.
    pub fn miniredis() -> Result<Self> {
        let address = std::env::var("CORACLE_TEST_MINIREDIS").context(
            "CORACLE_TEST_MINIREDIS is the address of a miniredis: run this under scripts/with-miniredis.sh",
        )?;
        Ok(Self { server: None, url: format!("redis://{address}") })
    }

    /// One of each kind.
    ///
    /// # Errors
    /// One does not start.
    pub fn all() -> Result<Vec<Self>> {
        Ok(vec![Self::start(Kind::Redis, &[])?, Self::start(Kind::Valkey, &[])?, Self::miniredis()?])
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.server.as_ref().map_or("miniredis", |server| server.kind().program())
    }
}
