//! Counts the engine's epoch up while any instance exists, so that a call that runs too long traps.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::Engine;

/// Length of one epoch.
const TICK: Duration = Duration::from_millis(100);

/// How many epochs a call may last: between 1.0 and 1.1 seconds.
pub(super) const CALL_TICKS: u64 = 11;

/// The thread that ticks; it exists only while somebody wants it.
pub(super) struct Ticker {
    engine: Engine,
    users: Mutex<Users>,
    left: Condvar,
}

#[derive(Default)]
struct Users {
    count: usize,
    running: bool,
}

/// Keeps the ticker going until it is dropped.
pub(super) struct Ticking(Arc<Ticker>);

impl Ticker {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, users: Mutex::default(), left: Condvar::new() }
    }

    /// Fails if the thread can't be started.
    pub(super) fn tick(self: &Arc<Self>) -> std::io::Result<Ticking> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if !users.running {
            let ticker = Arc::clone(self);
            std::thread::Builder::new().name("coracle-epoch".into()).spawn(move || ticker.run())?;
            users.running = true;
        }
        users.count += 1;
        Ok(Ticking(Arc::clone(self)))
    }

    fn run(&self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        while users.count > 0 {
            let (guard, _) = self.left.wait_timeout(users, TICK).unwrap_or_else(PoisonError::into_inner);
            users = guard;
            self.engine.increment_epoch();
        }
        users.running = false;
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        let mut users = self.0.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.count -= 1;
        if users.count == 0 {
            self.0.left.notify_all();
        }
    }
}
