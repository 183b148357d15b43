//! What is sent for one step, and what the replies to it mean. Each file has functions that make `Commands` from typed
//! values, and a `read` that makes an outcome from the reply to them.

pub mod append;
pub mod bell;
pub mod bodies;
pub mod care;
pub mod checkpoint;
pub mod commands;
pub mod lock;
pub mod marker;
pub mod meta;
pub mod page;

mod status;
mod terms;
