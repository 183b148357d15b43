//! What a process has compiled, as long as somebody holds it or there is room.

use std::collections::HashMap;
use std::sync::Arc;

/// How many different components a process may have compiled at a time.
const MOST: usize = 16;

/// What was compiled, by the digest of what it was compiled from.
pub(super) struct Kept<T> {
    entries: HashMap<[u8; 32], (T, Hold)>,
}

/// Keeps an entry where it is.
#[derive(Clone, Default)]
pub(super) struct Hold(Arc<()>);

/// All entries are held.
#[derive(Debug)]
pub(super) struct Full;

impl<T: Clone> Kept<T> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    pub(super) fn get(&self, key: &[u8; 32]) -> Option<(T, Hold)> {
        self.entries.get(key).cloned()
    }

    /// Makes room for one more, if need be by forgetting what nobody holds.
    pub(super) fn make_room(&mut self) -> Result<(), Full> {
        if self.entries.len() >= MOST {
            self.entries.retain(|_, (_, hold)| Arc::strong_count(&hold.0) > 1);
        }
        if self.entries.len() >= MOST { Err(Full) } else { Ok(()) }
    }

    pub(super) fn insert(&mut self, key: [u8; 32], entry: T) -> Hold {
        let hold = Hold::default();
        self.entries.insert(key, (entry, hold.clone()));
        hold
    }
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{MOST} different components are in use in this process, and there can't be more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_makes_room() {
        let mut kept = Kept::new();
        let mut held = Vec::new();
        for n in 0..100 {
            kept.make_room().unwrap();
            let hold = kept.insert([n; 32], n);
            if n % 10 == 0 {
                held.push(hold);
            }
        }
        for n in (0..100).step_by(10) {
            assert_eq!(kept.get(&[n; 32]).map(|(entry, _)| entry), Some(n), "it is held");
        }
        let more = u8::try_from(MOST - held.len()).unwrap();
        for n in 100..100 + more {
            kept.make_room().unwrap();
            held.push(kept.insert([n; 32], n));
        }
        assert!(kept.make_room().unwrap_err().to_string().starts_with("16 different components"));
        // A clone holds as the first one did.
        let (_, again) = kept.get(&[0; 32]).unwrap();
        held.remove(0);
        kept.make_room().unwrap_err();
        drop(again);
        kept.make_room().unwrap();
        assert!(kept.get(&[0; 32]).is_none());
    }
}
