//! A Redis and Valkey client whose protocol logic is a WebAssembly component.
//!
//! The component speaks the protocol; this crate runs it, owns the sockets, the clock and all payloads, and gives it a
//! Rust face. One instance of the component serves a [`Client`], with a bound on its memory and on the time of each
//! call. A fault in it ends requests with typed errors, never the process.
//!
//! ```no_run
//! use redis::AsyncCommands;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = coracle::Client::connect("redis://127.0.0.1/").await?;
//! let () = client.set("key", "value").await?;
//! let value: String = client.get("key").await?;
//! assert_eq!(value, "value");
//! # Ok(())
//! # }
//! ```

mod cache;
mod call;
mod client;
mod command;
mod config;
mod connection_like;
mod connector;
mod credentials;
mod engine;
mod error;
mod event;
pub mod events;
mod inbox;
mod lanes;
mod manager;
mod raw;
mod rows;
mod script;
mod session;
mod shared;
mod states;
mod stats;
mod subscription;
mod tape;
mod ticket;
mod url;

pub use cache::{Cache, CacheStats, Cached};
pub use client::Client;
pub use command::{Command, IntoArgument};
pub use config::{Config, Limits, Repeat};
pub use connection_like::outcome_of;
pub use connector::{Connecting, Connector, Endpoint, Sockets, Transport};
pub use credentials::{Credentials, CredentialsProvider, Fetching};
pub use engine::component_digest;
#[cfg(feature = "foreign-core")]
#[doc(hidden)]
pub use engine::foreign;
pub use error::{Cause, Error, ErrorClass, Failed, Failure, Outcome, ServerError};
pub use event::Event;
pub use raw::RawReply;
pub use redis;
pub use script::Script;
pub use session::Session;
pub use states::ClientState;
pub use stats::Stats;
pub use subscription::{Message, Names, Notice, SubscribeOptions, Subscription, WhenFull};
