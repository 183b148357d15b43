//! Leaves out of a script's source what only people read: comments that are a line's only text, indentation, empty
//! lines. A string of more than one line would be harmed; there is none.

/// How long `trimmed` is.
pub const fn length(source: &[u8]) -> usize {
    walk::<0>(source).1
}

/// The source without them.
pub const fn trimmed<const LENGTH: usize>(source: &[u8]) -> [u8; LENGTH] {
    walk(source).0
}

#[expect(clippy::indexing_slicing, reason = "it runs in the compiler only, where going too far is an error")]
const fn walk<const LENGTH: usize>(source: &[u8]) -> ([u8; LENGTH], usize) {
    let (mut kept, mut length, mut at) = ([0; LENGTH], 0, 0);
    while at < source.len() {
        while at < source.len() && source[at] == b' ' {
            at += 1;
        }
        let comment = at + 1 < source.len() && source[at] == b'-' && source[at + 1] == b'-';
        let empty = at < source.len() && source[at] == b'\n';
        while at < source.len() {
            if !comment && !empty {
                if LENGTH > 0 {
                    kept[length] = source[at];
                }
                length += 1;
            }
            at += 1;
            if source[at - 1] == b'\n' {
                break;
            }
        }
    }
    (kept, length)
}
