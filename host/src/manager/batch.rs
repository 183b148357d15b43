//! What waits, packed into the columns of `submit`.

use super::requests::{Live, Phase};
use super::work::Work;
use crate::command::Ends;
use crate::rows::{ATOMIC, CONTINUES, HELD, LONE, MAX_BYTES, MAX_LENGTHS, MAX_ROWS, PATIENT, SCRIPT, command_words};
use crate::ticket::Shape;

/// The first row of a script has its name, hash and source.
const SCRIPT_HEAD: usize = 3;
/// Words of a row.
const ROW_WORDS: usize = 4;

/// One call's worth of rows, and where each comes from. Kept for its buffers.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<u64>,
    pub(crate) lengths: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
    pub(super) works: Vec<Work>,
    pub(super) marks: Vec<Mark>,
}

/// A row, or rows of whole commands of a pipeline, one after the other: which work they are of, and how far they bring
/// it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) work: usize,
    /// Of the first row.
    pub(super) id: u64,
    pub(super) rows: usize,
    pub(super) next: usize,
    pub(super) at: Ends,
    pub(super) part: bool,
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

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.lengths.clear();
        self.bytes.clear();
        self.works.clear();
        self.marks.clear();
    }

    /// Adds rows for what is left of `work`. Says whether the call is full.
    pub(super) fn add(&mut self, work: &mut Work, live: &Live) -> bool {
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
