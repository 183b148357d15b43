//! Real servers for tests: started on a free port, in a folder of their own, stopped when dropped.

mod process;
mod server;

pub use process::{Signal, send};
pub use server::{Options, Server};

/// A kind of server, of those that the clients are tested with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Redis 7.
    Redis,
    /// Valkey 8.
    Valkey,
    /// Redis 8.0, which `scripts/newer-redis.sh` fetches.
    NewerRedis,
    /// Valkey 9.1, which `scripts/newer-valkey.sh` fetches.
    NewerValkey,
}

impl Kind {
    /// The name of its program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
            Self::NewerRedis => concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/newer-redis"),
            Self::NewerValkey => concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/newer-valkey"),
        }
    }
}
