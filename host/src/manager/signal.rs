//! Small things that handles and the manager share: a bell, and a clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::rows::NEVER;

/// Says that something is worth a look, such as that a caller went away. Ringing it twice is the same as once, so
/// nothing piles up.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: AtomicBool,
    waker: AtomicWaker,
}

impl Signal {
    pub(crate) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it was raised since the last look.
    #[cfg(test)]
    pub(crate) fn take(&self) -> bool {
        self.raised.swap(false, Ordering::AcqRel)
    }

    /// Whether it was raised since the last look; if not, wakes the task once it is.
    pub(super) fn poll(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.raised.swap(false, Ordering::AcqRel)
    }
}

/// So long from now. `None` is a time beyond all that the system's clock can say: it never comes.
pub(crate) fn from_now(within: Duration) -> Option<Instant> {
    Instant::now().checked_add(within)
}

/// Microseconds since the client began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(NEVER - 1).min(NEVER - 1)
    }

    /// As `at`, and [`NEVER`] for what never comes.
    pub(crate) fn until(&self, instant: Option<Instant>) -> u64 {
        instant.map_or(NEVER, |instant| self.at(instant))
    }

    pub(crate) fn instant(&self, micros: u64) -> Instant {
        let far = Duration::from_secs(86_400 * 365 * 30);
        self.start + Duration::from_micros(micros).min(far)
    }
}
