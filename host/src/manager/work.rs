//! Commands of one job that wait, as the queue keeps them and batches take them.

use super::requests::Live;
use crate::command::Ends;
use crate::ticket::Shape;

/// Commands of one job that wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// The id of the job's first request.
    pub(super) job: u64,
    pub(super) shape: Shape,
    /// The next command, and the one behind the last.
    pub(super) next: usize,
    pub(super) end: usize,
    /// How far the next command has come. Equal to its beginning unless the core took a part of it.
    pub(super) at: Ends,
    /// The core took some rows of what must stay together.
    pub(super) part: bool,
    pub(super) deadline: u64,
    pub(super) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Again,
    Fresh,
}

impl Work {
    pub(super) fn new(job: u64, live: &Live, next: usize, end: usize, source: Source) -> Self {
        let at = live.job.columns.command(next).0;
        Self { job, shape: live.job.shape, next, end, at, part: false, deadline: live.job.deadline, source }
    }

    pub(super) fn request(&self) -> u64 {
        self.job | self.index() as u64
    }

    pub(super) fn index(&self) -> usize {
        if self.shape == Shape::Pipeline { self.next } else { 0 }
    }

    /// Past the command that was under way.
    pub(super) fn skip(&mut self) {
        self.part = false;
        self.next = if self.shape == Shape::Pipeline { self.next + 1 } else { self.end };
    }
}
