//! Loads, and what is counted under them. The Go program under `../go` has the same ones, number by number.

mod allocations;
mod client;
mod histogram;
mod measure;
mod plain;
mod random;
mod result;
mod usage;
pub mod workload;

pub use allocations::Counting;
pub use client::{Client, Handle, Kind, Opening, Settings, Unsupported, kind};
pub use histogram::Histogram;
pub use plain::Plain;
pub use random::Random;
pub use result::{About, List, Result as Figures, Workload};
pub use usage::Usage;
