//! Flows that end early: cancelled, or dropped.

use std::sync::Arc;
use std::time::Duration;

use super::{Doing, Flow, Turn};
use crate::engine::store::{Call, Step};
use crate::events::lock::give_back;

/// What is left to do of a flow that was dropped may take so long.
const CLEARING: Duration = Duration::from_secs(10);
/// How often the core is told that what is left to do is not done. It gives locks back twice.
const MOST_CANCELS: u32 = 3;

impl Flow {
    /// Ends it early, and waits until what is left to do is done, for some time.
    pub(in crate::events) async fn cancel(mut self) {
        if self.name.is_some() {
            self.doing = Doing::Telling(Call::Cancel);
            self.finish().await;
        }
    }

    /// Does what is left to do, once it was cancelled.
    async fn finish(&mut self) {
        let store = Arc::clone(&self.store);
        let rest = async { while !matches!(self.turn().await, Err(_) | Ok(Turn::Done(_))) {} };
        // What it ends with is of no use to anybody; leases that are not given back end by themselves.
        if store.client.shared.timeout(CLEARING, rest).await.is_err() {
            self.abandon();
        }
    }

    /// Its instance was lost, which would have given back its locks.
    pub(super) fn trap(&mut self) {
        (self.name, self.trapped) = (None, true);
        give_back(&self.store, &std::mem::take(&mut self.leases));
    }

    /// Leaves undone what is left to do, and has the core forget it.
    fn abandon(&mut self) {
        self.doing = Doing::Over;
        let Some(name) = self.name.take() else { return };
        for _ in 0..MOST_CANCELS {
            match self.store.table.call(name, &Call::Cancel) {
                Ok(Step::Done(_) | Step::Failed(_)) => return,
                Ok(_) => {}
                Err(_) => return self.trap(),
            }
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if self.clearing {
            // Its task is dropped: the runtime ends.
            return self.abandon();
        }
        // What is under way is given up first.
        self.doing = Doing::Over;
        let Some(name) = self.name.take() else { return };
        let Ok(step) = self.store.table.call(name, &Call::Cancel) else { return self.trap() };
        if matches!(step, Step::Done(_) | Step::Failed(_)) {
            return;
        }
        let mut rest = Self::new(&self.store, Call::Cancel, std::mem::take(&mut self.blobs));
        (rest.name, rest.session, rest.sent) = (Some(name), self.session.take(), self.sent);
        (rest.scripts, rest.clearing) = (std::mem::take(&mut self.scripts), true);
        rest.leases = std::mem::take(&mut self.leases);
        if rest.take(step).is_ok() {
            self.store.runtime.spawn(async move { rest.finish().await });
        }
    }
}
