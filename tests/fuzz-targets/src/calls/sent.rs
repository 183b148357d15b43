//! What the core lets a host write is commands, and nothing else.

use coracle_core::config::Limits;
use coracle_core::output::Output;
use coracle_core::resp::Decoder;
use coracle_core::resp::decode::{Step, Top};
use coracle_core::wire::NodeKind;

/// Reads one link's output.
pub struct Sent(Decoder);

impl Sent {
    pub fn new() -> Self {
        Self(Decoder::new(Limits { pass_above: 64, ..Limits::default() }))
    }

    /// Bytes that the core gave.
    pub fn bytes(&mut self, mut bytes: &[u8]) {
        loop {
            let passing = (self.0.passing() as usize).min(bytes.len());
            self.0.skip(passing as u64).unwrap();
            bytes = &bytes[passing..];
            let mut out = Output::default();
            let step = self.0.next(&mut bytes, &mut out).unwrap_or_else(|fault| panic!("the core sent {fault:?}"));
            for [head, _] in out.nodes.as_chunks::<2>().0 {
                let kind = *head as u8;
                assert!(kind == NodeKind::Array as u8 || kind == NodeKind::Bulk as u8, "the core sent a node {kind}");
            }
            match step {
                Step::Value(top) => assert_eq!(top, Top::Array, "the core sent something other than a command"),
                Step::NeedMore if bytes.is_empty() => return,
                Step::NeedMore => {}
            }
        }
    }

    /// An argument or a secret that the host writes: as much as was announced.
    pub fn held(&mut self, length: u64) {
        match self.0.passing() {
            0 => self.bytes(&vec![b'x'; usize::try_from(length).unwrap()]),
            passing => {
                assert_eq!(passing, length, "a held argument has another length than was announced");
                self.0.skip(length).unwrap();
            }
        }
    }
}
