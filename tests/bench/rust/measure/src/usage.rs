//! What this process has used so far.

use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};

use crate::allocations::Counting;

/// What was used up to a moment.
pub struct Usage {
    pub at: Instant,
    pub cpu: Duration,
    pub allocations: u64,
}

impl Usage {
    pub fn now() -> Result<Self> {
        Ok(Self { allocations: Counting::count(), cpu: cpu(UsageWho::RUSAGE_SELF)?, at: Instant::now() })
    }
}

/// Processor time, user and system, of this process or of its children.
pub fn cpu(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who)?;
    let micros = |time: nix::sys::time::TimeVal| u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0);
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

/// The memory that this process has in RAM now, in MB; 0 where the system does not say.
pub fn rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) * 1024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_told() {
        let before = Usage::now().unwrap();
        while cpu(UsageWho::RUSAGE_SELF).unwrap() < before.cpu + Duration::from_millis(1) {
            std::hint::black_box(vec![1_u8; 1000]);
        }
        let after = Usage::now().unwrap();
        assert!(after.at > before.at && after.allocations > before.allocations);
        assert!(rss() > 0.1, "{}", rss());
    }
}
