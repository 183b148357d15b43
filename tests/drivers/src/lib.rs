//! The Rust host over a scripted transport, with a model server behind it.
//!
//! A script says what the network does to each connection, by counts of bytes, and what callers and subscribers do.
//! While it runs and at its end invariants are checked; `tests/drivers/README.md` has them all. The Go host runs the
//! same scripts, in `go-host/internal/drivers`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test: a panic is how it fails, and the README says what the parts of a script are"
)]

mod callers;
mod connection;
mod generate;
mod payload;
mod random;
mod resp;
mod run;
pub mod script;
mod server;
mod subscribers;
mod totals;
mod transport;
mod world;

pub use generate::generate;
pub use run::{Report, run};
pub use script::Script;
pub use totals::{Totals, each, each_seed};
