//! The time, as the core counts it.

use std::time::Duration;

use tokio::time::Instant;

use crate::rows::NEVER;

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
