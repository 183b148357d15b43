//! Numbers and strings out of a fuzzer's bytes. By hand, since seeds are written in the same form as they are read.

/// Reads from the front; where there is nothing left, zeros and empty strings.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// At most `most` bytes.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Two bytes of length, then as many bytes.
    pub fn string(&mut self) -> &'a [u8] {
        let length = u16::from_le_bytes([self.byte(), self.byte()]);
        self.take(usize::from(length))
    }
}

/// The inverse of [`Reader::string`]; of a longer string, the first 65,535 bytes.
pub fn write_string(out: &mut Vec<u8>, string: &[u8]) {
    let length = u16::try_from(string.len()).unwrap_or(u16::MAX);
    out.extend(length.to_le_bytes());
    out.extend(&string[..usize::from(length)]);
}
