//! Whether data is JSON that every reader takes for the same.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Whether these bytes are one JSON value, in UTF-8, of letters (no halves of surrogate pairs) and numbers that a float
/// of 64 bits can hold, and less than 128 deep.
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Anything>(bytes).is_ok()
}

/// Any value, which is read and forgotten. `serde::de::IgnoredAny` would not look into strings and numbers.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_would_take_for_something_else_is_refused() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        for good in ["0", "-0", "1e-999", r#""\\\"\u00e9\ud83d\ude00""#, r#""\\ud800""#, r#"{"a[[{":["\u0000",{}]}"#] {
            assert!(is_valid(good.as_bytes()), "{good}");
        }
        assert!(is_valid(nested(127).as_bytes()));
        for bad in ["", "{", r#"{"a":}"#, r#""\x""#, "1 2", "01", "NaN", r#""\ud800""#, r#"["\ud800\u0041"]"#, "1e999"]
        {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
        assert!(!is_valid(br#"{"\udc00":1}"#) && !is_valid(b"\"\xff\"") && !is_valid(b"[1,-1e400]"));
        assert!(!is_valid(nested(128).as_bytes()) && !is_valid(nested(1_000_000).as_bytes()));
    }
}
