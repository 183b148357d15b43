//! A component's bytes, and what tells one component from another.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{SHIPPED, digest, shipped_digest};

/// A component, not compiled yet. Clones share the digest, which takes about a millisecond to work out.
#[derive(Clone)]
pub(crate) struct Binary {
    bytes: Bytes,
    digest: Arc<OnceLock<[u8; 32]>>,
}

impl Binary {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, digest: Arc::default() }
    }

    /// The one that the crate ships.
    pub(crate) fn shipped() -> Self {
        Self { bytes: Bytes::from_static(SHIPPED), digest: Arc::new((*shipped_digest()).into()) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    pub(super) fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| digest(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_worked_out_once_for_all_clones() {
        let binary = Binary::new(Bytes::from_static(b"component"));
        let clone = binary.clone();
        assert_eq!(binary.digest(), digest(b"component"));
        assert_eq!(clone.digest.get(), Some(&binary.digest()));
    }

    #[test]
    fn the_shipped_one_has_its_digest_from_the_build() {
        assert_eq!(Binary::shipped().digest.get(), Some(&digest(SHIPPED)));
    }
}
