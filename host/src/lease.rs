//! A session as the manager and its holders know it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

/// A session's number, and how it ended.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) number: u32,
    over: OnceLock<Error>,
    left: AtomicBool,
}

impl Lease {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, over: OnceLock::new(), left: AtomicBool::new(false) }
    }

    /// The link broke, or can't be had.
    pub(crate) fn end(&self, error: Error) {
        // The first reason is the one that tells.
        let _ = self.over.set(error);
    }

    /// Why it is over, if it is.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.over.get()
    }

    /// Nobody holds it any more.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Whether nobody holds it any more.
    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }
}
