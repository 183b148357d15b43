//! Counts allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Threads beyond that share a counter.
const SLOTS: usize = 64;

/// The system's allocator; counts for each thread by itself, as a shared counter would cost those most that allocate
/// most.
pub struct Counting;

/// Alone in its cache lines.
#[repr(align(128))]
struct Slot(AtomicU64);

static COUNTS: [Slot; SLOTS] = [const { Slot(AtomicU64::new(0)) }; SLOTS];
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// One more than this thread's slot; 0 until it has one.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

impl Counting {
    /// Allocations and reallocations so far, of all threads.
    pub fn count() -> u64 {
        COUNTS.iter().map(|slot| slot.0.load(Relaxed)).sum()
    }

    fn note() {
        let slot = MINE.get().checked_sub(1).unwrap_or_else(|| {
            let slot = THREADS.fetch_add(1, Relaxed) % SLOTS;
            MINE.set(slot + 1);
            slot
        });
        // No read-modify-write: the slot is this thread's alone, but where there are more threads than slots.
        let count = &COUNTS[slot].0;
        count.store(count.load(Relaxed) + 1, Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: all is handed on to the system's allocator, as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: as this function's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: as this function's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note();
        // SAFETY: as this function's.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as this function's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn counts_each_thread() {
        let before = Counting::count();
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1000).for_each(|n| drop(std::hint::black_box(Box::new(n))))))
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let counted = Counting::count() - before;
        assert!(counted >= 4000, "{counted}");
    }
}
