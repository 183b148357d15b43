//! The end of the manager: nobody goes on waiting for it.

use super::{Control, Manager};
use crate::error::{Cause, Error};

impl Manager {
    /// Ends what is left, and lets go of everything.
    pub(super) fn leave(mut self) {
        let error = self.lane.finished.clone().unwrap_or_else(Error::closed);
        self.end_all(&error);
        let closing = std::mem::take(&mut self.closing);
        // Closes the sockets.
        drop(self);
        for done in closing {
            // An error means that nobody waits any more.
            let _ = done.send(());
        }
    }

    /// Ends all that was asked of the client, also by jobs that nobody took in.
    fn end_all(&mut self, error: &Error) {
        self.common.shared.inbox.close();
        self.controls.close();
        self.common.shared.inbox.drain(&mut self.arrived);
        for job in std::mem::take(&mut self.arrived) {
            self.enqueue(job);
        }
        self.refuse_swaps(error);
        self.retired.iter_mut().for_each(|lane| lane.finish(error.clone()));
        self.lanes().for_each(|lane| lane.end_all(error));
        self.count_calls((0, 0));
        while let Ok(control) = self.controls.try_recv() {
            match control {
                Control::Subscribe(wanted) => wanted.queue.end(Some(error.clone())),
                Control::Close { done, .. } => self.closing.push(done),
                _ => {}
            }
        }
    }
}

/// A task that does not come to its end, as its runtime was shut down or something panicked in it, is dropped. Its
/// client lives on in its handles, perhaps on another runtime: they are told there.
impl Drop for Manager {
    fn drop(&mut self) {
        if self.lane.finished.is_some() {
            return;
        }
        let error = Error::not_sent(Cause::Closing, "the client's runtime was shut down, or its task panicked");
        self.lane.finish(error.clone());
        self.end_all(&error);
    }
}
