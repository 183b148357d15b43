//! Commands as arrays of bulk strings: the only thing that a client ever sends.

use super::buffer::{Buffer, SLACK};

/// Most bytes of a header: its type, ten digits, CR LF.
const HEADER: usize = 13;

/// Appends the head of a command of `arguments` arguments.
pub fn command(out: &mut Buffer, arguments: u32) {
    header(out, b'*', arguments);
}

/// Appends one argument, whole.
pub fn argument(out: &mut Buffer, bytes: &[u8]) {
    begin_argument(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.append(bytes);
    end_argument(out);
}

/// Appends what stands before an argument's bytes.
pub fn begin_argument(out: &mut Buffer, length: u32) {
    header(out, b'$', length);
}

/// Appends what stands behind an argument's bytes.
pub fn end_argument(out: &mut Buffer) {
    out.append(b"\r\n");
}

/// Appends a whole command of known arguments.
pub fn words(out: &mut Buffer, words: &[&[u8]]) {
    command(out, u32::try_from(words.len()).unwrap_or(u32::MAX));
    for word in words {
        argument(out, word);
    }
}

/// Room that [`columns`] needs for so many commands with so many arguments, of so many bytes in all.
#[must_use]
pub fn room_for(commands: usize, arguments: usize, bytes: usize) -> usize {
    commands * HEADER + arguments * (HEADER + 2) + bytes
}

/// Writes a whole command whose arguments' bytes follow one another, which begin `bytes`: what lies behind them is only
/// read. Gives how many bytes were written and how many were taken; `None` where there are fewer, or too little room.
#[inline]
pub fn columns(room: &mut [u8], lengths: &[u32], bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = write_header(room, b'*', lengths.len() as u32)?;
    let mut from = 0;
    for length in lengths {
        let size = *length as usize;
        let rest = room.get_mut(at..)?;
        let header = write_header(rest, b'$', *length)?;
        let (body, source) = (rest.get_mut(header..)?, bytes.get(from..)?);
        if size > source.len() {
            return None;
        }
        copy(body, source, size)?;
        *body.get_mut(size..)?.first_chunk_mut::<2>()? = *b"\r\n";
        from += size;
        at += header + size + 2;
    }
    Some((at, from))
}

/// Longest piece that is copied in words.
const SHORT: usize = 64;

/// Copies the first `size` bytes. Short pieces go in whole words, as a call that copies costs more than they do.
fn copy(to: &mut [u8], from: &[u8], size: usize) -> Option<()> {
    const { assert!(SLACK >= 16, "two words are written") };
    if size <= 16
        && let (Some((to, _)), Some((from, _))) = (to.split_first_chunk_mut::<16>(), from.split_first_chunk::<16>())
    {
        *to = *from;
        return Some(());
    }
    if size <= SHORT {
        let whole = size.div_ceil(16);
        let ((to, _), (from, _)) = (to.as_chunks_mut::<16>(), from.as_chunks::<16>());
        if let (Some(to), Some(from)) = (to.get_mut(..whole), from.get(..whole)) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
            return Some(());
        }
    }
    to.get_mut(..size)?.copy_from_slice(from.get(..size)?);
    Some(())
}

fn header(out: &mut Buffer, kind: u8, number: u32) {
    if let Some(written) = write_header(out.room(HEADER), kind, number) {
        out.wrote(written);
    }
}

/// Writes type, number and CR LF, and says how many bytes those are. The usual ones are one word.
#[inline]
fn write_header(room: &mut [u8], kind: u8, number: u32) -> Option<usize> {
    if number < 10 {
        let word = u32::from(kind) | (u32::from(b'0') + number) << 8 | 0x0a0d << 16;
        *room.first_chunk_mut::<4>()? = word.to_le_bytes();
        return Some(4);
    }
    if number < 100 {
        let tens = (number * 205) >> 11; // a tenth, of so small a number
        let digits = u32::from(b'0') * 0x0101 + (tens | (number - 10 * tens) << 8);
        let word = u64::from(u32::from(kind) | digits << 8) | 0x0a0d << 24;
        *room.first_chunk_mut::<8>()? = word.to_le_bytes();
        return Some(5);
    }
    write_longer_header(room, kind, number)
}

#[inline(never)]
fn write_longer_header(room: &mut [u8], kind: u8, number: u32) -> Option<usize> {
    let digit = |divisor: u32| u64::from(b'0' as u32 + number / divisor % 10);
    let (digits, count) = match number {
        100..1000 => (digit(100) | digit(10) << 8 | digit(1) << 16, 3),
        1000..10_000 => (digit(1000) | digit(100) << 8 | digit(10) << 16 | digit(1) << 24, 4),
        _ => return write_long_header(room, kind, number),
    };
    let word = u64::from(kind) | digits << 8 | 0x0a0d << (8 + 8 * count);
    *room.first_chunk_mut::<8>()? = word.to_le_bytes();
    Some(3 + count)
}

fn write_long_header(room: &mut [u8], kind: u8, number: u32) -> Option<usize> {
    let text = number.to_string();
    let whole = room.get_mut(..text.len() + 3)?;
    let (first, rest) = whole.split_first_mut()?;
    let (digits, end) = rest.split_at_mut_checked(text.len())?;
    *first = kind;
    digits.copy_from_slice(text.as_bytes());
    end.copy_from_slice(b"\r\n");
    Some(text.len() + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_binary_arguments() {
        let mut out = Buffer::default();
        words(&mut out, &[b"SET", b"", b"a\r\nb"]);
        assert_eq!(out.written(), b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn writes_every_decimal_length() {
        for number in (0..=100).chain([999, 1000, 9_999, 10_000, 1_000_000, u32::MAX]) {
            let mut out = Buffer::default();
            begin_argument(&mut out, number);
            assert_eq!(out.written(), format!("${number}\r\n").into_bytes());
        }
    }

    #[test]
    fn columns_are_what_words_would_be() {
        let text: Vec<u8> = (0..=255).collect();
        for size in [0, 1, 7, 8, 15, 16, 17, 63, 64, 200] {
            for behind in [0, 1, 15, 16] {
                let pieces: [&[u8]; 3] = [b"SET", &text[..size], &text[3..size.max(3)]];
                let mut bytes = pieces.concat();
                bytes.extend_from_slice(&text[..behind]);
                let (mut expected, mut out) = (Buffer::default(), Buffer::default());
                words(&mut expected, &pieces);
                let room = out.room(room_for(1, 3, bytes.len()));
                let (written, taken) = columns(room, &pieces.map(|piece| piece.len() as u32), &bytes).unwrap();
                assert_eq!(taken, bytes.len() - behind);
                out.wrote(written);
                assert_eq!(out.written(), expected.written(), "{size} {behind}");
            }
        }
    }

    #[test]
    fn columns_that_lack_bytes_or_room_are_refused() {
        assert_eq!(columns(&mut [0; 100], &[3, 4], b"GETkey"), None);
        assert_eq!(columns(&mut [0; 100], &[3, 1 << 31], b"GETkey"), None);
        assert_eq!(columns(&mut [0; 20], &[3, 3], b"GETkey"), None);
    }
}
