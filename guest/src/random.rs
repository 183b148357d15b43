//! Randomness from the host's seed: the same seed gives the same run.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). For jitter, not for
/// secrets.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From the seed in the settings.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in `0..=most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match most.checked_add(1) {
            Some(count) => mixed % count,
            None => mixed,
        }
    }
}

/// Full jitter over an exponential bound (Brooker: "Exponential backoff and jitter", 2015). Microseconds. The bound is
/// a second: however long a server was away, its clients are back half a second after it on average, and with jitter a
/// thousand of them are no storm.
pub fn backoff(random: &mut Random, attempt: u32) -> u64 {
    const FIRST: u64 = 10_000;
    const MOST: u64 = 1_000_000;
    let bound = FIRST.saturating_mul(1 << attempt.min(20)).min(MOST);
    random.up_to(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_stays_under_its_bound_and_varies() {
        let mut random = Random::new(7);
        for attempt in [0, 3, 9, 63, u32::MAX] {
            let most = (10_000_u64 << attempt.min(9)).min(1_000_000);
            let drawn: Vec<u64> = (0..100).map(|_| backoff(&mut random, attempt)).collect();
            assert!(drawn.iter().all(|&delay| delay <= most));
            assert!(drawn.iter().any(|&delay| delay > most / 2) && drawn.iter().any(|&delay| delay < most / 2));
        }
    }
}
