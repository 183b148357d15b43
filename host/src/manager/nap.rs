//! A short sleep of the thread, of which the server knows nothing. To be woken by the server takes its core as long as
//! a piece of a long value does; a timer of this core's takes the server nothing, and what it sends meanwhile is read
//! at once.

use std::thread;
use std::time::Duration;

/// Some 45 µs pass on a virtual machine whose core has nothing else to do, where that was measured.
const NAP: Duration = Duration::from_micros(20);

/// For the caller's thread, whatever else it has to do.
pub(super) fn nap() {
    let slack = system::Slack::least();
    thread::sleep(NAP);
    drop(slack);
}

/// How much later than asked for a thread may be woken: 50 µs, where nobody says so.
#[cfg(target_os = "linux")]
mod system {
    use std::num::NonZeroU64;

    use rustix::thread::{current_timer_slack, set_current_timer_slack};

    /// The thread is not this crate's: what it had is given back.
    pub(super) struct Slack(Option<NonZeroU64>);

    impl Slack {
        pub(super) fn least() -> Self {
            let before = current_timer_slack().ok().and_then(NonZeroU64::new);
            if before.is_some() {
                let _ = set_current_timer_slack(Some(NonZeroU64::MIN));
            }
            Self(before)
        }
    }

    impl Drop for Slack {
        fn drop(&mut self) {
            if self.0.is_some() {
                let _ = set_current_timer_slack(self.0);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_keeps_its_slack() {
            set_current_timer_slack(NonZeroU64::new(70_000)).unwrap();
            let slack = Slack::least();
            assert_eq!(current_timer_slack().unwrap(), 1);
            drop(slack);
            assert_eq!(current_timer_slack().unwrap(), 70_000);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) struct Slack;

    impl Slack {
        pub(super) fn least() -> Self {
            Self
        }
    }
}
