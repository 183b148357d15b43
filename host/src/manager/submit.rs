//! Jobs to the core: queueing, submitting, giving up.

use super::lane::Lane;
use super::requests::Phase;
use crate::clock::from_now;
use crate::error::{Cause, Error, Outcome};
use crate::job::Job;
use crate::stats::add;
use crate::ticket::Shape;

impl Lane {
    /// Takes a job in. Its caller may have left already.
    pub(super) fn enqueue(&mut self, job: Job) {
        if job.ticket.is_left() {
            return;
        }
        let session = job.session;
        let id = self.table.insert(job);
        if let Some(live) = self.table.job(id) {
            self.queue.push(id, live);
        }
        if !self.has_session(session) {
            self.end_waiting(&[id], Cause::Lost, "the session is over");
            self.queue.sweep(&self.table);
        }
        if self.give_up.is_some() {
            self.refuse_waiting();
        }
    }

    /// Submits all that waits, as far as the core takes it.
    pub(super) fn submit_all(&mut self) {
        while self.can_submit() {
            self.submit_batch();
        }
    }

    /// The core wants a request again; `executed` says that it may have been executed already.
    pub(super) fn ask_again(&mut self, id: u64, executed: bool) {
        let Some((live, index)) = self.table.find(id) else { return };
        live.ask_again(index, executed);
        let job = id - index as u64;
        let now = self.shared.clock.now();
        // One whose usual deadline is over has blocked, for which the core knows a later one.
        let deadline = match self.config.deadline {
            Some(usual) if live.job.patient && live.job.deadline <= now => self.shared.clock.until(from_now(usual)),
            _ => live.job.deadline,
        };
        self.queue.push_again(id, job, live, index, deadline);
    }

    /// Ends what waits and is late.
    pub(super) fn expire(&mut self, now: u64) {
        let late = self.queue.expired(now);
        self.end_waiting(&late, Cause::Deadline, "the deadline passed before the command could be sent");
    }

    /// Nothing that waits will be sent any more.
    pub(super) fn refuse_waiting(&mut self) {
        let waiting = self.queue.expired(u64::MAX);
        self.end_waiting(&waiting, Cause::Closing, "the client is closing");
    }

    /// Looks for callers and readers who went away.
    pub(super) fn look_for_leavers(&mut self) {
        let mut taken = Vec::new();
        for (id, phase) in self.table.abandoned() {
            if let Phase::Taken(_) = phase {
                taken.push(id);
            } else {
                self.end(id, Err(Error::not_sent(Cause::Cancelled, "")));
            }
        }
        self.queue.sweep(&self.table);
        if !taken.is_empty() {
            self.drive(None, |instance, now| instance.cancel(now, &taken));
        }
        self.drop_abandoned_subscriptions();
        self.release_left_sessions();
    }

    fn submit_batch(&mut self) {
        let now = self.shared.clock.now();
        // What is late already is not sent any more, so that its caller can tell.
        if self.queue.deadline() <= now {
            self.expire(now);
            if !self.can_submit() {
                return;
            }
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.queue.pack(&self.table, &mut batch);
        let sequence = self.sequence;
        if batch.len() > 0 {
            add(&self.counters().batches, 1);
            let called = match self.instance.as_mut() {
                Some(instance) => instance.submit(now, &batch.rows, &batch.lengths, &batch.bytes),
                None => return,
            };
            match called {
                Ok(progress) => {
                    let accepted = (progress.accepted as usize).min(batch.len());
                    add(&self.counters().rows, accepted as u64);
                    self.full = accepted < batch.len();
                    // Before the events, which may end what was taken, or ask for it again.
                    self.queue.settle(&mut self.table, &mut batch, accepted, sequence);
                    self.accept(None, progress);
                }
                Err(trap) => {
                    // The call's effects are dropped, so nothing of its rows was sent.
                    self.fail_batch(&mut batch, &trap.0);
                    self.lose(trap.0);
                }
            }
        } else {
            self.queue.settle(&mut self.table, &mut batch, 0, sequence);
        }
        self.batch = batch;
    }

    fn fail_batch(&mut self, batch: &mut super::batch::Batch, detail: &str) {
        let ids: Vec<u64> = batch.requests().collect();
        let sequence = self.sequence;
        self.queue.settle(&mut self.table, batch, 0, sequence);
        for id in ids {
            // What was taken in part by an earlier call is judged by what was written of it.
            let Some(phase) = self.table.find(id).map(|(live, index)| live.phase(index)) else { continue };
            let outcome = self.outcome(phase);
            self.end(id, Err(Error::core(outcome, detail)));
        }
    }

    /// Ends requests of these jobs that the core does not have, or has in part only.
    fn end_waiting(&mut self, jobs: &[u64], cause: Cause, detail: &str) {
        let mut partial = Vec::new();
        for &job in jobs {
            let Some(live) = self.table.job(job) else { continue };
            let count = if live.job.shape == Shape::Pipeline { live.job.columns.commands() } else { 1 };
            for index in 0..count as u64 {
                let id = job | index;
                let Some((live, index)) = self.table.find(id) else { break };
                match live.phase(index) {
                    Phase::Waiting => self.end(id, Err(Error::not_sent(cause, detail))),
                    // Its core knows the deadline too, but not that the rest will not come.
                    Phase::Taken(_) if self.queue.is_current(id) => partial.push(id),
                    Phase::Taken(_) | Phase::Ended => {}
                }
            }
        }
        if !partial.is_empty() {
            self.queue.forget_current();
            self.drive(None, |instance, now| instance.cancel(now, &partial));
        }
    }

    /// Whether a request of an instance that is lost may have been executed.
    pub(super) fn outcome(&self, phase: Phase) -> Outcome {
        match phase {
            Phase::Waiting => Outcome::NotSent,
            Phase::Taken(sequence) if sequence >= self.last_touched() => Outcome::NotSent,
            Phase::Taken(_) => Outcome::MaybeExecuted,
            Phase::Ended => Outcome::Executed,
        }
    }

    /// The number of the newest append of which a byte was written, on any link.
    fn last_touched(&self) -> u64 {
        let links = self.links.iter().map(|link| link.output.touched);
        links.max().unwrap_or_default().max(self.touched)
    }
}
