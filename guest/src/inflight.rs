//! What was written to a link and not answered: RESP has no correlation id, so the order of this queue is all there is.

use std::collections::VecDeque;

use crate::handshake::Greeting;
use crate::mutant::{self, Mutant};
use crate::pubsub::Kind;
use crate::wire::NEVER;

/// One reply that is to come.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The request, or the subscription; 0 for what the core asks by itself.
    pub id: u64,
    /// Offset in the link's output behind its last byte: not sent while the socket has taken less.
    pub end: u64,
    /// When its caller gives up.
    pub deadline: u64,
    /// Whose reply it is.
    pub what: What,
    /// What may be done should it fail: [`REPEAT`], [`SCRIPT`]; or is to be done with its reply: [`STORE`], [`RAW`];
    /// and [`BLOCKS`], [`RUNS`].
    pub flags: u8,
}

/// It may be sent again although it may have been executed.
pub const REPEAT: u8 = 1;
/// It is an EVALSHA whose source can be had: NOSCRIPT is not the end.
pub const SCRIPT: u8 = 2;
/// Its reply may be stored.
pub const STORE: u8 = 4;
/// Its reply's bytes are wanted too.
pub const RAW: u8 = 8;
/// The server may hold its reply back.
pub const BLOCKS: u8 = 16;
/// Its error may be a program's: only what the server itself would say tells that nothing was executed.
pub const RUNS: u8 = 32;

/// Whose reply an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A caller's command.
    Command,
    /// The MULTI of a transaction.
    Multi,
    /// A transaction's command, from 0: QUEUED is expected.
    Queued(u32),
    /// The EXEC of a transaction: its reply is the request's.
    Exec,
    /// The caller is gone: the reply is dropped.
    Swallow,
    /// A step of the handshake.
    Greeting(Greeting),
    /// SUBSCRIBE and its kin: so many names to be confirmed, and the number of the command.
    Subscribe(Kind, u32, u32),
    /// UNSUBSCRIBE and its kin, likewise.
    Unsubscribe(Kind, u32),
    /// A PING to a silent server: whatever comes back will do.
    Probe,
    /// A PING to a server that is loading its data: anything but LOADING means that it is done.
    Gate,
    /// AUTH with new credentials; the id is their generation.
    Renewal,
    /// What makes a link clean for the next one who leases it.
    Tidy,
    /// CLIENT CACHING: the reply that comes next may be stored.
    Caching,
}

impl What {
    /// Whether a caller waits for just this reply.
    #[must_use]
    pub fn ends_a_request(self) -> bool {
        matches!(self, Self::Command | Self::Exec)
    }
}

/// A link's queue.
#[derive(Debug)]
pub struct InFlight {
    entries: VecDeque<Entry>,
    /// Output up to here is answered.
    answered: u64,
    /// No entry's deadline is earlier. May be too early: then a look finds nothing.
    earliest: u64,
}

impl InFlight {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: VecDeque::new(), answered: 0, earliest: NEVER }
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: Entry) {
        self.earliest = self.earliest.min(entry.deadline);
        self.entries.push_back(entry);
    }

    /// The entry whose reply comes next.
    #[must_use]
    pub fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// The same, to count its acknowledgements.
    pub fn front_mut(&mut self) -> Option<&mut Entry> {
        self.entries.front_mut()
    }

    /// Takes the entry whose reply has come.
    pub fn pop(&mut self) -> Option<Entry> {
        let mut entry = self.entries.pop_front()?;
        self.answered = entry.end;
        if let Some(next) = self.entries.front_mut().filter(|_| mutant::on(Mutant::SwapReplies)) {
            std::mem::swap(&mut next.id, &mut entry.id);
        }
        Some(entry)
    }

    /// How many replies are to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() + if mutant::on(Mutant::LeakSlots) { (self.answered / 200) as usize } else { 0 }
    }

    /// Whether a caller waits for any of them.
    #[must_use]
    pub fn has_callers(&self) -> bool {
        self.entries.iter().any(|entry| entry.what.ends_a_request())
    }

    /// Bytes of output, of `sent` in all, that are not answered.
    #[must_use]
    pub fn bytes(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.answered)
    }

    /// When to look for passed deadlines.
    #[must_use]
    pub fn earliest_deadline(&self) -> u64 {
        self.earliest
    }

    /// Turns what a caller no longer waits for into `Swallow`; `gone` says whether a request is such, and is told of
    /// each one once.
    pub fn swallow(&mut self, mut gone: impl FnMut(&Entry) -> bool) {
        let mut ended = Vec::new();
        let mut earliest = NEVER;
        for entry in &mut self.entries {
            if entry.what.ends_a_request() && gone(entry) {
                if entry.what == What::Exec {
                    ended.push(entry.id);
                }
                entry.what = What::Swallow;
                entry.deadline = NEVER;
            }
            earliest = earliest.min(entry.deadline);
        }
        self.earliest = earliest;
        self.swallow_parts(&ended);
        self.entries.retain(|entry| entry.what != What::Swallow || !mutant::on(Mutant::DropSwallowed));
    }

    /// Turns MULTI and the queued commands of these transactions into `Swallow`.
    pub fn swallow_parts(&mut self, transactions: &[u64]) {
        if transactions.is_empty() {
            return;
        }
        for entry in &mut self.entries {
            if matches!(entry.what, What::Multi | What::Queued(_)) && transactions.contains(&entry.id) {
                entry.what = What::Swallow;
            }
        }
    }

    /// Whether credentials are being renewed here.
    #[must_use]
    pub fn has_renewal(&self) -> bool {
        self.entries.iter().any(|entry| entry.what == What::Renewal)
    }

    /// All entries, in order; the queue is empty afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = Entry> + use<> {
        self.earliest = NEVER;
        std::mem::take(&mut self.entries).into_iter()
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new()
    }
}
