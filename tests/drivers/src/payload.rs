//! Values that say whose they are, at every place.

/// A payload of a token: it names the token, and of what follows no two stretches are the same.
pub fn payload(token: &str, size: usize) -> Vec<u8> {
    let mut bytes = format!("{token}:").into_bytes();
    let end = bytes.len().max(size);
    let mut word = hash(token.as_bytes());
    while bytes.len() < end {
        bytes.extend_from_slice(format!("{word:08x}").as_bytes());
        word = word.wrapping_add(0x9e37_79b1);
    }
    bytes.truncate(end);
    bytes
}

/// Whose payload this is; nothing if a byte of it is wrong.
pub fn token_of(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b':')?;
    let token = std::str::from_utf8(&bytes[..end]).ok()?.to_owned();
    (payload(&token, bytes.len()) == bytes).then_some(token)
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_known_again() {
        for size in [0, 3, 4, 100, 4097] {
            assert_eq!(token_of(&payload("c1.0", size)).as_deref(), Some("c1.0"));
        }
        let mut other = payload("c1.0", 100);
        other[50..].copy_from_slice(&payload("c2.0", 100)[50..]);
        assert_eq!(token_of(&other), None);
        assert_eq!(payload("c1.0", 30), b"c1.0:47d6ab7fe60e253084459ee12");
    }
}
