//! How long a time-out lets the server wait, in microseconds, as the server reads it.

/// A server takes 0 as for ever.
const FOR_EVER: u64 = u64::MAX;

/// From whole milliseconds. 0 for what the server refuses: it answers that at once.
pub fn milliseconds(text: &[u8]) -> u64 {
    match text {
        [] => 0,
        digits => whole(digits).map_or(0, held),
    }
}

/// From seconds, with a fraction or without.
pub fn seconds(text: &[u8]) -> u64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    match (decimal(digits), negative) {
        (Some(time), false) => held(time),
        // The server rounds up to milliseconds, so less than one of them below 0 is 0.
        (Some(0 | 1), true) => FOR_EVER,
        (Some(_), true) => 0,
        (None, _) => odd(digits),
    }
}

/// The server also reads exponents and hexadecimals. These are too rare to be worth their code, so they count as the
/// longest time.
fn odd(text: &[u8]) -> u64 {
    let starts_as_number = matches!(text.first(), Some(b'0'..=b'9' | b'.'));
    let is_odd = text.iter().any(|byte| matches!(byte, b'e' | b'E' | b'x' | b'X' | b'p' | b'P'));
    if starts_as_number && is_odd { FOR_EVER } else { 0 }
}

fn held(milliseconds: u64) -> u64 {
    if milliseconds == 0 { FOR_EVER } else { milliseconds.saturating_mul(1000) }
}

/// Digits only. What is too large for a word is the largest.
fn whole(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, byte| digit(*byte).map(|digit| sum.saturating_mul(10).saturating_add(digit)))
}

/// Digits with at most one point, in milliseconds, rounded up.
fn decimal(text: &[u8]) -> Option<u64> {
    let point = text.iter().position(|&byte| byte == b'.');
    let (seconds, fraction) = match point {
        Some(point) => (text.get(..point)?, text.get(point + 1..)?),
        None => (text, &[][..]),
    };
    if seconds.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut rest, mut unit, mut more) = (0, 100, 0);
    for &byte in fraction {
        let digit = digit(byte)?;
        rest += digit * unit;
        // Below a millisecond any digit but 0 makes one more, once.
        more = if unit == 0 { digit.min(1).max(more) } else { more };
        unit /= 10;
    }
    Some(whole(seconds)?.saturating_mul(1000).saturating_add(rest + more))
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}
