//! The event store with dynamic consistency boundaries, without I/O, clock or randomness.
//!
//! This half is the *codec*: `plan` makes the commands of one step from typed values and reads their replies, over
//! the layout of keys in `layout` and the scripts in `scripts`. It has no state; `layout::Segments` is the caller's.
//!
//! What is given to `plan` must have passed `validate`.

pub mod event;
pub mod fault;
pub mod layout;
pub mod pieces;
pub mod plan;
pub mod query;
pub mod reply;
pub mod scripts;
pub mod validate;
