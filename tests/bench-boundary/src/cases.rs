//! Batches of SET, in columns.

/// Commands a batch.
pub const BATCHES: [usize; 3] = [1, 10, 100];
/// Bytes of a value.
pub const SIZES: [usize; 2] = [64, 1024];

/// A batch, and the replies to it.
pub struct Case {
    pub batch: usize,
    pub size: usize,
    pub rows: Vec<u64>,
    pub lengths: Vec<u32>,
    pub bytes: Vec<u8>,
    pub replies: Vec<u8>,
}

impl Case {
    pub fn new(batch: usize, size: usize) -> Self {
        let mut case =
            Self { batch, size, rows: Vec::new(), lengths: Vec::new(), bytes: Vec::new(), replies: Vec::new() };
        for number in 0..batch {
            let key = format!("key:{number:08}");
            case.rows.extend([number as u64 + 1, u64::MAX, 3, 3 << 32]);
            case.lengths.extend([3, key.len() as u32, size as u32]);
            case.bytes.extend_from_slice(b"SET");
            case.bytes.extend_from_slice(key.as_bytes());
            case.bytes.extend(std::iter::repeat_n(b'v', size));
            case.replies.extend_from_slice(b"+OK\r\n");
        }
        case
    }
}

/// What a server says to HELLO.
pub const HELLO: &[u8] = b"%1\r\n$5\r\nproto\r\n:3\r\n";
