//! Counts durations in buckets whose width grows with the value.

use std::time::Duration;

/// Each power of two is cut in 128, so that a bucket is less than 0.8 % wide. The last one holds all above 68 s.
const SUB_BITS: u32 = 7;
const MAX_BITS: u32 = 36;
const BUCKETS: usize = ((MAX_BITS - SUB_BITS + 1) as usize) << SUB_BITS;

/// Counts durations; each task has its own.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u32>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS] }
    }
}

impl Histogram {
    pub fn record(&mut self, duration: Duration) {
        self.counts[bucket(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))] += 1;
    }

    /// Counts what the other one has counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The middle of the bucket that holds the smallest duration with a share `q` of all at or below it.
    pub fn quantile(&self, q: f64) -> Duration {
        let total = self.count();
        let mut rank = ((q * total as f64) as u64).min(total.max(1) - 1);
        for (place, &count) in self.counts.iter().enumerate() {
            if rank < u64::from(count) {
                return Duration::from_nanos(middle(place));
            }
            rank -= u64::from(count);
        }
        Duration::ZERO
    }
}

/// Exact below 128 ns.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.min((1 << MAX_BITS) - 1);
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(SUB_BITS + 1);
    ((shift as usize) << SUB_BITS) + (nanos >> shift) as usize
}

fn middle(bucket: usize) -> u64 {
    if bucket < 2 << SUB_BITS {
        return bucket as u64;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    let low = ((bucket - (shift << SUB_BITS)) as u64) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut last = 0;
        for nanos in
            (0..1000).chain((3..36).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + (1 << (bits - 1))]))
        {
            let place = bucket(nanos);
            let off = middle(place).abs_diff(nanos);
            assert!(off as f64 <= nanos as f64 * 0.004, "{nanos} ns is shown as {}", middle(place));
            assert!(nanos < 1000 || place >= last, "{nanos} ns");
            last = place;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        (1..=50).for_each(|nanos| one.record(Duration::from_nanos(nanos)));
        (51..=100).for_each(|nanos| other.record(Duration::from_nanos(nanos)));
        one.add(&other);
        assert_eq!(one.count(), 100);
        assert_eq!(one.quantile(0.5).as_nanos(), 51);
        assert_eq!(one.quantile(0.99).as_nanos(), 100);
        assert_eq!(one.quantile(1.0).as_nanos(), 100);
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
