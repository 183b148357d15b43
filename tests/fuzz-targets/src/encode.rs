//! A command is written so that the decoder reads its arguments back.

use coracle_core::config::Limits;
use coracle_core::output::Output;
use coracle_core::resp::decode::{Step, Top};
use coracle_core::resp::{Decoder, encode};

use crate::bytes::Reader;

/// Strings, as long as there are bytes, are the command's words.
pub fn target(input: &[u8]) {
    let mut reader = Reader(input);
    let mut words = vec![reader.string()];
    while !reader.is_empty() {
        words.push(reader.string());
    }
    let (mut bytes, mut out) = (Vec::new(), Output::default());
    encode::words(&mut bytes, &words);
    let mut rest = &bytes[..];
    let step = Decoder::new(Limits::default()).next(&mut rest, &mut out);
    assert_eq!((step, rest), (Ok(Step::Value(Top::Array)), &[][..]));
    let (nodes, _) = out.nodes.as_chunks::<2>();
    assert_eq!(nodes.len(), words.len() + 1);
    for ([head, offset], word) in nodes[1..].iter().zip(words) {
        let (from, size) = (*offset as usize, (*head >> 16) as usize);
        assert_eq!(&bytes[from..from + size], word);
    }
}
