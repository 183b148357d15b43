//! The servers that a test runs against.

use std::future::Future;
use std::time::Duration;

use conformance::{Kind, Options, Server};
use coracle::{Client, Config};

/// What no step of a test may take longer than.
const PATIENCE: Duration = Duration::from_secs(60);

/// By how much a call may outlast its deadline: far above what a busy machine takes. What it waited for does not come,
/// so that it returns at all is what is seen.
pub const LATE: Duration = Duration::from_secs(20);

/// A server for one test; miniredis is shared, so keys begin with the test's name.
pub struct Target {
    server: Option<Server>,
    url: String,
}

impl Target {
    pub fn redis() -> Self {
        Self::start(Kind::Redis, &[])
    }

    pub fn valkey() -> Self {
        Self::start(Kind::Valkey, &[])
    }

    pub fn newer_redis() -> Self {
        Self::start(Kind::NewerRedis, &[])
    }

    pub fn newer_valkey() -> Self {
        Self::start(Kind::NewerValkey, &[])
    }

    /// The miniredis that runs beside the tests.
    pub fn miniredis() -> Self {
        let address = std::env::var("CORACLE_TEST_MINIREDIS")
            .expect("CORACLE_TEST_MINIREDIS is the address of a miniredis: run this under scripts/with-miniredis.sh");
        Self { server: None, url: format!("redis://{address}") }
    }

    /// Another server of the same kind, with these arguments.
    pub fn restarted(&self, arguments: &[&str]) -> Self {
        Self::start(self.server().kind(), arguments)
    }

    fn start(kind: Kind, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let server = Server::start_with(kind, &Options { arguments, unix: true }).unwrap();
        Self { url: server.url(), server: Some(server) }
    }

    pub fn config(&self) -> Config {
        let config = Config::new(&self.url).unwrap();
        // miniredis takes HELLO 3, and then still forbids other commands beside subscriptions, as in RESP2.
        if self.server.is_some() { config } else { config.resp2(true) }
    }

    pub async fn client(&self) -> Client {
        in_time(self.config().connect()).await.unwrap()
    }

    /// The server itself; not of miniredis.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("a test of real servers only")
    }

    pub fn server_mut(&mut self) -> &mut Server {
        self.server.as_mut().expect("a test of real servers only")
    }
}

pub async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Bytes that differ from place to place.
pub fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .collect()
}
