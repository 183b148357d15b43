//! Replies that are kept, and forgotten, in the order in which the core speaks of them.

use redis::Value;

use super::events::Tape;
use super::lane::Lane;
use crate::cache::Shelf;
use crate::rows::{Event, Fault};

impl Lane {
    /// These keys have changed, or it is not known which.
    pub(super) fn invalidate(&mut self, event: &Event, tape: &Tape<'_>) -> Result<(), Fault> {
        // The core's own word belongs to no link, and means all.
        let keys = if event.link == 0 { Value::Nil } else { self.value(event, tape)? };
        match named(&keys) {
            Some(keys) => {
                if let Some(shelf) = self.shelf() {
                    shelf.invalidate(keys);
                }
            }
            None => self.forget_cached(),
        }
        Ok(())
    }

    /// Whatever is kept can't be relied on any more.
    pub(super) fn forget_cached(&mut self) {
        if let Some(shelf) = self.shelf() {
            let entries = shelf.flush();
            self.tell(|| crate::Event::CacheFlushed { entries });
        }
    }

    /// This lane is the present one from now on: what another one read is not to be relied on.
    pub(super) fn begin_cache(&mut self) {
        if let Some(shelf) = self.shelf() {
            let entries = shelf.start_over();
            self.tell(|| crate::Event::CacheFlushed { entries });
        }
    }

    /// What is kept is the present lane's.
    fn shelf(&self) -> Option<&Shelf> {
        self.shared.shelf.as_deref().filter(|_| self.is_present())
    }
}

/// The keys in here; nothing if it is no list of keys.
fn named(keys: &Value) -> Option<Vec<&[u8]>> {
    fn bytes(key: &Value) -> Option<&[u8]> {
        if let Value::BulkString(bytes) = key { Some(bytes) } else { None }
    }
    let Value::Array(keys) = keys else { return None };
    keys.iter().map(bytes).collect()
}
