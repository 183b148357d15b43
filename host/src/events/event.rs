//! Events, as they are appended and as they are read.

use std::time::SystemTime;

use bytes::Bytes;

use super::cursor::Cursor;
use super::id::Id;
use crate::engine::store as wire;

/// An event to be appended.
///
/// ```
/// use coracle::events::Event;
///
/// let event = Event::new("StudentSubscribed").tag("course:c1").tag("student:s1").data("{}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(super) id: Id,
    pub(super) type_: String,
    pub(super) tags: Vec<String>,
    pub(super) data: Bytes,
    pub(super) metadata: Bytes,
}

/// An event as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Counted from 1, without gaps.
    pub position: u64,
    /// When it was appended, by the server's clock; it never goes back from one position to the next.
    pub time: SystemTime,
    /// The number of the command that it came from; 0 for none. See [`super::EventStore::commands`].
    pub command: u64,
    /// Its own.
    pub id: Id,
    /// Its type.
    pub type_: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Its data.
    pub data: Bytes,
    /// Its metadata.
    pub metadata: Bytes,
    /// Which of the queries it matches that were asked for: bit i for query i.
    pub matches: u64,
}

impl Event {
    /// An event of this type, of 1 to 64 bytes, without tags and data, and with a new id.
    pub fn new(type_: impl Into<String>) -> Self {
        Self { id: Id::new(), type_: type_.into(), tags: Vec::new(), data: Bytes::new(), metadata: Bytes::new() }
    }

    /// Adds a tag: `key:value`, at most 255 bytes. An event has at most 32, of 3000 bytes together.
    ///
    /// A tag `lock:NAME` is not stored: [`super::EventStore::append`] takes the lock of that name, and gives it back; a
    /// handler may name its command's locks alone.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds tags.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Its data: any bytes, JSON if nothing speaks against it. They are not copied here.
    #[must_use]
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }

    /// Its metadata: any bytes.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<Bytes>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// Its id, in place of a new one.
    #[must_use]
    pub fn id(mut self, id: Id) -> Self {
        self.id = id;
        self
    }

    pub(super) fn wire(&self) -> wire::Event {
        wire::Event {
            id: self.id.wire(),
            type_: self.type_.clone(),
            tags: self.tags.clone(),
            data: length(&self.data),
            metadata: length(&self.metadata),
        }
    }
}

impl Recorded {
    /// Its place in the log.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { position: self.position, id: self.id }
    }

    /// Whether it matches the query of this number, of those that were asked for.
    #[must_use]
    pub fn is_of(&self, query: usize) -> bool {
        query < 64 && self.matches >> query & 1 != 0
    }
}

/// What is longer than 4 GiB is over every limit, and so is this.
pub(super) fn length(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// What the pieces of commands name by number: 2i is the data of event i, 2i + 1 its metadata.
pub(super) fn blobs(events: &[Event]) -> impl Iterator<Item = Bytes> {
    events.iter().flat_map(|event| [event.data.clone(), event.metadata.clone()])
}
