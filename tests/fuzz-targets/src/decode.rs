//! However input is cut, the decoder makes the same of it.

use coracle_core::config::Limits;
use coracle_core::output::Output;
use coracle_core::resp::decode::{Step, Top};
use coracle_core::resp::{Decoder, Fault};
use coracle_core::wire::{NodeKind, PASSES};

use crate::bytes::Reader;

/// What the decoder made of an input.
#[derive(Debug, PartialEq)]
struct Made {
    /// Of each value that ended: its nodes, with the bytes of strings left where they are, and its top.
    values: Vec<(Vec<u64>, Top)>,
    fault: Option<Fault>,
    offset: u64,
}

/// The first byte chooses limits and how many cuts there are, a byte each says how far apart they are; the rest is
/// input.
pub fn target(input: &[u8]) {
    let mut reader = Reader(input);
    let head = reader.byte();
    let limits = match head >> 6 {
        0 => Limits::default(),
        1 => Limits { pass_above: 64, ..Limits::default() },
        2 => Limits { pass_above: 64, depth: 3, elements: 5, ..Limits::default() },
        _ => Limits { pass_above: 64, reply_bytes: 300, ..Limits::default() },
    };
    let mut at = 0;
    let mut cuts: Vec<usize> = Vec::new();
    for _ in 0..head & 0x1f {
        at += usize::from(reader.byte()) + 1;
        cuts.push(at);
    }
    let input = reader.take(usize::MAX);
    cuts.retain(|cut| *cut < input.len());
    let (whole, open) = decode(input, &[], limits);
    let (cut, cut_open) = decode(input, &cuts, limits);
    assert_same(&whole, &open, &cut, &cut_open);
    // Once for each byte: what is longer teaches nothing more, and makes the fuzzer slow.
    if input.len() < 4096 {
        let every: Vec<usize> = (1..input.len()).collect();
        let (cut, cut_open) = decode(input, &every, limits);
        assert_same(&whole, &open, &cut, &cut_open);
    }
}

fn assert_same(whole: &Made, open: &[u64], cut: &Made, cut_open: &[u64]) {
    assert_eq!(whole.values, cut.values);
    assert_eq!(whole.fault, cut.fault);
    if whole.fault.is_none() {
        assert_eq!(whole.offset, cut.offset);
    }
    // A large string's node may leave before the string's end, so by its beginning; others leave with their last byte.
    let both = open.len().min(cut_open.len());
    assert_eq!(open[..both], cut_open[..both]);
    assert!(open.len().abs_diff(cut_open.len()) <= 2, "{open:?} and {cut_open:?}");
}

/// What the whole values were, and the nodes of the one that is not whole.
fn decode(input: &[u8], cuts: &[usize], limits: Limits) -> (Made, Vec<u64>) {
    let mut decoder = Decoder::new(limits);
    let mut values: Vec<(Vec<u64>, Top)> = Vec::new();
    let (mut open, mut from) = (Vec::new(), 0_usize);
    for end in cuts.iter().copied().chain([input.len()]) {
        let mut skipped = from;
        let passing = usize::try_from(decoder.passing()).unwrap();
        if passing > 0 {
            skipped = from.saturating_add(passing).min(end);
            decoder.skip((skipped - from) as u64).unwrap();
        }
        let mut piece = &input[skipped..end];
        from = end;
        loop {
            let mut out = Output::default();
            let kept = decoder.keep_from();
            let step = decoder.next(&mut piece, &mut out);
            check(&out, kept, &decoder, limits);
            open.extend(out.nodes.as_chunks::<2>().0.iter().flatten());
            match step {
                Ok(Step::Value(top)) => values.push((std::mem::take(&mut open), top)),
                Ok(Step::NeedMore) => break,
                Err(fault) => {
                    // What went before a fault is dropped with its link, and may be told or not.
                    values.iter_mut().for_each(|(nodes, _)| unmark(nodes));
                    return (Made { values, fault: Some(fault), offset: 0 }, Vec::new());
                }
            }
        }
        assert!(piece.is_empty(), "the decoder left bytes and wants more");
        assert_eq!(decoder.offset(), end as u64);
    }
    unmark(&mut open);
    values.iter_mut().for_each(|(nodes, _)| unmark(nodes));
    (Made { values, fault: None, offset: decoder.offset() }, open)
}

/// Whether a string passes by depends on where the input was cut.
fn unmark(nodes: &mut [u64]) {
    for [head, _] in nodes.as_chunks_mut::<2>().0 {
        *head &= !(u64::from(PASSES) << 8);
    }
}

/// Strings lie in the input that the host still keeps.
fn check(out: &Output, kept: u64, decoder: &Decoder, limits: Limits) {
    let fed = decoder.offset() + decoder.passing();
    assert!(decoder.keep_from() <= decoder.offset());
    assert!(decoder.passing() <= limits.reply_bytes);
    assert!(decoder.error_text().len() <= 512);
    for [head, value] in out.nodes.as_chunks::<2>().0 {
        let (kind, size) = (*head as u8, *head >> 16);
        let string = [NodeKind::Status, NodeKind::Error, NodeKind::Bulk, NodeKind::Verbatim, NodeKind::BigNumber];
        let aggregate = [NodeKind::Array, NodeKind::Set, NodeKind::Map, NodeKind::Attribute];
        if string.iter().any(|string| *string as u8 == kind) {
            assert!(*value >= kept && value + size <= fed, "{value}+{size} is not in {kept}..{fed}");
        } else if aggregate.iter().any(|aggregate| *aggregate as u8 == kind) {
            assert!(size <= limits.elements);
        }
    }
}
