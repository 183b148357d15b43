//! What the core has not taken yet, in order, and how it is packed into the columns of `submit`.

use std::collections::VecDeque;

use super::requests::{Live, Phase, Shape, Table};
use crate::command::Ends;
use crate::rows::{
    ATOMIC, CONTINUES, HELD, LONE, MAX_BYTES, MAX_LENGTHS, MAX_ROWS, NEVER, PATIENT, SCRIPT, command_words,
};

/// The first row of a script has its name, hash and source.
const SCRIPT_HEAD: usize = 3;
/// Words of a row.
const ROW_WORDS: usize = 4;

/// Commands of one job that wait.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// The id of the job's first request.
    job: u64,
    shape: Shape,
    /// The next command, and the one behind the last.
    next: usize,
    end: usize,
    /// How far the next command has come. Equal to its beginning unless the core took a part of it.
    at: Ends,
    /// The core took some rows of what must stay together.
    part: bool,
    deadline: u64,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Again,
    Fresh,
}

/// All work that waits. First comes what the core took in part, then what it asked for again, then the rest.
#[derive(Default)]
pub(crate) struct Queue {
    current: Option<Work>,
    again: VecDeque<Work>,
    fresh: VecDeque<Work>,
    /// The earliest deadline in here, or one that is no longer: it only ever fires too early.
    deadline: Option<u64>,
}

/// One call's worth of rows, and where each comes from. Kept for its buffers.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<u64>,
    pub(crate) lengths: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
    works: Vec<Work>,
    marks: Vec<Mark>,
}

/// A row, or rows of whole commands of a pipeline, one after the other: which work they are of, and how far they bring it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    work: usize,
    /// Of the first row.
    id: u64,
    rows: usize,
    next: usize,
    at: Ends,
    part: bool,
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

    /// The core wants a request once more.
    pub(crate) fn push_again(&mut self, id: u64, job: u64, live: &Live, index: usize) {
        self.forget(id);
        let (next, end) = match live.job.shape {
            Shape::Pipeline => (index, index + 1),
            Shape::Single | Shape::Transaction => (0, live.job.columns.commands()),
        };
        let work = Work::new(job, live, next, end, Source::Again);
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

impl Work {
    fn new(job: u64, live: &Live, next: usize, end: usize, source: Source) -> Self {
        let at = live.job.columns.command(next).0;
        Self { job, shape: live.job.shape, next, end, at, part: false, deadline: live.job.deadline, source }
    }

    fn request(&self) -> u64 {
        self.job | self.index() as u64
    }

    fn index(&self) -> usize {
        if self.shape == Shape::Pipeline { self.next } else { 0 }
    }

    /// Past the command that was under way.
    fn skip(&mut self) {
        self.part = false;
        self.next = if self.shape == Shape::Pipeline { self.next + 1 } else { self.end };
    }
}

impl Batch {
    /// The requests that have rows in here.
    pub(crate) fn requests(&self) -> impl Iterator<Item = u64> {
        self.marks.iter().flat_map(|mark| (mark.id..).take(mark.rows))
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() / ROW_WORDS
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.lengths.clear();
        self.bytes.clear();
        self.works.clear();
        self.marks.clear();
    }

    /// Adds rows for what is left of `work`. Says whether the call is full.
    fn add(&mut self, work: &mut Work, live: &Live) -> bool {
        let place = self.works.len();
        if self.add_pipeline(work, live) {
            self.works.push(*work);
            return false;
        }
        let mut at = *work;
        let mut full = false;
        while at.next < at.end && !full {
            // A command that ended before the core had it, by its deadline or its caller, is passed over.
            if live.phase(at.index()) == Phase::Ended {
                at.skip();
                at.at = live.job.columns.command(at.next).0;
                if self.marks.last().is_none_or(|mark| mark.work != place) {
                    *work = at;
                }
                continue;
            }
            full = !self.add_row(&mut at, live, place);
        }
        self.works.push(*work);
        full
    }

    /// Adds what is left of a pipeline in one go, if it is simple and there is room for all of it.
    fn add_pipeline(&mut self, work: &Work, live: &Live) -> bool {
        let columns = &live.job.columns;
        let (begin, (_, end)) = (columns.command(work.next).0, columns.command(work.end.saturating_sub(1)));
        let rows = work.end - work.next;
        let simple = work.shape == Shape::Pipeline && !work.part && live.is_whole();
        let Some(lengths) = columns.lengths.get(begin.arguments..end.arguments).filter(|_| simple) else {
            return false;
        };
        let bytes = columns.between(begin, end);
        if self.len() + rows > MAX_ROWS
            || self.lengths.len() + lengths.len() > MAX_LENGTHS
            || self.bytes.len() + bytes > MAX_BYTES
        {
            return false;
        }
        self.lengths.extend_from_slice(lengths);
        columns.copy_to(&mut self.bytes, begin, lengths.len(), bytes);
        self.rows.reserve(rows * ROW_WORDS);
        let patient = if live.job.patient { PATIENT } else { 0 };
        let mut before = begin.arguments;
        for (id, (arguments, options)) in (work.request()..).zip(columns.ends(work.next..work.end)) {
            self.row(id, live, options | patient, arguments - before, arguments - before);
            before = arguments;
        }
        self.marks.push(Mark {
            work: self.works.len(),
            id: work.request(),
            rows,
            next: work.end,
            at: end,
            part: false,
        });
        true
    }

    /// Adds one row, if there is room for one.
    fn add_row(&mut self, at: &mut Work, live: &Live, place: usize) -> bool {
        let columns = &live.job.columns;
        let (begin, end) = columns.command(at.next);
        // A job that was never begun, or a command that was not, stands at its beginning.
        let from = if at.at.arguments < begin.arguments { begin } else { at.at };
        let Some(lengths) = columns.lengths.get(from.arguments..end.arguments) else { return false };
        let whole = columns.between(from, end);
        let room = (MAX_LENGTHS - self.lengths.len(), MAX_BYTES - self.bytes.len());
        let fits = lengths.len() <= room.0 && whole <= room.1;
        let fits_alone = lengths.len() <= MAX_LENGTHS && whole <= MAX_BYTES;
        if self.len() >= MAX_ROWS || (!fits && fits_alone) {
            return false;
        }
        let (count, size) = if fits { (lengths.len(), whole) } else { prefix(lengths, room) };
        let mut options = columns.options(at.next);
        if count == 0 || options & SCRIPT != 0 && from == begin && count < SCRIPT_HEAD {
            return false;
        }
        self.lengths.extend(lengths.iter().take(count));
        let reached = columns.copy_to(&mut self.bytes, from, count, size);
        let id = at.request();
        let last = at.next + 1 == columns.commands();
        if live.job.patient {
            options |= PATIENT;
        }
        if at.shape == Shape::Transaction {
            options |= match (columns.commands(), last) {
                (1, _) => LONE,
                (_, true) => 0,
                (_, false) => ATOMIC,
            };
        }
        let goes_on = count < lengths.len();
        if goes_on {
            options |= CONTINUES;
            at.at = reached;
        } else {
            at.next += 1;
            at.at = end;
        }
        at.part = goes_on || (at.shape == Shape::Transaction && at.next < at.end);
        self.row(id, live, options, count, lengths.len());
        self.marks.push(Mark { work: place, id, rows: 1, next: at.next, at: at.at, part: at.part });
        true
    }

    fn row(&mut self, id: u64, live: &Live, options: u32, count: usize, total: usize) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (word2, word3) = command_words(number(count), live.job.session, options, number(total));
        self.rows.extend([id, live.job.deadline, word2, word3]);
    }
}

/// How many of these arguments fit, and the bytes of those that are not held.
fn prefix(lengths: &[u32], (mut arguments, mut bytes): (usize, usize)) -> (usize, usize) {
    let mut size = 0;
    let fitting = lengths.iter().take_while(|length| {
        let copied = if **length & HELD == 0 { **length as usize } else { 0 };
        if arguments == 0 || copied > bytes {
            return false;
        }
        arguments -= 1;
        bytes -= copied;
        size += copied;
        true
    });
    (fitting.count(), size)
}
