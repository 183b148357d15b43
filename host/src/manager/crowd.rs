//! How many callers run at a time. All who are answered together would call together too, and the server would have
//! nothing to do until the last of them has called: it sleeps then, and to wake it costs more than several commands.

/// The most waves that a crowd is cut into. Each is as large as what is under way, so that they become larger and
/// fewer.
const WAVES: usize = 6;
/// How slowly a crowd is forgotten: by one part in so many, each time that something is submitted.
const FADES: usize = 64;

/// How many calls are under way at most, lately, times [`FADES`]. The Go host counts the same way:
/// `tests/drivers/waves.json` is of both.
#[derive(Debug, Default)]
pub(super) struct Crowd(usize);

impl Crowd {
    /// How many callers are to run before the server is given what they want, where it has so much to do.
    pub(super) fn wave(&self, under_way: usize) -> usize {
        under_way.max(self.0 / FADES / WAVES).max(1)
    }

    /// So much is under way now that something was submitted.
    pub(super) fn note(&mut self, under_way: usize) {
        let now = under_way.saturating_mul(FADES);
        self.0 = now.max(self.0 - self.0.saturating_sub(now).div_ceil(FADES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Go host cuts a crowd into the same waves.
    #[test]
    fn waves_of_both_hosts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/drivers/waves.json");
        let text = std::fs::read_to_string(path).unwrap();
        let steps: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert!(!steps.is_empty());
        let mut crowd = Crowd::default();
        for (at, step) in steps.iter().enumerate() {
            let number = |name| step[name].as_u64().map(|number| number as usize);
            match (number("note"), number("times"), number("under_way"), number("wave")) {
                (Some(note), Some(times), None, None) => (0..times).for_each(|_| crowd.note(note)),
                (None, None, Some(under_way), Some(wave)) => assert_eq!(crowd.wave(under_way), wave, "step {at}"),
                _ => panic!("step {at} is neither"),
            }
        }
    }

    #[test]
    fn a_wave_is_a_part_of_the_crowd_and_not_less_than_what_is_under_way() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.wave(0), 1, "somebody has to be the first");
        crowd.note(96);
        assert_eq!([0, 15, 16, 17, 60].map(|under_way| crowd.wave(under_way)), [16, 16, 16, 17, 60]);
    }

    #[test]
    fn a_crowd_is_forgotten() {
        let mut crowd = Crowd::default();
        crowd.note(600);
        let waves = [1, 40, 250].map(|times| {
            (0..times).for_each(|_| crowd.note(0));
            crowd.wave(0)
        });
        assert_eq!(waves, [98, 52, 1]);
        crowd.note(60);
        assert_eq!(crowd.wave(0), 10);
    }
}
