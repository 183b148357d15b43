//! Requests in the host: their rows, their queue, and how they end.

use coracle_core::wire::{Cause, Failure, NEVER};

use crate::plan::{Ask, MILLISECOND};
use crate::rows::Row;
use crate::users::Who;
use crate::value::Value;
use crate::world::{Check, Event, World, note};

/// A request: what the host knows of it.
#[derive(Debug, Default)]
pub struct Request {
    pub ask: Option<Ask>,
    pub rows: Vec<Row>,
    pub deadline: u64,
    pub phase: Phase,
    /// Rows that the core accepted.
    pub taken: usize,
    /// It was asked for again although it may have been executed.
    pub maybe: bool,
    /// The connection that it was written to, while it counts as in flight there.
    pub conn: Option<usize>,
    /// The connection that got the part of it by which it is told, before its last.
    pub begun: Option<usize>,
    /// Until when the server may hold its reply back.
    pub blocked_until: u64,
    /// Its size as RESP, without what the core adds.
    pub size: u64,
    /// Connections that got bytes of it, and how much they had before.
    pub marks: Vec<(usize, u64)>,
    /// It was said that the server did not execute it, nor ever will.
    pub not_sent: bool,
    /// Errors that its commands got instead of being queued.
    pub kept: usize,
}

/// Where a request is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    #[default]
    Idle,
    /// In the host's queue; some rows may be taken.
    Waiting,
    /// Accepted whole.
    Taken,
    Ended,
}

impl World {
    /// A caller begins.
    pub fn ask(&mut self, ask: Ask) {
        let id = ask.id;
        let deadline = ask.patience.map_or(NEVER, |patience| self.now + patience);
        let rows = self.rows_of(&ask);
        let words = |command: &[Vec<u8>]| command.iter().map(|word| word.len() as u64 + 5).sum::<u64>();
        // A script's source may stay away.
        let size = if ask.script { 0 } else { ask.commands.iter().map(|command| words(command)).sum() };
        note!(self, "request {id}: {}", describe(&ask));
        if deadline != NEVER {
            self.at(deadline, Event::Deadline(id));
            let more = ask.blocks.filter(|_| ask.patient).unwrap_or_default();
            self.at(deadline + more + 50 * MILLISECOND, Event::Overdue(id));
        }
        self.host.requests[id as usize] =
            Request { ask: Some(ask), rows, deadline, size, phase: Phase::Waiting, ..Request::default() };
        self.host.open.push(id);
        self.host.waiting.push_back(id);
        self.schedule_submit();
    }

    /// The queue is looked at soon.
    pub fn schedule_submit(&mut self) {
        if !self.host.submitting && !self.host.held_back && !self.host.waiting.is_empty() {
            self.host.submitting = true;
            let delay = self.random.pick(&[0, 0, 30, 900]);
            self.after(delay, Event::Submit);
        }
    }

    /// One `submit`, of as many rows as the host likes.
    pub fn submit(&mut self) -> Check {
        self.host.submitting = false;
        if self.host.held_back {
            return Ok(());
        }
        let (batch, ids) = self.pack();
        if ids.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.host.doomed) {
            return self.trapped(&ids);
        }
        note!(self, "submit {ids:?}");
        self.core.submit(self.now, &batch.words, &batch.lengths, &batch.bytes);
        self.host.batch = ids;
        self.after_call(None)?;
        self.check_bounds()?;
        self.schedule_submit();
        Ok(())
    }

    /// Notes which rows of the last `submit` were taken, before its events are looked at.
    pub fn settle(&mut self) -> Check {
        let batch = self.host.batch.clone();
        if self.host.accepted > batch.len() {
            return Err(format!("{} of {} rows accepted", self.host.accepted, batch.len()));
        }
        if self.host.accepted < batch.len() {
            self.host.held_back = true;
        }
        for id in batch.into_iter().take(self.host.accepted) {
            let parts = self.host.requests[id as usize].rows.len() > 1;
            let written_to = if parts { self.written_to(id) } else { None };
            let request = &mut self.host.requests[id as usize];
            if request.taken == 0 {
                request.begun = None;
            }
            request.begun = request.begun.or(written_to);
            let session = request.ask.as_ref().map_or(0, |ask| ask.session);
            let ask = request.ask.as_ref();
            let alone = ask.is_some_and(|ask| ask.alone);
            if request.taken == 0 {
                // A time that comes in a later row may be any.
                let blocks =
                    ask.and_then(|ask| ask.blocks).map(|time| if request.rows.len() > 1 { NEVER } else { time });
                request.blocked_until = blocks.map_or(0, |blocks| self.now.saturating_add(blocks));
            }
            request.taken += 1;
            request.marks.extend_from_slice(&self.host.touched);
            self.server.users.callers[id as usize] = Some(match self.host.tenants.get(&session) {
                Some(tenant) => tenant.who(),
                None if session != 0 => Who::Tenant(session, 0),
                None if alone => Who::Alone(id),
                None => Who::Everybody,
            });
            if request.taken == request.rows.len() {
                request.phase = Phase::Taken;
                self.host.waiting.retain(|waiting| *waiting != id);
                self.load(id)?;
            }
        }
        self.host.batch.clear();
        Ok(())
    }

    /// A caller gives up, or its time is over.
    pub fn give_up(&mut self, id: u64, cause: Cause) -> Check {
        let request = &self.host.requests[id as usize];
        match (request.phase, request.taken) {
            (Phase::Waiting, 0) => {
                let failure = if request.maybe { Failure::MaybeExecuted } else { Failure::NotSent };
                self.fail(id, failure, cause)
            }
            (Phase::Waiting, _) => self.cancel(id),
            (Phase::Taken, _) if cause == Cause::Cancelled => self.cancel(id),
            _ => Ok(()),
        }
    }

    /// Its deadline is now: the core sees to what it accepted.
    pub fn pass_deadline(&mut self, id: u64) -> Check {
        self.give_up(id, Cause::Deadline)
    }

    fn cancel(&mut self, id: u64) -> Check {
        note!(self, "cancel {id}");
        self.call(None, |core, now| core.cancel(now, &[id]))?;
        self.check_ended(id)
    }

    /// The core wants it again.
    pub fn resubmit(&mut self, ids: &[(u64, bool)]) -> Check {
        for &(id, maybe) in ids {
            note!(self, "request {id} is to be submitted again{}", if maybe { ", may have been executed" } else { "" });
            self.check_resubmit(id, maybe)?;
            self.unload(id);
            let request = &mut self.host.requests[id as usize];
            request.phase = Phase::Waiting;
            request.taken = 0;
            request.marks.clear();
            request.maybe |= maybe;
            request.kept = 0;
        }
        self.host.waiting.retain(|waiting| ids.iter().all(|(id, _)| id != waiting));
        // What was accepted in part goes on first: no other row may come between.
        let front = self.host.waiting.front().filter(|id| self.host.requests[**id as usize].taken > 0);
        let place = usize::from(front.is_some());
        for (id, _) in ids.iter().rev() {
            self.host.waiting.insert(place, *id);
        }
        for &(id, _) in ids {
            if self.host.requests[id as usize].deadline <= self.now {
                self.give_up(id, Cause::Deadline)?;
            }
        }
        self.schedule_submit();
        Ok(())
    }

    /// It ends with a reply.
    pub fn reply(&mut self, id: u64, value: &Value) -> Check {
        note!(self, "request {id} is answered: {value:?}");
        self.check_reply(id, value)?;
        self.count("replies");
        self.end(id);
        Ok(())
    }

    /// It ends without one.
    pub fn fail(&mut self, id: u64, failure: Failure, cause: Cause) -> Check {
        note!(self, "request {id} fails: {failure:?}, {cause:?}");
        self.check_failure(id, failure, cause)?;
        self.check_given_up(id, failure, cause)?;
        self.count(match failure {
            Failure::MaybeExecuted => "maybe executed",
            _ => "not sent",
        });
        let request = &mut self.host.requests[id as usize];
        request.not_sent = failure != Failure::MaybeExecuted && !request.maybe;
        self.host.waiting.retain(|waiting| *waiting != id);
        self.end(id);
        Ok(())
    }

    fn end(&mut self, id: u64) {
        self.unload(id);
        let request = &mut self.host.requests[id as usize];
        request.phase = Phase::Ended;
        let session = request.ask.as_ref().map_or(0, |ask| ask.session);
        self.host.open.retain(|open| *open != id);
        if session != 0 {
            let delay = self.random.pick(&[0, 0, 50]);
            self.after(delay, Event::Tenant(session));
        }
    }
}

fn describe(ask: &Ask) -> String {
    let commands: Vec<String> = ask.commands.iter().map(|words| words.join(&b' ').escape_ascii().to_string()).collect();
    let repeat = if ask.may_repeat { ", may repeat" } else { "" };
    format!("{}{}{repeat}", if ask.atomic { "atomic " } else { "" }, commands.join("; "))
}
