//! The request table: who waits for what, with the arguments, until a request ends.

use std::collections::VecDeque;
use std::task::Waker;

use redis::Value;

use crate::error::Error;
use crate::job::{Job, MAX_COMMANDS};
use crate::ticket::{Replies, Shape};

const INDEX_BITS: u32 = MAX_COMMANDS.trailing_zeros();
const SLOT_BITS: u32 = 24;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

/// So many commands are a batch of their own: they need not wait for others.
pub(super) const MANY: usize = 64;

/// All jobs that have not ended. A request's id is the place of its job, a count of who had the place before, and the
/// number of the command: a look-up is an index, and an old id is known to be old.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Callers who got their replies.
    answered: usize,
    /// Some of them, who did not sleep, are worth waiting for: their next calls may make one batch.
    fresh: bool,
    sleepers: Sleepers,
}

/// Callers who have their replies and are not woken yet: some are to have sent their next calls, on which the server
/// can begin, before others run. When these are dropped all are woken.
#[derive(Default)]
struct Sleepers(VecDeque<Sleeper>);

struct Sleeper {
    waker: Waker,
    /// What he sends next goes out at once: he is prompt, or had a batch of his own.
    prompt: bool,
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|sleeper| sleeper.waker.wake());
    }
}

#[derive(Default)]
struct Slot {
    generation: u16,
    live: Option<Live>,
}

/// A job that has not ended.
pub(crate) struct Live {
    pub(crate) job: Job,
    requests: Requests,
    open: usize,
    /// Errors that commands of a transaction got instead of being queued.
    kept: Option<(usize, String)>,
}

enum Requests {
    One(Request),
    /// And their results, which are nil until they are there.
    Many(Vec<Request>, Vec<Result<Value, Error>>),
}

/// One request of a job.
#[derive(Clone, Copy, Default)]
struct Request {
    phase: Phase,
    /// It may have been executed by an attempt before this one, so it can't end as not sent.
    executed: bool,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The core does not have it.
    #[default]
    Waiting,
    /// The core has it, or its first rows; what it wrote of it came after this mark.
    Taken(u64),
    /// It has its result.
    Ended,
}

impl Table {
    /// Takes a job in; gives the id of its first request.
    pub(crate) fn insert(&mut self, job: Job) -> u64 {
        let count = if job.shape == Shape::Pipeline { job.columns.commands() } else { 1 };
        let requests = match count {
            1 => Requests::One(Request::default()),
            _ => Requests::Many(
                vec![Request::default(); count],
                std::iter::repeat_with(|| Ok(Value::Nil)).take(count).collect(),
            ),
        };
        self.adopt(Live { job, requests, open: count, kept: None })
    }

    /// Takes in a job of another table, of which no request is taken.
    pub(crate) fn adopt(&mut self, live: Live) -> u64 {
        let place = self.free.pop().unwrap_or(self.slots.len());
        if place == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let Some(slot) = self.slots.get_mut(place) else { return 0 };
        // Never 0, so that no id is.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.live = Some(live);
        u64::from(slot.generation) << (INDEX_BITS + SLOT_BITS) | (place as u64) << INDEX_BITS
    }

    /// The job that this id belongs to, and which of its requests it is.
    pub(crate) fn find(&mut self, id: u64) -> Option<(&mut Live, usize)> {
        let (place, generation, index) = parts(id);
        let slot = self.slots.get_mut(place)?;
        if slot.generation != generation {
            return None;
        }
        slot.live.as_mut().map(|live| (live, index))
    }

    /// As `find`, to look only.
    pub(crate) fn job(&self, id: u64) -> Option<&Live> {
        let (place, generation, _) = parts(id);
        let slot = self.slots.get(place)?;
        if slot.generation == generation { slot.live.as_ref() } else { None }
    }

    /// A request has its result. With the last one of a job its caller is to be woken by `wake_next`, unless the job
    /// was a batch of its own.
    pub(crate) fn end(&mut self, id: u64, result: Result<Value, Error>) {
        if let Some((live, index)) = self.find(id) {
            let result = live.judge(index, result);
            self.finish(id, |place| *place = result);
        }
    }

    /// As `end`, with a value that is made where it stays: one that was just written in small pieces is slow to move.
    #[inline(always)]
    pub(crate) fn reply(&mut self, id: u64, value: impl FnOnce() -> Value) {
        self.finish(id, |place| *place = Ok(value()));
    }

    /// Whether nobody else hears of the reply to this request.
    pub(crate) fn is_for_caller(&self, id: u64) -> bool {
        self.job(id).is_some_and(|live| live.job.aside.is_none())
    }

    #[inline(always)]
    fn finish(&mut self, id: u64, write: impl FnOnce(&mut Result<Value, Error>)) {
        let (place, generation, index) = parts(id);
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.generation == generation) else { return };
        let Some(live) = &mut slot.live else { return };
        let prompt = live.job.prompt || live.requests.slice().len() >= MANY;
        let waker = match &mut live.requests {
            Requests::One(_) if index > 0 => return,
            Requests::One(_) => {
                let Some(live) = slot.live.take() else { return };
                live.job.ticket.tell_one(write)
            }
            Requests::Many(requests, results) => {
                let (Some(request), Some(result)) = (requests.get_mut(index), results.get_mut(index)) else { return };
                if request.phase == Phase::Ended {
                    return;
                }
                write(result);
                request.phase = Phase::Ended;
                live.open -= 1;
                if live.open > 0 {
                    return;
                }
                let results = std::mem::take(results);
                let Some(live) = slot.live.take() else { return };
                live.job.ticket.tell(Replies::Many(results))
            }
        };
        self.free.push(place);
        self.answered = self.answered.wrapping_add(1);
        match waker {
            Some(waker) => self.sleepers.0.push_back(Sleeper { waker, prompt }),
            None => self.fresh |= !prompt,
        }
    }

    /// Whether the next one of the callers who are to be woken is prompt; `None` if there is nobody.
    pub(crate) fn next_is_prompt(&self) -> Option<bool> {
        self.sleepers.0.front().map(|sleeper| sleeper.prompt)
    }

    /// Wakes the next one.
    pub(crate) fn wake_next(&mut self) {
        if let Some(sleeper) = self.sleepers.0.pop_front() {
            sleeper.waker.wake();
        }
    }

    /// Callers who got their replies so far.
    pub(crate) fn answered(&self) -> usize {
        self.answered
    }

    /// Whether there are more of them who did not sleep than when this was last asked. Who is prompt, or had a batch of
    /// his own, is not counted.
    pub(crate) fn has_answered(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Jobs that have not ended.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes out the jobs of which no core has anything, and that are of no session.
    pub(crate) fn take_idle(&mut self) -> Vec<Live> {
        let mut idle = Vec::new();
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if let Some(live) = slot.live.take_if(|live| live.is_idle()) {
                self.free.push(place);
                idle.push(live);
            }
        }
        idle
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Ids of requests that have not ended, with their phases.
    pub(crate) fn open(&self) -> Vec<(u64, Phase)> {
        self.jobs().flat_map(|(id, live)| live.open_requests(id)).collect()
    }

    /// Open requests of jobs whose callers went away.
    pub(crate) fn abandoned(&self) -> Vec<(u64, Phase)> {
        let gone = self.jobs().filter(|(_, live)| live.job.ticket.is_left());
        gone.flat_map(|(id, live)| live.open_requests(id)).collect()
    }

    fn jobs(&self) -> impl Iterator<Item = (u64, &Live)> {
        self.slots.iter().enumerate().filter_map(|(place, slot)| {
            let id = u64::from(slot.generation) << (INDEX_BITS + SLOT_BITS) | (place as u64) << INDEX_BITS;
            slot.live.as_ref().map(|live| (id, live))
        })
    }
}

impl Live {
    pub(crate) fn phase(&self, index: usize) -> Phase {
        self.requests.slice().get(index).map_or(Phase::Ended, |request| request.phase)
    }

    pub(crate) fn set_phase(&mut self, index: usize, phase: Phase) {
        if let Some(request) = self.requests.slice_mut().get_mut(index)
            && request.phase != Phase::Ended
        {
            request.phase = phase;
        }
    }

    /// The core has these requests, or rows of the one.
    pub(crate) fn note_taken(&mut self, first: usize, count: usize, sequence: u64) {
        let end = first.saturating_add(count);
        for request in self.requests.slice_mut().get_mut(first..end).unwrap_or_default() {
            if request.phase == Phase::Waiting {
                request.phase = Phase::Taken(sequence);
            }
        }
    }

    /// Whether no request of it has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.open == self.requests.slice().len()
    }

    /// The core wants this request once more. `executed` says that it may have been executed already.
    pub(crate) fn ask_again(&mut self, index: usize, executed: bool) {
        self.set_phase(index, Phase::Waiting);
        // Pieces of the reply that did not come.
        self.kept = None;
        if let Some(request) = self.requests.slice_mut().get_mut(index) {
            request.executed |= executed;
        }
    }

    /// The core gave an error that a command of the transaction got; the first one is kept.
    pub(crate) fn keep(&mut self, place: usize, text: String) {
        self.kept.get_or_insert((place, text));
    }

    /// The request's arguments begin with this one, counted over all of the job's.
    pub(crate) fn first_argument(&self, index: usize) -> usize {
        match self.job.shape {
            Shape::Pipeline => self.job.columns.command(index).0.arguments,
            Shape::Single | Shape::Transaction => 0,
        }
    }

    fn is_idle(&self) -> bool {
        let taken = |request: &Request| matches!(request.phase, Phase::Taken(_));
        self.job.session == 0 && !self.requests.slice().iter().any(taken)
    }

    /// What a result comes to, with what is known of the request.
    fn judge(&self, index: usize, mut result: Result<Value, Error>) -> Result<Value, Error> {
        if let (Err(Error::Server(error)), Some(kept)) = (&mut result, &self.kept) {
            error.queued = Some(kept.clone());
        }
        match self.requests.slice().get(index) {
            Some(request) if request.executed => result.map_err(Error::after_an_attempt),
            _ => result,
        }
    }

    fn open_requests(&self, id: u64) -> impl Iterator<Item = (u64, Phase)> {
        let requests = self.requests.slice().iter().enumerate();
        requests
            .filter(|(_, request)| request.phase != Phase::Ended)
            .map(move |(index, request)| (id | index as u64, request.phase))
    }
}

impl Requests {
    fn slice(&self) -> &[Request] {
        match self {
            Self::One(request) => std::slice::from_ref(request),
            Self::Many(requests, _) => requests,
        }
    }

    fn slice_mut(&mut self) -> &mut [Request] {
        match self {
            Self::One(request) => std::slice::from_mut(request),
            Self::Many(requests, _) => requests,
        }
    }
}

/// Place of the job, its generation, and number of the request in it.
fn parts(id: u64) -> (usize, u16, usize) {
    let place = (id >> INDEX_BITS & SLOT_MASK) as usize;
    let generation = (id >> (INDEX_BITS + SLOT_BITS)) as u16;
    (place, generation, (id & INDEX_MASK) as usize)
}
