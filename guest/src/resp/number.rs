//! Numbers as RESP writes them: strict, as what a peer says is either right or a reason to close the link.

/// A signed 64-bit integer: an optional sign, then digits.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let size = length(digits)?;
    if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// A length: digits only.
pub fn length(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // Not by `checked_mul`: in WebAssembly that is a call, which multiplies numbers of 128 bits.
    const MOST: u64 = u64::MAX / 10;
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = u64::from(digit(*byte)?);
        if sum > MOST { None } else { (sum * 10).checked_add(digit) }
    })
}

/// The bits of a double; every NaN has the same bits.
pub fn double(text: &[u8]) -> Option<u64> {
    const NAN: u64 = 0x7ff8_0000_0000_0000;
    let value = match text {
        b"inf" | b"+inf" => f64::INFINITY,
        b"-inf" => f64::NEG_INFINITY,
        b"nan" | b"-nan" | b"+nan" => return Some(NAN),
        _ if text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            std::str::from_utf8(text).ok()?.parse().ok()?
        }
        _ => return None,
    };
    Some(value.to_bits())
}

/// Whether this is a decimal number of any length.
pub fn is_big_number(text: &[u8]) -> bool {
    let digits = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_reach_both_ends_and_no_further() {
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"+7"), Some(7));
        for wrong in ["", "-", "+", "9223372036854775808", "-9223372036854775809", "1x", " 1", "1 ", "--1"] {
            assert_eq!(integer(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn lengths_take_no_sign() {
        assert_eq!(length(b"0"), Some(0));
        assert_eq!(length(b"18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "+1", "-1", "18446744073709551616", "1.0"] {
            assert_eq!(length(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn doubles_know_infinity_and_one_nan() {
        assert_eq!(double(b"1.5e3"), Some(1500_f64.to_bits()));
        assert_eq!(double(b"-inf"), Some(f64::NEG_INFINITY.to_bits()));
        assert_eq!(double(b"-nan"), double(b"nan"));
        for wrong in ["", "infinity", "NaN", "1,5", "0x10", "e", "."] {
            assert_eq!(double(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn big_numbers_are_digits() {
        assert!(is_big_number(b"-3492890328409238509324850943850943825024385"));
        for wrong in ["", "-", "12a", "1.0"] {
            assert!(!is_big_number(wrong.as_bytes()), "{wrong}");
        }
    }
}
