//! Events, commands and places in the log, and the bytes that they are kept as.

use crate::reply::{Text, decimal};

/// An identity: a UUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(
    /// Its 128 bits, the first byte the highest.
    pub u128,
);

impl Id {
    /// Of its halves, as the WIT has it.
    #[must_use]
    pub fn from_halves(high: u64, low: u64) -> Self {
        Self((u128::from(high) << 64) | u128::from(low))
    }

    /// Its halves.
    #[must_use]
    pub fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    /// The part that the log's index keeps: the lowest 40 bits, which are random in versions 4 and 7. An id made of
    /// it alone (`Id(tail.into())`) is as good in a `Cursor`.
    #[must_use]
    pub fn tail(self) -> u64 {
        self.0 as u64 & ((1 << 40) - 1)
    }
}

/// A place in the log, and proof that it is still the same log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Counted from 1; 0 is before the first event, and its id is not looked at.
    pub position: u64,
    /// Of the event there. Only its `tail` is compared.
    pub id: Id,
}

/// An event to be appended. Its data and metadata are blobs, which the host holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its own.
    pub id: Id,
    /// Its type.
    pub kind: String,
    /// Sorted, once it has passed `validate`.
    pub tags: Vec<String>,
    /// Length of its data, bytes.
    pub data: u32,
    /// Length of its metadata.
    pub metadata: u32,
}

/// An event that was read; its type and tags are still in the reply where `T` is `&str`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T = String> {
    /// Counted from 1.
    pub position: u64,
    /// When it was appended, milliseconds since 1970.
    pub time: u64,
    /// The number of the command that it came from, 0 for none.
    pub command: u64,
    /// Its own.
    pub id: Id,
    /// Its type.
    pub kind: T,
    /// Sorted.
    pub tags: Vec<T>,
    /// Where its metadata and data are.
    pub body: Body,
}

/// Where metadata and data are in a reply: the metadata is `metadata` bytes from byte `from`, the data what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Which of the reply's strings, counted from 0 in preorder.
    pub string: u32,
    /// Where in it the metadata begins.
    pub from: u32,
    /// Length of the metadata.
    pub metadata: u32,
}

/// A command's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Counted from 1.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub time: u64,
    /// Its own.
    pub id: Id,
    /// Its type.
    pub kind: String,
    /// The position of its first event, 0 for none.
    pub first: u64,
    /// And of its last.
    pub last: u64,
    /// Where its metadata and data are.
    pub body: Body,
}

impl<'a> Recorded<&'a str> {
    /// Reads what is kept of the event at this position.
    #[must_use]
    pub fn read(position: u64, text: &Text<'a>) -> Option<Self> {
        let mut bytes = Bytes::new(text);
        let (time, command) = (bytes.decimal()?, bytes.decimal()?);
        let (id, kind) = bytes.identity()?;
        let count = bytes.byte()?;
        let mut tags = Vec::with_capacity(count.into());
        for _ in 0..count {
            tags.push(bytes.short()?);
        }
        Some(Self { position, time, command, id, kind, tags, body: bytes.body()? })
    }

    /// The same without the reply.
    #[must_use]
    pub fn to_owned(&self) -> Recorded {
        let Self { position, time, command, id, kind, ref tags, body } = *self;
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Recorded { position, time, command, id, kind: kind.to_owned(), tags, body }
    }
}

impl Ordered {
    /// Reads what is kept of the command of this number.
    #[must_use]
    pub fn read(number: u64, text: &Text<'_>) -> Option<Self> {
        let mut bytes = Bytes::new(text);
        let (time, first, last) = (bytes.decimal()?, bytes.decimal()?, bytes.decimal()?);
        let (id, kind) = bytes.identity()?;
        Some(Self { number, time, id, kind: kind.to_owned(), first, last, body: bytes.body()? })
    }
}

/// What is kept of an event in front of its metadata and data; the script puts time and command in front of it.
pub(crate) fn head_of_event(out: &mut Vec<u8>, event: &Event) {
    identity(out, event.id, &event.kind);
    out.push(event.tags.len() as u8);
    for tag in &event.tags {
        short(out, tag);
    }
    length(out, event.metadata);
}

/// The same of a command; the script puts time and positions in front of it.
pub(crate) fn head_of_command(out: &mut Vec<u8>, id: Id, kind: &str, metadata: u32) {
    identity(out, id, kind);
    length(out, metadata);
}

fn identity(out: &mut Vec<u8>, id: Id, kind: &str) {
    out.push(VERSION);
    out.extend_from_slice(&id.0.to_be_bytes());
    short(out, kind);
}

/// A string that has passed `validate`: less than 256 bytes.
fn short(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// In groups of 7 bits, the lowest first; all but the last have bit 7 set.
fn length(out: &mut Vec<u8>, mut length: u32) {
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// The form of what follows.
const VERSION: u8 = 1;

struct Bytes<'a> {
    text: Text<'a>,
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn new(text: &Text<'a>) -> Self {
        Self { text: *text, rest: text.bytes }
    }

    /// Up to a comma.
    fn decimal(&mut self) -> Option<u64> {
        let end = self.rest.iter().position(|byte| *byte == b',')?;
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        decimal(digits)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn identity(&mut self) -> Option<(Id, &'a str)> {
        if self.byte()? != VERSION {
            return None;
        }
        let (id, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some((Id(u128::from_be_bytes(*id)), self.short()?))
    }

    fn short(&mut self) -> Option<&'a str> {
        let length = self.byte()?;
        let (text, rest) = self.rest.split_at_checked(length.into())?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn length(&mut self) -> Option<u32> {
        let mut length = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(length).ok();
            }
        }
        None
    }

    /// What is left is metadata and data.
    fn body(mut self) -> Option<Body> {
        let metadata = self.length()?;
        let from = self.text.bytes.len().checked_sub(self.rest.len())? as u32;
        let fits = u64::from(from).checked_add(metadata.into())? <= self.text.size;
        fits.then_some(Body { string: self.text.string, from, metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

    fn text(bytes: &[u8]) -> Text<'_> {
        Text { string: 3, size: bytes.len() as u64, bytes }
    }

    fn written() -> (Event, Vec<u8>) {
        let tags = vec!["a:1".to_owned(), "ü:\0,".to_owned()];
        let event = Event { id: Id(EVENT), kind: "A, b".to_owned(), tags, data: 3, metadata: 200 };
        let mut bytes = b"1700000000000,17,".to_vec();
        head_of_event(&mut bytes, &event);
        bytes.extend([7; 203]);
        (event, bytes)
    }

    #[test]
    fn reads_what_it_wrote() {
        let (event, bytes) = written();
        let read = Recorded::read(5, &text(&bytes)).unwrap();
        assert_eq!((read.position, read.time, read.command), (5, 1_700_000_000_000, 17));
        let owned = read.to_owned();
        assert_eq!((owned.id, owned.kind, owned.tags), (event.id, event.kind, event.tags));
        assert_eq!(read.body, Body { string: 3, from: bytes.len() as u32 - 203, metadata: 200 });
        let mut bytes = b"5,1,2,".to_vec();
        head_of_command(&mut bytes, Id(EVENT), "Do", 0);
        let read = Ordered::read(4, &text(&bytes)).unwrap();
        assert_eq!((read.number, read.time, read.first, read.last), (4, 5, 1, 2));
        assert_eq!((read.id, read.kind.as_str(), read.body.from), (Id(EVENT), "Do", bytes.len() as u32));
    }

    #[test]
    fn refuses_what_was_cut() {
        let (event, bytes) = written();
        for length in 0..bytes.len() - event.data as usize {
            assert_eq!(Recorded::read(5, &text(bytes.get(..length).unwrap())), None, "{length}");
        }
    }

    #[test]
    fn knows_the_tail_of_an_id() {
        assert_eq!(Id(EVENT).tail(), 0x67_89ab_cdef);
        assert_eq!(Id(Id(EVENT).tail().into()).tail(), Id(EVENT).tail());
        assert_eq!(Id::from_halves(Id(EVENT).halves().0, Id(EVENT).halves().1), Id(EVENT));
    }
}
