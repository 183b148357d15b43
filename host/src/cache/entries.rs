//! Replies that are kept, within a budget of bytes: the one that was not asked for the longest goes first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use redis::Value;
use tokio::time::Instant;

use super::question::Question;
use super::size::size_of_value;

/// What keeping a reply costs beside its bytes: its places in two tables, and the allocations.
const OVERHEAD: usize = 256;
/// A reply that takes more than this part of the budget would put out too many others.
const LARGEST_PART: usize = 4;

pub(super) struct Entries {
    kept: LruCache<Question, Entry>,
    of_key: HashMap<Box<[u8]>, HashSet<Question>>,
    bytes: usize,
    budget: usize,
}

struct Entry {
    value: Arc<Value>,
    size: usize,
    since: Instant,
}

/// What an entry of these would cost; nothing if that is too much for this budget.
pub(super) fn cost(question: &Question, value: &Value, budget: usize) -> Option<usize> {
    let size = question.len() + question.key().len() + size_of_value(value) + OVERHEAD;
    (size <= budget / LARGEST_PART).then_some(size)
}

impl Entries {
    pub(super) fn new(budget: usize) -> Self {
        Self { kept: LruCache::unbounded(), of_key: HashMap::new(), bytes: 0, budget }
    }

    /// The reply, if it is no older than that.
    pub(super) fn find(&mut self, question: &Question, max_age: Duration, now: Instant) -> Option<Arc<Value>> {
        let young = |entry: &Entry| now.saturating_duration_since(entry.since) < max_age;
        // One that is too old for this caller is of no more use than before.
        self.kept.peek(question).filter(|entry| young(entry))?;
        self.kept.get(question).map(|entry| Arc::clone(&entry.value))
    }

    /// Keeps a reply of this cost. Says how many others went for it.
    pub(super) fn keep(&mut self, question: Question, value: Arc<Value>, size: usize, now: Instant) -> u64 {
        self.remove(&question);
        self.of_key.entry(question.key().into()).or_default().insert(question.clone());
        self.kept.put(question, Entry { value, size, since: now });
        self.bytes += size;
        let mut evicted = 0;
        while self.bytes > self.budget
            && let Some((question, entry)) = self.kept.pop_lru()
        {
            self.left(&question, &entry);
            evicted += 1;
        }
        evicted
    }

    /// Forgets the reply to this one question.
    pub(super) fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.kept.pop(question) {
            self.left(question, &entry);
        }
    }

    /// Forgets all that was read from this key.
    pub(super) fn remove_key(&mut self, key: &[u8]) {
        for question in self.of_key.remove(key).unwrap_or_default() {
            if let Some(entry) = self.kept.pop(&question) {
                self.bytes -= entry.size;
            }
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.budget);
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An entry is gone.
    fn left(&mut self, question: &Question, entry: &Entry) {
        self.bytes -= entry.size;
        if let Some(questions) = self.of_key.get_mut(question.key()) {
            questions.remove(question);
            if questions.is_empty() {
                self.of_key.remove(question.key());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    const LONG: Duration = Duration::from_secs(60);

    struct Shelf {
        entries: Entries,
        now: Instant,
    }

    impl Shelf {
        /// Room for so many entries of `keep`.
        fn of(count: usize) -> Self {
            let cost = cost(&question("GET", "k0"), &value(), usize::MAX).unwrap();
            Self { entries: Entries::new(count * cost), now: Instant::now() }
        }

        fn keep(&mut self, name: &str, key: &str) -> u64 {
            let size = cost(&question(name, key), &value(), self.entries.budget).unwrap();
            self.entries.keep(question(name, key), Arc::new(value()), size, self.now)
        }

        fn has(&mut self, name: &str, key: &str) -> bool {
            self.entries.find(&question(name, key), LONG, self.now).is_some()
        }
    }

    fn question(name: &str, key: &str) -> Question {
        Question::of(&Command::from_args([name, key])).unwrap()
    }

    fn value() -> Value {
        Value::BulkString(vec![0; 100])
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut shelf = Shelf::of(4);
        for key in ["k0", "k1", "k2", "k3"] {
            assert_eq!(shelf.keep("GET", key), 0);
        }
        assert!(shelf.has("GET", "k0"));
        assert_eq!(shelf.keep("GET", "k4"), 1);
        assert!(!shelf.has("GET", "k1") && shelf.has("GET", "k0") && shelf.has("GET", "k2"));
        assert!(shelf.entries.bytes() <= shelf.entries.budget);
        assert_eq!((shelf.entries.len(), shelf.entries.of_key.len()), (4, 4));
    }

    #[test]
    fn a_key_takes_all_with_it_that_was_read_from_it() {
        let mut shelf = Shelf::of(8);
        for (name, key) in [("GET", "k0"), ("TTL", "k0"), ("GET", "k1")] {
            shelf.keep(name, key);
        }
        shelf.entries.remove_key(b"k0");
        shelf.entries.remove_key(b"k");
        assert!(!shelf.has("GET", "k0") && !shelf.has("TTL", "k0") && shelf.has("GET", "k1"));
        shelf.entries.remove(&question("GET", "k1"));
        assert_eq!((shelf.entries.len(), shelf.entries.bytes(), shelf.entries.of_key.len()), (0, 0, 0));
    }

    #[test]
    fn what_is_kept_anew_is_counted_once() {
        let mut shelf = Shelf::of(4);
        shelf.keep("GET", "k0");
        let bytes = shelf.entries.bytes();
        shelf.keep("GET", "k0");
        assert_eq!((shelf.entries.len(), shelf.entries.bytes()), (1, bytes));
        shelf.entries.clear();
        assert_eq!((shelf.entries.len(), shelf.entries.bytes()), (0, 0));
    }

    #[test]
    fn what_is_too_old_for_its_caller_is_not_found() {
        let mut shelf = Shelf::of(4);
        shelf.keep("GET", "k0");
        let second = Duration::from_secs(1);
        let mut found =
            |max_age, after| shelf.entries.find(&question("GET", "k0"), max_age, shelf.now + after).is_some();
        assert!(found(second * 2, second) && !found(second, second) && !found(Duration::ZERO, Duration::ZERO));
        assert!(found(second * 2, second), "others may still want it");
    }

    #[test]
    fn what_takes_more_than_a_quarter_is_not_kept() {
        let question = question("GET", "k0");
        let size = cost(&question, &value(), usize::MAX).unwrap();
        assert_eq!(cost(&question, &value(), 4 * size), Some(size));
        assert_eq!(cost(&question, &value(), 4 * size - 1), None);
    }
}
