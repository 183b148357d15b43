//! A command is written so that the decoder reads its arguments back.

use coracle_core::config::Limits;
use coracle_core::output::Output;
use coracle_core::resp::buffer::Buffer;
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
    let (mut bytes, mut out) = (Buffer::default(), Output::default());
    encode::words(&mut bytes, &words);
    // In columns, it is the same.
    let mut packed = Buffer::default();
    let lengths: Vec<u32> = words.iter().map(|word| word.len() as u32).collect();
    let columns = words.concat();
    let room = packed.room(encode::room_for(1, lengths.len(), columns.len()));
    let (written, taken) = encode::columns(room, &lengths, &columns).unwrap();
    assert_eq!(taken, columns.len());
    packed.wrote(written);
    assert_eq!(packed.written(), bytes.written());
    let bytes = bytes.written();
    let mut rest = bytes;
    let step = Decoder::new(Limits::default()).next(&mut rest, &mut out);
    assert_eq!((step, rest), (Ok(Step::Value(Top::Array)), &[][..]));
    let (nodes, _) = out.nodes.as_chunks::<2>();
    assert_eq!(nodes.len(), words.len() + 1);
    for ([head, offset], word) in nodes[1..].iter().zip(words) {
        let (from, size) = (*offset as usize, (*head >> 16) as usize);
        assert_eq!(&bytes[from..from + size], word);
    }
}
