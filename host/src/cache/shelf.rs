//! The cache of a client: what is kept, and what is under way, behind one short lock.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::entries::{Entries, cost};
use super::flights::{Flights, Lead, Told};
use super::question::Question;
use super::{Cache, CacheStats};
use crate::error::Error;

/// Names of commands known to read only: more than servers have.
const MAX_READERS: usize = 512;

/// The cache of a client.
pub(crate) struct Shelf {
    cache: Cache,
    state: Mutex<State>,
}

struct State {
    entries: Entries,
    flights: Flights,
    /// Names of commands whose replies could be kept once: they do nothing but read.
    readers: HashSet<Box<[u8]>>,
    stats: CacheStats,
}

/// What a caller finds.
pub(crate) enum Look {
    Hit(Arc<Value>),
    Lead(Lead),
    Follow(oneshot::Receiver<Told>),
}

impl Shelf {
    pub(crate) fn new(cache: Cache) -> Self {
        let state = State {
            entries: Entries::new(cache.bytes),
            flights: Flights::default(),
            readers: HashSet::new(),
            stats: CacheStats::default(),
        };
        Self { cache, state: Mutex::new(state) }
    }

    /// Whether a reply to this could ever be kept, as far as that can be said here.
    pub(crate) fn is_for(&self, question: &Question) -> bool {
        self.cache.covers(question.key())
    }

    /// What is kept; else who is to get it. `again` says that this caller has looked before.
    pub(crate) fn look(self: &Arc<Self>, question: &Question, max_age: Duration, again: bool) -> Look {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(value) = state.entries.find(question, max_age, now) {
            state.stats.hits += 1;
            return Look::Hit(value);
        }
        state.stats.misses += u64::from(!again);
        match state.flights.join(question) {
            Ok(told) => Look::Follow(told),
            Err(number) => Look::Lead(Lead::new(question.clone(), number, Arc::clone(self))),
        }
    }

    /// There will be no reply to this one: its followers look again, once the lock is open.
    pub(crate) fn given_up(&self, question: &Question, number: u64) {
        let followers = self.lock().flights.land(question, number);
        drop(followers);
    }

    /// A reply is there: keeps it if that may be, and gives it to the followers.
    pub(crate) fn answered(
        &self,
        question: &Question,
        number: u64,
        reply: Result<&Value, &Error>,
        storable: bool,
        keep: bool,
    ) {
        let size = reply.ok().filter(|_| storable && keep).and_then(|value| cost(question, value, self.cache.bytes));
        // Others must not be able to change what is kept, nor wait for a copy to be made.
        let copy = |value: &Value| Arc::new(value.clone());
        let mut kept = size.and_then(|_| reply.ok().map(copy));
        let mut state = self.lock();
        let followers = state.flights.land(question, number);
        if storable {
            state.learn(question.name());
        }
        // What is no read must be executed as often as it was asked for, whatever the first one's reply.
        let for_all = if reply.is_ok() { storable } else { state.readers.contains(question.name()) };
        if for_all {
            state.stats.shared += followers.len() as u64;
        }
        if let (Some(size), Some(value)) = (size, &kept) {
            state.stats.evictions += state.entries.keep(question.clone(), Arc::clone(value), size, Instant::now());
        } else if storable && keep {
            state.entries.remove(question);
        }
        drop(state);
        for follower in followers {
            let told = match reply {
                _ if !for_all => Told::Alone,
                Ok(value) => Told::Reply(Ok(Arc::clone(kept.get_or_insert_with(|| copy(value))))),
                Err(error) => Told::Reply(Err(error.clone())),
            };
            // An error means that it waits no more.
            let _ = follower.send(told);
        }
    }

    /// The server said that these keys have changed.
    pub(crate) fn invalidate<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) {
        let mut state = self.lock();
        for key in keys {
            state.stats.invalidations += 1;
            state.entries.remove_key(key);
        }
    }

    /// Forgets all: nobody will tell any more of what changed. Says how many entries there were.
    pub(crate) fn flush(&self) -> u64 {
        let mut state = self.lock();
        let entries = state.entries.len() as u64;
        state.stats.flushes += 1;
        state.entries.clear();
        entries
    }

    /// As `flush`; and what is under way is not for those who come from now on.
    pub(crate) fn start_over(&self) -> u64 {
        self.lock().flights.scatter();
        self.flush()
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let state = self.lock();
        CacheStats { bytes: state.entries.bytes() as u64, entries: state.entries.len() as u64, ..state.stats }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learn(&mut self, name: &[u8]) {
        if self.readers.len() < MAX_READERS && !self.readers.contains(name) {
            self.readers.insert(name.into());
        }
    }
}
