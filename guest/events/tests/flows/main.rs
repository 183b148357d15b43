//! Flows against a server that a test plays by hand: the order of the steps, deadlines, cancellation, what is out of
//! turn, and replies of any shape.

mod bench;
mod chance;
mod declined;
mod ends;
mod following;
mod inspect;
mod locked;
mod paging;
mod turns;
