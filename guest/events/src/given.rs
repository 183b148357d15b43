//! What a store and its flows are given, and the bounds of that. What each means, the WIT says.

use crate::event::{Cursor, Id};
use crate::layout::NEVER;
use crate::plan::append::Marker;
use crate::query::Item;
use crate::step::Fault;
use crate::validate::{self, Limits};

/// How a store is to be; the WIT says what each means.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/event-store.wit")]
pub struct Settings {
    pub namespace: String,
    pub seed: u64,
    pub token_seed: (u64, u64),
    pub max_batch_events: u32,
    pub max_batch_bytes: u32,
    pub scan_budget: u32,
    pub page_events: u32,
    pub segment_bytes: u64,
    pub marker_ttl: u64,
    pub durability: Durability,
    pub max_flows: u32,
}

/// What must have happened before an append is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The server has executed it.
    None,
    /// As many replicas have it.
    Replicas(Acknowledgements),
    /// It is in the append-only files, of this server if true, and of as many replicas.
    Fsynced(bool, Acknowledgements),
}

/// How many, and how long to wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgements {
    /// Replicas.
    pub count: u32,
    /// Milliseconds.
    pub timeout: u32,
}

/// A command.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/event-store.wit")]
pub struct Command {
    pub id: Id,
    pub kind: String,
    pub data: u32,
    pub metadata: u32,
    pub fingerprint: u128,
    pub locks: Vec<String>,
    pub permanent: bool,
}

/// What `read` reads.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/event-store.wit")]
pub struct Selection {
    pub queries: Vec<Vec<Item>>,
    pub after: Cursor,
    pub limit: u64,
    pub backwards: bool,
    pub decision: u64,
}

/// How often, and how quickly, a decision is tried again.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "documented field by field in wit/event-store.wit")]
pub struct Retries {
    pub attempts: u32,
    pub backoff: u32,
    pub max_backoff: u32,
    pub lease: u32,
}

/// From which command on.
#[derive(Clone, Copy, Debug)]
pub enum Since {
    /// Its number.
    Number(u64),
    /// Its time.
    Time(u64),
    /// The one of the event at this position.
    Position(u64),
}

impl Since {
    /// Behind all that there can be, scripts count no further.
    pub(crate) fn counted(self) -> Self {
        match self {
            Self::Number(number) => Self::Number(number.min(NEVER)),
            Self::Time(time) => Self::Time(time.min(NEVER)),
            Self::Position(position) => Self::Position(position.min(NEVER)),
        }
    }
}

impl Settings {
    pub(crate) fn limits(&self) -> Limits {
        Limits { batch_events: self.max_batch_events, batch_bytes: self.max_batch_bytes }
    }

    pub(crate) fn check(&self) -> Result<(), (String, String)> {
        let why = |name: &str, why: &str| Err((name.to_owned(), why.to_owned()));
        if let Err(invalid) = validate::namespace(&self.namespace) {
            return Err((invalid.field, invalid.why));
        }
        if !(1..=1000).contains(&self.max_batch_events) {
            return why("max-batch-events", "1 to 1000");
        }
        if !(1..=64 << 20).contains(&self.max_batch_bytes) {
            return why("max-batch-bytes", "1 byte to 64 MiB");
        }
        if self.scan_budget < 1000 {
            return why("scan-budget", "at least 1000");
        }
        if !(1..=1000).contains(&self.page_events) {
            return why("page-events", "1 to 1000");
        }
        if !(1 << 20..=256 << 20).contains(&self.segment_bytes) {
            return why("segment-bytes", "1 MiB to 256 MiB");
        }
        if self.marker_ttl == 0 {
            return why("marker-ttl", "at least 1 ms");
        }
        if self.max_flows == 0 {
            return why("max-flows", "at least 1");
        }
        if self.durability.check().is_err() {
            return why("durability", "at least one acknowledgement, and 1 ms for it");
        }
        Ok(())
    }
}

impl Durability {
    pub(crate) fn check(self) -> Result<(), Fault> {
        let (enough, timeout) = match self {
            Self::None => return Ok(()),
            Self::Replicas(wanted) => (wanted.count > 0, wanted.timeout),
            Self::Fsynced(local, wanted) => (local || wanted.count > 0, wanted.timeout),
        };
        // A time of 0 would be for ever.
        if enough && timeout > 0 {
            return Ok(());
        }
        Err(invalid("durability", "at least one acknowledgement, and 1 ms for it"))
    }
}

impl Command {
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Fault> {
        validate::kind("command.type", &self.kind)?;
        if self.data.saturating_add(self.metadata) > settings.max_batch_bytes {
            return Err(invalid("command.data", "with its metadata it is over max-batch-bytes"));
        }
        Ok(())
    }

    pub(crate) fn marker(&self, settings: &Settings) -> Marker {
        let ttl = if self.permanent { 0 } else { settings.marker_ttl };
        Marker { id: self.id, fingerprint: self.fingerprint, ttl }
    }
}

pub(crate) fn invalid(field: &str, why: &str) -> Fault {
    Fault::Invalid(field.to_owned(), why.to_owned())
}
