//! Identities, and the randomness that they are made of.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The identity of an event or a command: a UUID.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

/// The text is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no UUID")]
pub struct ParseIdError;

impl Id {
    /// No identity: all bits are 0.
    pub const NIL: Self = Self(0);

    /// A new one, of version 7: made of the time, to the millisecond, and of chance.
    #[must_use]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of(since.as_millis(), random(), random())
    }

    /// Of its 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    fn of(millis: u128, high: u64, low: u64) -> Self {
        const VERSION: u128 = 7 << 76;
        const VARIANT: u128 = 2 << 62;
        let high = u128::from(high) & 0xfff;
        let low = u128::from(low) & (u128::MAX >> 66);
        Self((millis << 80) | VERSION | (high << 64) | VARIANT | low)
    }

    pub(super) fn from_wire((high, low): (u64, u64)) -> Self {
        Self(u128::from(high) << 64 | u128::from(low))
    }

    pub(super) fn wire(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [time, middle, version, variant] = [self.0 >> 96, self.0 >> 80, self.0 >> 64, self.0 >> 48];
        let (short, node) = (0xffff, self.0 & 0xffff_ffff_ffff);
        write!(f, "{time:08x}-{:04x}-{:04x}-{:04x}-{node:012x}", middle & short, version & short, variant & short)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        const HYPHENS: [usize; 4] = [8, 13, 18, 23];
        if text.len() != 36 {
            return Err(ParseIdError);
        }
        text.char_indices()
            .try_fold(0, |number: u128, (place, letter)| {
                if HYPHENS.contains(&place) {
                    return (letter == '-').then_some(number);
                }
                Some(number << 4 | u128::from(letter.to_digit(16)?))
            })
            .map(Self)
            .ok_or(ParseIdError)
    }
}

/// 64 bits that nobody can guess: a keyed hash, whose key is the system's randomness, of a number that is never the
/// same.
pub(super) fn random() -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    KEY.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_is_of_version_7_and_of_now() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let ids: Vec<_> = (0..1000).map(|_| Id::new()).collect();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        for id in &ids {
            let text = id.to_string();
            assert_eq!(&text[14..15], "7", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
            assert!((before..=after).contains(&(id.0 >> 80)), "{text}");
            assert_eq!(text.parse(), Ok(*id));
            assert_eq!(Id::from_wire(id.wire()), *id);
            assert_eq!(Id::from_bytes(id.to_bytes()), *id);
        }
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn every_random_bit_is_used_and_none_of_the_others() {
        assert_eq!(Id::of(0, 0, 0).to_string(), "00000000-0000-7000-8000-000000000000");
        assert_eq!(Id::of((1 << 48) - 1, u64::MAX, u64::MAX).to_string(), "ffffffff-ffff-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        let good = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(good.parse::<Id>().unwrap().to_string(), good);
        assert_eq!(good.to_uppercase().parse::<Id>().unwrap().to_string(), good);
        for bad in ["", "01890a5d", "01890a5dXac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a805g"] {
            assert_eq!(bad.parse::<Id>(), Err(ParseIdError), "{bad}");
        }
        assert!("01890a5d-ac96-774b-bcce-b302099a80é".parse::<Id>().is_err());
    }
}
