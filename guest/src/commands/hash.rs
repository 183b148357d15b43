//! Where a name is in the table. `xtask` compiles this file too, so that the table is made by the same function.

/// How many buckets the table has: about one name and a half to each.
pub const BUCKETS: usize = 256;

/// What stands between a container and its subcommand in the table's names.
pub const SEPARATOR: u8 = b'|';

/// The bucket of a name in capitals.
pub fn bucket(name: &[u8]) -> usize {
    // Multiplying moves what differs to the top, so the bucket is there.
    let mixed = name.iter().fold(0u32, |hash, &byte| (hash.rotate_left(5) ^ u32::from(byte)).wrapping_mul(0x9e37_79b1));
    (mixed >> 24) as usize
}
