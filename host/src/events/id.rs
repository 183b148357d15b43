//! Identities, and the randomness that they are made of.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The identity of an event or a command: a UUID.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Uuid);

/// The text is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no UUID")]
pub struct ParseIdError;

impl Id {
    /// No identity: all bits are 0.
    pub const NIL: Self = Self(Uuid::nil());

    /// A new one, of version 7 (RFC 9562): made of the time, to the millisecond, and of chance.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Of its 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub(super) fn from_wire((high, low): (u64, u64)) -> Self {
        Self(Uuid::from_u64_pair(high, low))
    }

    pub(super) fn wire(self) -> (u64, u64) {
        self.0.as_u64_pair()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    /// Takes the form with hyphens and no other, so that an identity is written in one way.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        const HYPHENATED: usize = 36;
        let parsed = if text.len() == HYPHENATED { Uuid::try_parse(text).ok() } else { None };
        parsed.map(Self).ok_or(ParseIdError)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_new_one_is_of_version_7_and_of_now() {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let before = now();
        let ids: Vec<_> = (0..1000).map(|_| Id::new()).collect();
        let after = now();
        for id in &ids {
            let text = id.to_string();
            assert_eq!(&text[14..15], "7", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
            assert!((before..=after).contains(&(id.0.as_u128() >> 80)), "{text}");
            assert_eq!(text.parse(), Ok(*id));
            assert_eq!(Id::from_wire(id.wire()), *id);
            assert_eq!(Id::from_bytes(id.to_bytes()), *id);
        }
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
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
