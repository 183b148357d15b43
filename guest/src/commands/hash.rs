//! Where a name is in the table. `xtask` compiles this file too, so that the table is made by the same function.

/// How many buckets the table has: about one name and a half to each.
pub const BUCKETS: usize = 256;

/// What stands between a container and its subcommand in the table's names.
pub const SEPARATOR: u8 = b'|';

/// The hash of a name in any case, given that of what is before it: 0 at its start.
pub fn hash(before: u32, name: &[u8]) -> u32 {
    let add =
        |hash: u32, byte: &u8| (hash.rotate_left(5) ^ u32::from(byte.to_ascii_uppercase())).wrapping_mul(0x9e37_79b1);
    name.iter().fold(before, add)
}

/// The bucket of the names with this hash.
pub fn bucket(hash: u32) -> usize {
    // Multiplying moves what differs to the top.
    (hash >> 24) as usize
}
