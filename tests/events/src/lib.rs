//! The event store's codec and scripts against real servers: a small synchronous client of them, and a model that knows
//! what they must do.

pub mod check;
pub mod client;
pub mod host;
pub mod link;
pub mod model;
pub mod mutants;
pub mod random;
pub mod target;
pub mod traps;
