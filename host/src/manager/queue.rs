//! What the core has not taken yet, in order, and how it is packed into the columns of `submit`.

use std::collections::VecDeque;

use super::batch::Batch;
use super::requests::{Live, Table};
use super::work::{Source, Work};
use crate::rows::NEVER;
use crate::ticket::Shape;

/// All work that waits. First comes what the core took in part, then what it asked for again, then the rest.
#[derive(Default)]
pub(crate) struct Queue {
    current: Option<Work>,
    again: VecDeque<Work>,
    fresh: VecDeque<Work>,
    /// The earliest deadline in here, or one that is no longer: it only ever fires too early.
    deadline: Option<u64>,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.current.is_none() && self.again.is_empty() && self.fresh.is_empty()
    }

    /// Jobs that wait.
    pub(crate) fn len(&self) -> usize {
        self.again.len() + self.fresh.len() + usize::from(self.current.is_some())
    }

    /// The time of the next deadline in here, or [`NEVER`].
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline.unwrap_or(NEVER)
    }

    /// A new job waits.
    pub(crate) fn push(&mut self, job: u64, live: &Live) {
        let work = Work::new(job, live, 0, live.job.columns.commands(), Source::Fresh);
        self.note_deadline(work.deadline);
        self.fresh.push_back(work);
    }

    /// A job of another lane waits, before those that are new.
    pub(crate) fn push_adopted(&mut self, job: u64, live: &Live) {
        let work = Work::new(job, live, 0, live.job.columns.commands(), Source::Again);
        self.note_deadline(work.deadline);
        self.again.push_back(work);
    }

    /// The core wants a request once more; it waits until then at most.
    pub(crate) fn push_again(&mut self, id: u64, job: u64, live: &Live, index: usize, deadline: u64) {
        self.forget(id);
        let (next, end) = match live.job.shape {
            Shape::Pipeline => (index, index + 1),
            Shape::Single | Shape::Transaction => (0, live.job.columns.commands()),
        };
        let work = Work { deadline, ..Work::new(job, live, next, end, Source::Again) };
        self.note_deadline(work.deadline);
        self.again.push_back(work);
    }

    /// A request ended or begins anew: rows of it that the core does not have yet must not follow.
    pub(crate) fn forget(&mut self, id: u64) {
        let Some(work) = &mut self.current else { return };
        if work.request() == id {
            // The rest of a pipeline goes on with its next command.
            work.skip();
            if work.next < work.end && work.shape == Shape::Pipeline {
                let rest = *work;
                self.give_back(rest);
            }
            self.current = None;
        }
    }

    /// Whether the core has the first rows of this request, and waits for more.
    pub(crate) fn is_current(&self, id: u64) -> bool {
        self.current.as_ref().is_some_and(|work| work.request() == id)
    }

    /// The instance is lost, and with it what it took of the current work.
    pub(crate) fn forget_current(&mut self) {
        if let Some(work) = self.current {
            self.forget(work.request());
        }
    }

    /// Fills `batch` with rows, as many as one call may carry.
    pub(crate) fn pack(&mut self, table: &Table, batch: &mut Batch) {
        batch.clear();
        while let Some(mut work) = self.pop() {
            let Some(live) = table.job(work.job) else { continue };
            let full = batch.add(&mut work, live);
            if full {
                // What did not fit is the first of the next call; `settle` puts it where it belongs.
                break;
            }
        }
    }

    /// The core took the first `accepted` rows of `batch`; the rest goes back to where it was.
    pub(crate) fn settle(&mut self, table: &mut Table, batch: &mut Batch, accepted: usize, sequence: u64) {
        let mut left = accepted;
        for mark in &batch.marks {
            let taken = left.min(mark.rows);
            if taken == 0 {
                break;
            }
            left -= taken;
            let Some((live, index)) = table.find(mark.id) else { continue };
            live.note_taken(index, taken, sequence);
            if let Some(work) = batch.works.get_mut(mark.work) {
                (work.next, work.at, work.part) = (mark.next, mark.at, mark.part);
                if taken < mark.rows {
                    work.next -= mark.rows - taken;
                    work.at = live.job.columns.command(work.next).0;
                }
            }
        }
        for work in batch.works.drain(..).rev() {
            if work.next < work.end {
                self.give_back(work);
            }
        }
        if self.is_empty() {
            self.deadline = None;
        }
    }

    /// Takes out works whose deadline is past, or that belong to no job any more; gives the jobs' ids.
    pub(crate) fn expired(&mut self, now: u64) -> Vec<u64> {
        let all = self.current.iter().chain(&self.again).chain(&self.fresh);
        let late: Vec<u64> = all.clone().filter(|work| work.deadline <= now).map(|work| work.job).collect();
        self.deadline = all.map(|work| work.deadline).filter(|deadline| *deadline > now).min();
        self.again.retain(|work| work.deadline > now);
        self.fresh.retain(|work| work.deadline > now);
        late
    }

    /// Drops works of jobs that ended.
    pub(crate) fn sweep(&mut self, table: &Table) {
        self.again.retain(|work| table.job(work.job).is_some());
        self.fresh.retain(|work| table.job(work.job).is_some());
    }

    fn pop(&mut self) -> Option<Work> {
        self.current.take().or_else(|| self.again.pop_front()).or_else(|| self.fresh.pop_front())
    }

    fn give_back(&mut self, work: Work) {
        match work {
            Work { part: true, .. } => self.current = Some(work),
            Work { source: Source::Again, .. } => self.again.push_front(work),
            Work { source: Source::Fresh, .. } => self.fresh.push_front(work),
        }
    }

    fn note_deadline(&mut self, deadline: u64) {
        if deadline != NEVER {
            self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
        }
    }
}
