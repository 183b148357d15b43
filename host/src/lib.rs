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
//!
//! # Several commands at once
//!
//! Calls of several tasks at the same time go out together by themselves. A pipeline is one call, and so is a
//! transaction, whose commands nobody else's come between.
//!
//! ```no_run
//! # use coracle::{Client, Command, Error};
//! # async fn example(client: Client) -> Result<(), Error> {
//! let replies = client.pipeline((0..10).map(|n| Command::new("INCRBY").arg("sum").arg(n))).await?;
//! for reply in replies {
//!     println!("{:?}", reply?);
//! }
//! client.transaction([Command::new("INCR").arg("a"), Command::new("DECR").arg("b")]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Scripts, and sessions that watch keys
//!
//! ```no_run
//! # use coracle::{Client, Command, Error, Script};
//! # use redis::Value;
//! # async fn example(client: Client) -> Result<(), Error> {
//! let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
//! client.script(&script, ["counter"], ["5"]).await?;
//!
//! // A connection of its own. It begins anew if somebody touches the key meanwhile.
//! let session = client.session().await?;
//! loop {
//!     session.command(["WATCH", "stock"]).await?;
//!     let Value::BulkString(stock) = session.command(["GET", "stock"]).await? else { break };
//!     let doubled = [stock.clone(), stock].concat();
//!     if session.transaction([Command::new("SET").arg("stock").arg(doubled)]).await? != Value::Nil {
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Messages
//!
//! ```no_run
//! # use coracle::{Client, Error, Names, Notice, SubscribeOptions};
//! # async fn example(client: Client) -> Result<(), Error> {
//! let mut news = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await?;
//! while let Some(notice) = news.next().await {
//!     match notice? {
//!         Notice::Message(message) => println!("{:?}", message.payload),
//!         Notice::Gap => println!("the connection broke: messages may be missing"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Cached reads
//!
//! Replies are kept in the process, and forgotten when the server tells that their keys have changed.
//!
//! ```no_run
//! # use coracle::{Cache, Config, Error};
//! # use std::time::Duration;
//! # async fn example() -> Result<(), Error> {
//! let client = Config::new("redis://127.0.0.1/")?.cache(Cache::opt_in(64 << 20)).connect().await?;
//! let name = client.cached(Duration::from_secs(60)).command(["GET", "name"]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Each says whether the server may have executed the command ([`Error::outcome`]), and why it failed
//! ([`Error::cause`]). What the `redis` crate's traits give is a `RedisError`, of which [`outcome_of`] says the same.
//!
//! ```no_run
//! # use coracle::{Client, Cause, Outcome};
//! # async fn example(client: Client) {
//! if let Err(error) = client.command(["INCR", "orders"]).await {
//!     match (error.outcome(), error.cause()) {
//!         (Outcome::NotSent, _) => println!("it can be done again: {error}"),
//!         (Outcome::MaybeExecuted, Cause::Deadline) => println!("too late to know: {error}"),
//!         (Outcome::MaybeExecuted, _) => println!("look before it is done again: {error}"),
//!         (Outcome::Executed, _) => println!("the server says no: {error}"),
//!     }
//! }
//! # }
//! ```
//!
//! # What happens to a client
//!
//! [`Client::stats`] has counters and gauges, and [`Config::on_event`] calls a function with each [`Event`], whose name
//! can be a metric's label. With `tracing`, calls are spans on the level of debug, named `coracle.call` (with the
//! command's name), `coracle.pipeline` and `coracle.transaction` (with the number of commands); none has keys or
//! values.
//!
//! ```no_run
//! # use coracle::{Config, Error};
//! # async fn example() -> Result<(), Error> {
//! let told = |event: &coracle::Event| println!("{} {}", event.name(), event.count());
//! let client = Config::new("redis://127.0.0.1/")?.on_event(told).connect().await?;
//! let stats = client.stats();
//! println!("{} connections, {} lost, {} calls under way", stats.links, stats.links_lost, stats.calls);
//! # Ok(())
//! # }
//! ```
//!
//! # TLS
//!
//! `rediss://` is not supported yet, but a [`Connector`] makes any connection: `examples/tls.rs` has one that speaks
//! TLS by `tokio-rustls`.

mod alarm;
mod cache;
mod cached;
mod call;
mod client;
mod clock;
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
mod job;
mod lanes;
mod lease;
mod manager;
mod notices;
mod raw;
mod rows;
mod script;
mod session;
mod shared;
mod signal;
mod states;
mod stats;
mod subscription;
mod tape;
mod ticket;
mod url;
mod wit;

pub use cache::{Cache, CacheStats};
pub use cached::Cached;
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
pub use notices::{Message, Names, Notice, SubscribeOptions, WhenFull};
pub use raw::RawReply;
pub use redis;
pub use script::Script;
pub use session::Session;
pub use states::ClientState;
pub use stats::Stats;
pub use subscription::Subscription;

/// The README's code, which is compiled with that of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
