//! What happens to a client, told as it happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Cause, Error};
use crate::states::ClientState;

/// Something that happened to a client: see [`crate::Config::on_event`]. What it changes is changed already where the
/// client's state or counters are asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The client's state is another one.
    State {
        /// Which, with cause and text where there is an error.
        state: ClientState,
        /// Since when there is no connection; `None` if there is one.
        down_since: Option<Instant>,
    },
    /// The client is ready again after it was not.
    Reconnected,
    /// A connection broke once it was open, or was given up because the server fell silent ([`Cause::Silent`]), did not
    /// keep to the protocol or sent more than the limits allow; not one that this client had no more use for.
    LinkLost {
        /// Why, as far as it is known.
        cause: Cause,
        /// More, for people.
        detail: String,
    },
    /// A try to connect failed: nobody was there or let this client in, or not in time.
    ConnectFailed {
        /// Why, as far as it is known.
        cause: Cause,
        /// More, for people.
        detail: String,
    },
    /// Messages of a subscription may have been lost, because its connection broke.
    Gap,
    /// So many messages of one or more subscriptions were dropped, because their readers were too slow.
    Dropped(u64),
    /// An instance of the core trapped.
    Trap {
        /// What the sandbox said.
        detail: String,
        /// How many were lost since the client was last ready, this one included.
        in_a_row: u32,
    },
    /// Another component has taken over.
    Swapped,
    /// Servers took new credentials.
    Renewed,
    /// New credentials could not be had, or were refused.
    RenewalFailed(Error),
    /// The cache forgot all that it kept.
    CacheFlushed {
        /// So many replies.
        entries: u64,
    },
}

impl Event {
    /// One word or two for a metric's label, such as `link-lost`. The Go host has the same.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "state",
            Self::Reconnected => "reconnected",
            Self::LinkLost { .. } => "link-lost",
            Self::ConnectFailed { .. } => "connect-failed",
            Self::Gap => "gap",
            Self::Dropped(_) => "dropped",
            Self::Trap { .. } => "trap",
            Self::Swapped => "swapped",
            Self::Renewed => "renewed",
            Self::RenewalFailed(_) => "renewal-failed",
            Self::CacheFlushed { .. } => "cache-flushed",
        }
    }

    /// How often it counts: the number of messages for [`Event::Dropped`], else 1.
    #[must_use]
    pub fn count(&self) -> u64 {
        if let Self::Dropped(count) = self { *count } else { 1 }
    }
}

/// Who is told, if anybody is.
#[derive(Clone, Default)]
pub(crate) struct Hook(Option<Arc<Listener>>);

type Listener = dyn Fn(&Event) + Send + Sync;

impl Hook {
    pub(crate) fn new(hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// To be called with no lock held.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        let Some(hook) = &self.0 else { return };
        let event = event();
        // A panic would end the client, which others share.
        if catch_unwind(AssertUnwindSafe(|| hook(&event))).is_err() {
            tracing::error!(event = event.name(), "the hook for events panicked");
        }
    }
}
