//! Events, commands and places in the log, and the bytes that they are kept as.

use crate::fault::Fault;
use crate::reply::Text;

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

/// An event that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Counted from 1.
    pub position: u64,
    /// When it was appended, milliseconds since 1970.
    pub time: u64,
    /// The number of the command that it came from, 0 for none.
    pub command: u64,
    /// Its own.
    pub id: Id,
    /// Its type.
    pub kind: String,
    /// Sorted.
    pub tags: Vec<String>,
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

impl Recorded {
    /// Reads what is kept of the event at this position.
    ///
    /// # Errors
    /// It is not what an append writes.
    pub fn read(position: u64, text: &Text<'_>) -> Result<Self, Fault> {
        let _ = (position, text);
        Err(Fault::Unfinished)
    }
}

impl Ordered {
    /// Reads what is kept of the command of this number.
    ///
    /// # Errors
    /// It is not what an append writes.
    pub fn read(number: u64, text: &Text<'_>) -> Result<Self, Fault> {
        let _ = (number, text);
        Err(Fault::Unfinished)
    }
}
