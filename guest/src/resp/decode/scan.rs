//! The usual values, read at once: short, without a choice to make, and whole in what was fed. Anything else is left to
//! the decoder, which would read these just the same.

use crate::output::Node;
use crate::wire::NodeKind;

/// Most digits that are read here: no sum of so many is too large.
const DIGITS: usize = 9;

/// The value that `input` begins with, and how many bytes it has; `None` where it is not usual, not whole, or longer
/// than `most`. It lies at `offset` of the link's input.
#[inline]
pub fn value(input: &[u8], offset: u64, most: u64) -> Option<(Node, usize)> {
    let found = match input {
        [b'$', text @ ..] => string(text, input, offset)?,
        [b'+', b'O', b'K', b'\r', b'\n', ..] => (Node::scalar(NodeKind::Ok, 0), 5),
        [b':', text @ ..] => {
            let (number, digits) = digits(text)?;
            (Node::scalar(NodeKind::Integer, u64::from(number)), digits + 3)
        }
        _ => return None,
    };
    (found.1 as u64 <= most).then_some(found)
}

fn string(text: &[u8], input: &[u8], offset: u64) -> Option<(Node, usize)> {
    let (size, digits) = digits(text)?;
    let from = digits + 3;
    let end = from + size as usize;
    let tail = input.get(end..end + 2)?;
    (tail == b"\r\n").then(|| (Node::string(NodeKind::Bulk, u64::from(size), offset + from as u64), end + 2))
}

/// A number that CR LF follows, and how many digits it has.
fn digits(text: &[u8]) -> Option<(u32, usize)> {
    let mut number = 0;
    for (place, byte) in text.iter().enumerate().take(DIGITS + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let ends = place > 0 && *byte == b'\r' && text.get(place + 1) == Some(&b'\n');
            return ends.then_some((number, place));
        }
        if place == DIGITS {
            return None;
        }
        number = number * 10 + u32::from(digit);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_usual_and_whole() {
        let read =
            |text: &str| value(text.as_bytes(), 100, 50).map(|(node, size)| (node.kind, node.size, node.value, size));
        assert_eq!(read("+OK\r\n"), Some((NodeKind::Ok, 0, 0, 5)));
        assert_eq!(read(":0\r\n:1\r\n"), Some((NodeKind::Integer, 0, 0, 4)));
        assert_eq!(read(":123456789\r\n"), Some((NodeKind::Integer, 0, 123_456_789, 12)));
        assert_eq!(read("$0\r\n\r\n"), Some((NodeKind::Bulk, 0, 104, 6)));
        assert_eq!(read("$11\r\nhello\r\nworl\r\n+"), Some((NodeKind::Bulk, 11, 105, 18)));
    }

    #[test]
    fn leaves_the_rest_to_the_decoder() {
        let long = format!("$50\r\n{}\r\n", "x".repeat(50));
        for text in [
            "",
            "+",
            "+OK",
            "+OK\r",
            "+OKAY\r\n",
            "$",
            "$5",
            "$5\r\nhell",
            "$5\r\nhello\r",
            "$5\r\nhelloXX",
            "$-1\r\n",
            "$\r\n\r\n",
            ":-1\r\n",
            ":\r\n",
            ":1\n",
            ":1\rx",
            ":1234567890\r\n",
            "$1234567890\r\n",
            "-ERR\r\n",
            "_\r\n",
            "*1\r\n:1\r\n",
            &long,
        ] {
            assert_eq!(value(text.as_bytes(), 0, 50), None, "{text:?}");
        }
    }
}
