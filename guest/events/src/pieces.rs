//! The commands of a step, as the host is told them: arguments in pieces, which are bytes or the host's own blobs.

use crate::scripts::Script;

/// Set in a piece that is a blob's number.
pub const BLOB: u64 = 1 << 63;

/// Set in a piece that is a script's number.
pub const SCRIPT: u64 = 1 << 62;

/// Commands in columns, as `commands` of the WIT says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Number of pieces of each argument.
    pub arguments: Vec<u32>,
    /// Number of arguments of each command.
    pub lengths: Vec<u32>,
    /// A length of `bytes`, or `BLOB` and a blob's number, or `SCRIPT` and a script's.
    pub pieces: Vec<u64>,
    /// What is not in blobs.
    pub bytes: Vec<u8>,
    /// Each is EVALSHA (or EVALSHA_RO), the SHA-1, the source, the number of keys…
    pub script: bool,
    /// Each may be repeated without harm.
    pub may_repeat: bool,
}

impl Commands {
    /// Makes room for one call with so many keys, of so many bytes, and for what arguments and bodies mostly are.
    pub(crate) fn make_room(&mut self, keys: usize, bytes: usize) {
        const ARGUMENTS: usize = 24;
        const BYTES: usize = 320;
        self.lengths.reserve_exact(1);
        self.arguments.reserve_exact(keys.saturating_add(ARGUMENTS));
        self.pieces.reserve_exact(keys.saturating_add(ARGUMENTS));
        self.bytes.reserve_exact(bytes.saturating_add(BYTES));
    }

    /// Begins a command. What follows are its arguments.
    pub fn command(&mut self, name: &str) {
        self.lengths.push(0);
        self.text(name.as_bytes());
    }

    /// Begins the call of a script. What follows are its keys, as many as said, and its arguments.
    pub fn call(&mut self, script: &Script, keys: usize) {
        self.script = true;
        self.command(if script.writes { "EVALSHA" } else { "EVALSHA_RO" });
        self.text(script.sha1.as_bytes());
        // Some have 11 KB: it is only sent where the server does not know it.
        self.argument();
        self.pieces.push(SCRIPT | u64::from(script.number));
        self.count();
        self.number(keys as u64);
    }

    /// An argument.
    pub fn text(&mut self, text: &[u8]) {
        self.argument();
        self.more(text);
    }

    /// An argument that is a number.
    pub fn number(&mut self, number: u64) {
        self.text(Decimal::new(number).as_bytes());
    }

    /// An argument that is a byte and a text.
    pub(crate) fn prefixed(&mut self, prefix: u8, text: &[u8]) {
        self.argument();
        self.bytes.push(prefix);
        self.bytes.extend_from_slice(text);
        self.pieces.push((text.len() as u64).wrapping_add(1));
        self.count();
    }

    /// Begins an argument of several pieces.
    pub fn argument(&mut self) {
        self.arguments.push(0);
        if let Some(last) = self.lengths.last_mut() {
            *last = last.saturating_add(1);
        }
    }

    /// A piece of the argument begun last.
    pub fn more(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.pieces.push(text.len() as u64);
        self.count();
    }

    /// A blob as a piece of the argument begun last.
    pub fn blob(&mut self, number: u32) {
        self.pieces.push(BLOB | u64::from(number));
        self.count();
    }

    fn count(&mut self) {
        if let Some(last) = self.arguments.last_mut() {
            *last = last.saturating_add(1);
        }
    }
}

/// A number's decimal digits, without formatting machinery.
pub(crate) struct Decimal {
    digits: [u8; 20],
    from: usize,
}

impl Decimal {
    pub(crate) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            from = from.saturating_sub(1);
            if number == 0 {
                break;
            }
        }
        Self { digits, from }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.from..).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        // All of it is digits.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// 32 digits.
pub(crate) fn hexadecimal(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    for (digit, shift) in digits.iter_mut().zip((0..128).step_by(4).rev()) {
        let value = (number >> shift) as u8 & 15;
        *digit = if value < 10 { b'0' + value } else { b'a' - 10 + value };
    }
    digits
}
