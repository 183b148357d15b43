//! SHA-1, reckoned when the scripts are compiled in.

const ROUNDS: usize = 80;

/// In hexadecimal.
pub const fn sha1(message: &[u8]) -> [u8; 40] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let blocks = (message.len() + 8) / 64 + 1;
    let mut number = 0;
    while number < blocks {
        state = mixed(state, block(message, number, number + 1 == blocks));
        number += 1;
    }
    hexadecimal(state)
}

/// Bytes that are UTF-8, as the sources and digests are.
pub const fn text(bytes: &'static [u8]) -> &'static str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

#[expect(clippy::indexing_slicing, reason = "it runs in the compiler only, where going too far is an error")]
const fn block(message: &[u8], number: usize, last: bool) -> [u32; 16] {
    let mut words = [0; 16];
    let mut at = 0;
    while at < 64 {
        let place = number * 64 + at;
        let byte = if place < message.len() {
            message[place]
        } else if place == message.len() {
            0x80
        } else {
            0
        };
        words[at / 4] = (words[at / 4] << 8) | byte as u32;
        at += 1;
    }
    if last {
        words[14] = ((message.len() as u64 * 8) >> 32) as u32;
        words[15] = (message.len() as u64 * 8) as u32;
    }
    words
}

#[expect(clippy::indexing_slicing, reason = "it runs in the compiler only, where going too far is an error")]
const fn mixed(state: [u32; 5], block: [u32; 16]) -> [u32; 5] {
    let mut words = [0; ROUNDS];
    let [mut a, mut b, mut c, mut d, mut e] = state;
    let mut round = 0;
    while round < ROUNDS {
        words[round] = if round < 16 {
            block[round]
        } else {
            (words[round - 3] ^ words[round - 8] ^ words[round - 14] ^ words[round - 16]).rotate_left(1)
        };
        let (choice, constant) = match round / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(choice).wrapping_add(e).wrapping_add(constant);
        let next = next.wrapping_add(words[round]);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        round += 1;
    }
    let [one, two, three, four, five] = state;
    [one.wrapping_add(a), two.wrapping_add(b), three.wrapping_add(c), four.wrapping_add(d), five.wrapping_add(e)]
}

#[expect(clippy::indexing_slicing, reason = "it runs in the compiler only, where going too far is an error")]
const fn hexadecimal(state: [u32; 5]) -> [u8; 40] {
    let mut digits = [0; 40];
    let mut at = 0;
    while at < 40 {
        digits[at] = b"0123456789abcdef"[((state[at / 8] >> (28 - 4 * (at % 8))) & 15) as usize];
        at += 1;
    }
    digits
}
