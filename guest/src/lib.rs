//! The core of Coracle: a Redis and Valkey client without I/O.
//!
//! Everything that the core does is a function of the calls made into it: time and randomness are arguments. So the
//! same code runs in the component, in tests, under a fuzzer and in a simulator. `wit/` says what each call means;
//! [`client`] says in which order to make them.

pub mod client;
pub mod commands;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod config;
mod connection;
pub mod effects;
mod ends;
mod express;
mod handshake;
mod inflight;
mod leases;
mod link;
mod load;
mod monitor;
pub mod mutant;
pub mod output;
mod plan;
pub mod pubsub;
mod push;
mod putoff;
mod random;
mod refused;
mod renewal;
pub mod resp;
mod rows;
mod script;
mod silence;
pub mod submit;
mod subscriptions;
mod tracking;
pub mod wire;

pub use client::Core;
