//! The event store with dynamic consistency boundaries, without I/O, clock or randomness.
//!
//! `store` is the table of *flows*: an operation of a caller is one, a state machine that says by `step` what its host
//! is to do next; `flow` has one for each kind. Below them is the *codec*: `plan` makes the commands of one step from
//! typed values and reads their replies, over the layout of keys in `layout` and the scripts in `scripts`. It has no
//! state; what is given to it must have passed `validate`.

pub mod event;
pub mod fault;
mod flow;
pub mod given;
pub mod layout;
pub mod pieces;
pub mod plan;
pub mod query;
mod random;
pub mod reply;
pub mod scripts;
pub mod step;
pub mod store;
pub mod validate;
