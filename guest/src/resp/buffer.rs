//! Where output is written: a vector whose room is kept from call to call, so that writing is stores and no growing.

use std::fmt;

/// Bytes behind what is asked for, so that a short piece can be written as whole words.
pub const SLACK: usize = 16;

/// Bytes that are written one piece after the other.
#[derive(Default)]
pub struct Buffer {
    /// All of it was written to once; `used` bytes count.
    bytes: Vec<u8>,
    used: usize,
}

impl fmt::Debug for Buffer {
    /// What was written: room that is kept says nothing.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written().fmt(formatter)
    }
}

impl Buffer {
    /// What was written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// How much was written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Forgets what was written, and all room beyond `kept` bytes.
    pub fn clear(&mut self, kept: usize) {
        self.used = 0;
        if self.bytes.len() > kept {
            self.bytes.truncate(kept);
            self.bytes.shrink_to(kept);
        }
    }

    /// Room for `size` bytes, and [`SLACK`] behind them that may be written but does not count. [`Buffer::wrote`]
    /// follows.
    pub fn room(&mut self, size: usize) -> &mut [u8] {
        let end = self.used + size + SLACK;
        if self.bytes.len() < end {
            self.bytes.resize(end.max(self.bytes.len() * 2), 0);
        }
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    /// So many bytes of the room count.
    pub fn wrote(&mut self, size: usize) {
        self.used = (self.used + size).min(self.bytes.len());
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.wrote(bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_written_and_little_room() {
        let mut buffer = Buffer::default();
        for _ in 0..100 {
            buffer.append(b"0123456789");
        }
        assert_eq!(buffer.written(), b"0123456789".repeat(100));
        assert!(buffer.room(7).len() >= 7 + SLACK);
        buffer.wrote(0);
        assert_eq!(buffer.len(), 1000);
        buffer.clear(64);
        assert!(buffer.is_empty() && buffer.bytes.capacity() <= 64);
        buffer.append(b"x");
        assert_eq!(buffer.written(), b"x");
    }
}
