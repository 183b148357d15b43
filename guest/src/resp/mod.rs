//! RESP2 and RESP3 as bytes: an incremental decoder to nodes, and an encoder of commands.
//!
//! Source: the RESP3 specification of antirez (2018), and Redis' own "Redis serialization protocol specification".

pub mod buffer;
pub mod decode;
pub mod encode;
mod number;

pub use decode::{Decoder, Fault, Step};
