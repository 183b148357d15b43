//! What callers hand to the manager.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::cache::Lead;
use crate::ticket::{Call, Ticket};

/// Commands of one pipeline, at most.
pub(crate) const MAX_COMMANDS: usize = 1 << 24;

/// What a caller wants done.
pub(crate) struct Job {
    pub(crate) ticket: Ticket,
    /// Who else hears of the reply.
    pub(crate) aside: Option<Box<Aside>>,
    /// Its share of `Limits::waiting_bytes`, given back when the job ends.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
impl Job {
    /// A call that nobody waits for, unless its answer is asked for.
    pub(crate) fn of(call: Call) -> Self {
        Self { ticket: Ticket::new(call), aside: None, _permit: None }
    }
}

impl std::ops::Deref for Job {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.ticket
    }
}

/// Who hears of a reply beside its caller, and before that one.
pub(crate) enum Aside {
    /// Callers that asked the same, and the cache.
    Lead(Lead),
    /// Who wants its bytes too.
    Raw(oneshot::Sender<Vec<u8>>),
}
