//! Commands as arrays of bulk strings: the only thing that a client ever sends.

/// Appends the head of a command of `arguments` arguments.
pub fn command(out: &mut Vec<u8>, arguments: u32) {
    header(out, b'*', arguments);
}

/// Appends one argument, whole.
pub fn argument(out: &mut Vec<u8>, bytes: &[u8]) {
    begin_argument(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
    end_argument(out);
}

/// Appends what stands before an argument's bytes.
pub fn begin_argument(out: &mut Vec<u8>, length: u32) {
    header(out, b'$', length);
}

/// Appends what stands behind an argument's bytes.
pub fn end_argument(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Appends a whole command of known arguments.
pub fn words(out: &mut Vec<u8>, words: &[&[u8]]) {
    command(out, u32::try_from(words.len()).unwrap_or(u32::MAX));
    for word in words {
        argument(out, word);
    }
}

fn header(out: &mut Vec<u8>, kind: u8, number: u32) {
    out.push(kind);
    decimal(out, number);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, number: u32) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    let from = out.len();
    let mut rest = number;
    while rest > 0 {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
    }
    if let Some(digits) = out.get_mut(from..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_binary_arguments() {
        let mut out = Vec::new();
        words(&mut out, &[b"SET", b"", b"a\r\nb"]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn writes_every_decimal_length() {
        for number in [0, 9, 10, 99, 100, 1_000_000, u32::MAX] {
            let mut out = Vec::new();
            begin_argument(&mut out, number);
            assert_eq!(out, format!("${number}\r\n").into_bytes());
        }
    }
}
