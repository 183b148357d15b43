//! The calls that a host can make, and their form as bytes.

use coracle_core::wire::option;

use crate::bytes::{Reader, write_string};

/// One call. Links and ids are few, so that calls meet.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named after the methods of `Core`")]
pub enum Call {
    Opened { link: u8, secret: bool },
    Received { link: u8, skipped: u8, bytes: Vec<u8> },
    Closed { link: u8, written: u32 },
    Elapsed { time: u32 },
    Submit { rows: Vec<Row>, lengths: Vec<u32>, bytes: Vec<u8> },
    Command { id: u8, seconds: u8, words: Vec<Vec<u8>> },
    Transaction { id: u8, commands: u8, lone: bool },
    Parts { id: u8, name: Vec<u8>, rest: u8 },
    Cancel { id: u8 },
    Subscribe { id: u8, kind: u8, own: bool, names: Vec<u8> },
    Unsubscribe { id: u8 },
    Lease { session: u8 },
    Release { session: u8 },
    Renew,
    Drain { time: u32 },
}

/// A row of `submit`, in small.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "named as in wit/commands.wit")]
pub struct Row {
    pub id: u8,
    /// In tenths of seconds; 255 is never.
    pub deadline: u8,
    pub arguments: u8,
    pub session: u8,
    pub options: u8,
    pub total: u8,
}

impl Call {
    /// Reads a call: its number, then its fields in order.
    pub(crate) fn read(from: &mut Reader<'_>) -> Self {
        let number = from.byte() % 15;
        match number {
            0 => Self::Opened { link: from.byte(), secret: from.byte() & 1 == 1 },
            1 => Self::Received { link: from.byte(), skipped: from.byte(), bytes: from.string().into() },
            2 => Self::Closed { link: from.byte(), written: from.word() },
            3 => Self::Elapsed { time: from.word() },
            4 => {
                let rows = (0..from.byte() % 8).map(|_| Row::read(from)).collect();
                let lengths = (0..from.byte() % 16).map(|_| from.word()).collect();
                Self::Submit { rows, lengths, bytes: from.string().into() }
            }
            5 => {
                let (id, seconds) = (from.byte(), from.byte());
                let words = (0..from.byte() % 8).map(|_| from.string().into()).collect();
                Self::Command { id, seconds, words }
            }
            6 => Self::Transaction { id: from.byte(), commands: from.byte(), lone: from.byte() & 1 == 1 },
            7 => Self::Parts { id: from.byte(), name: from.string().into(), rest: from.byte() },
            8 => Self::Cancel { id: from.byte() },
            9 => {
                let (id, kind, own) = (from.byte(), from.byte(), from.byte() & 1 == 1);
                Self::Subscribe { id, kind, own, names: from.string().into() }
            }
            10 => Self::Unsubscribe { id: from.byte() },
            11 => Self::Lease { session: from.byte() },
            12 => Self::Release { session: from.byte() },
            13 => Self::Renew,
            _ => Self::Drain { time: from.word() },
        }
    }

    /// The inverse of `read`, for seeds: fields that are as `read` gives them come back.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened { link, secret } => out.extend([0, *link, u8::from(*secret)]),
            Self::Received { link, skipped, bytes } => {
                out.extend([1, *link, *skipped]);
                write_string(out, bytes);
            }
            Self::Closed { link, written } => number(out, &[2, *link], *written),
            Self::Elapsed { time } => number(out, &[3], *time),
            Self::Submit { rows, lengths, bytes } => {
                out.extend([4, rows.len() as u8]);
                rows.iter().for_each(|row| row.write(out));
                out.push(lengths.len() as u8);
                out.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
                write_string(out, bytes);
            }
            Self::Command { id, seconds, words } => {
                out.extend([5, *id, *seconds, words.len() as u8]);
                words.iter().for_each(|word| write_string(out, word));
            }
            Self::Transaction { id, commands, lone } => out.extend([6, *id, *commands, u8::from(*lone)]),
            Self::Parts { id, name, rest } => {
                out.extend([7, *id]);
                write_string(out, name);
                out.push(*rest);
            }
            Self::Cancel { id } => out.extend([8, *id]),
            Self::Subscribe { id, kind, own, names } => {
                out.extend([9, *id, *kind, u8::from(*own)]);
                write_string(out, names);
            }
            Self::Unsubscribe { id } => out.extend([10, *id]),
            Self::Lease { session } => out.extend([11, *session]),
            Self::Release { session } => out.extend([12, *session]),
            Self::Renew => out.push(13),
            Self::Drain { time } => number(out, &[14], *time),
        }
    }
}

fn number(out: &mut Vec<u8>, before: &[u8], number: u32) {
    out.extend(before);
    out.extend(number.to_le_bytes());
}

impl Row {
    fn read(from: &mut Reader<'_>) -> Self {
        let (id, deadline, arguments) = (from.byte(), from.byte(), from.byte());
        Self { id, deadline, arguments, session: from.byte(), options: from.byte(), total: from.byte() }
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend([self.id, self.deadline, self.arguments, self.session, self.options, self.total]);
    }

    /// The row as `submit` takes it.
    pub(crate) fn words(self) -> [u64; 4] {
        let deadline = if self.deadline == u8::MAX { u64::MAX } else { u64::from(self.deadline) * 100_000 };
        let counts = u64::from(self.arguments) | u64::from(self.session) << 32;
        // `replica` is reserved: its bit stands for `raw`, for which there is none left in a byte.
        let raw = if u32::from(self.options) & option::REPLICA != 0 { option::RAW } else { 0 };
        let options = u32::from(self.options) | raw;
        [u64::from(self.id), deadline, counts, u64::from(options) | u64::from(self.total) << 32]
    }
}
