//! Keys, and what draws them.

/// A small generator of numbers, one a task, so that tasks share none.
pub struct Random(u64);

impl Random {
    pub fn new(task: usize) -> Self {
        Self((task as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x2545_f491_4f6c_dd1d))
    }

    /// A number below `n`, by xorshift.
    pub fn below(&mut self, n: usize) -> usize {
        let mut x = self.0;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = x;
        ((x >> 11) % n as u64) as usize
    }
}

/// `n` names, of keys whose values have this size, or one of mixed sizes.
pub fn key_names(n: usize, size: &str) -> Vec<String> {
    (0..n).map(|i| format!("bench:{size}:{i:06}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_all_alike() {
        let mut random = Random::new(3);
        let mut drawn = [0_u32; 10];
        for _ in 0..10_000 {
            drawn[random.below(10)] += 1;
        }
        assert!(drawn.iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
    }

    #[test]
    fn tasks_draw_differently_and_always_the_same() {
        let draw = |task| -> Vec<usize> {
            let mut random = Random::new(task);
            (0..8).map(|_| random.below(1000)).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(key_names(2, "64"), ["bench:64:000000", "bench:64:000001"]);
    }
}
