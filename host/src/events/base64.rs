//! Base64, of the standard alphabet and with padding: what JSON has for bytes that are no text.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            (0..3).fold(0, |bits: u32, place| bits << 8 | u32::from(chunk.get(place).copied().unwrap_or_default()));
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) as usize & 63;
            let letter = ALPHABET.get(six).filter(|_| place <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

/// The bytes of this text; `None` if it is none of `encode`'s.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let padding = chunk.iter().rev().take_while(|letter| **letter == b'=').count();
        let bits =
            chunk.iter().take(4 - padding.min(4)).try_fold(0, |bits: u32, letter| Some(bits << 6 | value(*letter)?))?;
        if chunk.len() != 4 || padding > 2 {
            return None;
        }
        let [_, whole @ ..] = (bits << (6 * padding)).to_be_bytes();
        bytes.extend(whole.iter().take(3 - padding));
    }
    // Padding within, or bits that say nothing, make another text of the same bytes.
    (encode(&bytes) == text).then_some(bytes)
}

fn value(letter: u8) -> Option<u32> {
    let place = ALPHABET.iter().position(|known| *known == letter)?;
    u32::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let examples =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in examples {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
        for bad in ["Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "====", "Z===", "Zm9v\n", "Zm9_", "é==="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
