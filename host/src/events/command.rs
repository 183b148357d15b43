//! Commands, as they are executed and as they are recorded.

use std::time::SystemTime;

use bytes::Bytes;

use super::event::{Event, length};
use super::fingerprint::fingerprint;
use super::id::Id;
use crate::engine::store as wire;

/// Why events are appended. Its record is written in the same step as they are, and its id makes that happen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub(super) id: Id,
    pub(super) type_: String,
    pub(super) data: Bytes,
    pub(super) metadata: Bytes,
    locks: Vec<String>,
    permanent: bool,
}

/// A command's record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed {
    /// Counted from 1.
    pub number: u64,
    /// When it was executed, by the server's clock.
    pub time: SystemTime,
    /// Its own.
    pub id: Id,
    /// Its type.
    pub type_: String,
    /// The position of its first event; 0 for none.
    pub first: u64,
    /// Of its last.
    pub last: u64,
    /// Its data.
    pub data: Bytes,
    /// Its metadata.
    pub metadata: Bytes,
}

impl Command {
    /// A command of this type, of 1 to 64 bytes, without data, and with a new id.
    pub fn new(type_: impl Into<String>) -> Self {
        Self {
            id: Id::new(),
            type_: type_.into(),
            data: Bytes::new(),
            metadata: Bytes::new(),
            locks: Vec::new(),
            permanent: false,
        }
    }

    /// Its id, in place of a new one: who may send a command again, in another call or another process, chooses it, and
    /// sends it again with the same. Then it is executed once, and each time gives the first result; another command of
    /// the same id is refused. The id is remembered as long as [`super::Options::marker_ttl`] says.
    #[must_use]
    pub fn id(mut self, id: Id) -> Self {
        self.id = id;
        self
    }

    /// Its data: any bytes.
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

    /// Takes the lock of this name, 1 to 200 bytes, while it is executed, beside other ones: at most 16 with those that
    /// events name by tags `lock:NAME`.
    #[must_use]
    pub fn lock(mut self, name: impl Into<String>) -> Self {
        self.locks.push(name.into());
        self
    }

    /// Its id is remembered for ever.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// With the events that are known before, which are part of what it asks for.
    pub(super) fn wire(&self, events: &[Event]) -> wire::Command {
        wire::Command {
            id: self.id.wire(),
            type_: self.type_.clone(),
            data: length(&self.data),
            metadata: length(&self.metadata),
            fingerprint: fingerprint(self, events),
            locks: self.locks.clone(),
            permanent: self.permanent,
        }
    }

    pub(super) fn blobs(&self) -> [Bytes; 2] {
        [self.data.clone(), self.metadata.clone()]
    }
}
