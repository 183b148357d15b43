//! Requests: their arguments until they end, and the queue of those that were not accepted.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use coracle_core::wire::{HELD, NEVER, option};
use vectors::{Command, Value};

use super::{Event, Host};

pub struct Call {
    commands: Vec<Command>,
    session: u32,
    atomic: bool,
    pub deadline: u64,
    /// It may have been executed before it was asked for again.
    pub maybe_executed: bool,
}

/// What `submit` takes.
#[derive(Default)]
struct Columns {
    rows: Vec<u64>,
    lengths: Vec<u32>,
    bytes: Vec<u8>,
}

impl Host {
    pub fn call(&mut self, id: u64, session: u32, commands: Vec<Command>, atomic: bool) -> Result<()> {
        let tracked = commands.first().filter(|command| command.track);
        if let Some(value) = tracked.and_then(|command| self.stored.find(&command.args)) {
            self.events.push_back(Event::Reply { id, value, raw: None });
            return Ok(());
        }
        let within = commands.first().and_then(|command| command.deadline);
        let deadline = within.map_or(NEVER, |within| self.now + within * 1000);
        self.calls.insert(id, Call { commands, session, atomic, deadline, maybe_executed: false });
        self.waiting.push_back(id);
        self.submit_waiting()
    }

    pub fn cancel(&mut self, id: u64) -> Result<()> {
        let now = self.tick();
        self.core.cancel(now, &[id]);
        self.done(None)?;
        self.end_waiting(id, "cancelled")
    }

    /// When the first of those that the core does not have will be late.
    pub(super) fn waiting_until(&self) -> u64 {
        let deadline = |id| self.calls.get(id).map_or(NEVER, |call| call.deadline);
        self.again.iter().chain(&self.waiting).map(deadline).min().unwrap_or(NEVER)
    }

    /// Ends those that the core does not have and that are late.
    pub(super) fn end_late(&mut self) -> Result<()> {
        let late = |id: &u64| self.calls.get(id).is_some_and(|call| call.deadline <= self.now);
        let late: Vec<u64> = self.again.iter().chain(&self.waiting).copied().filter(late).collect();
        late.into_iter().try_for_each(|id| self.end_waiting(id, "deadline"))
    }

    /// A request ended with a reply, which may be stored.
    pub(super) fn answer(&mut self, id: u64, value: Value, raw: Option<Vec<u8>>, store: bool) -> Result<()> {
        let call = self.calls.remove(&id).with_context(|| format!("call {id} ended twice, or never began"))?;
        let args = call.commands.into_iter().next().filter(|command| command.track).map(|command| command.args);
        ensure!(args.is_some() || !store, "call {id} may be stored, and did not ask for that");
        if let Some(args) = args.filter(|_| store) {
            self.stored.add(args, value.clone());
        }
        self.events.push_back(Event::Reply { id, value, raw });
        Ok(())
    }

    pub(super) fn fail(&mut self, id: u64, failure: String, cause: String) -> Result<()> {
        let call = self.calls.remove(&id).with_context(|| format!("call {id} ended twice, or never began"))?;
        let failure = if call.maybe_executed { "maybe-executed".into() } else { failure };
        self.events.push_back(Event::Failed { id, failure, cause });
        Ok(())
    }

    /// Ends a request that the core does not have.
    fn end_waiting(&mut self, id: u64, cause: &str) -> Result<()> {
        if self.again.contains(&id) || self.waiting.contains(&id) {
            self.again.retain(|waiting| *waiting != id);
            self.waiting.retain(|waiting| *waiting != id);
            self.fail(id, "not-sent".into(), cause.into())?;
        }
        Ok(())
    }

    pub(super) fn held(&self, request: u64, argument: u32) -> Result<Vec<u8>> {
        let call = self.calls.get(&request).context("an argument of an unknown call")?;
        let mut arguments = call.commands.iter().flat_map(|command| &command.args);
        arguments.nth(argument as usize).cloned().context("no such argument")
    }

    pub(super) fn submit_waiting(&mut self) -> Result<()> {
        while !self.held_back {
            // What is asked for again comes before whatever else waits.
            let again = !self.again.is_empty();
            let Some(id) = self.queue(again).pop_front() else { break };
            let call = self.calls.get(&id).context("a call that is unknown waits")?;
            let Columns { rows, lengths, bytes } = call.columns(id, self.limits.hold_above as usize);
            let count = rows.len() / 4;
            let now = self.tick();
            self.core.submit(now, &rows, &lengths, &bytes);
            let accepted = self.take_progress(None)? as usize;
            ensure!(accepted == count || accepted == 0, "{accepted} of {count} rows accepted");
            if accepted == 0 {
                self.queue(again).push_front(id);
                self.held_back = true;
            }
        }
        Ok(())
    }

    fn queue(&mut self, again: bool) -> &mut VecDeque<u64> {
        if again { &mut self.again } else { &mut self.waiting }
    }
}

impl Call {
    fn columns(&self, id: u64, hold_above: usize) -> Columns {
        let mut columns = Columns::default();
        for (place, command) in self.commands.iter().enumerate() {
            let count = command.args.len() as u64;
            let options = self.options(place, command);
            columns.rows.extend([
                id,
                self.deadline,
                count | u64::from(self.session) << 32,
                u64::from(options) | count << 32,
            ]);
            for argument in &command.args {
                let held = argument.len() > hold_above;
                columns.lengths.push(argument.len() as u32 | if held { HELD } else { 0 });
                columns.bytes.extend_from_slice(if held { &[] } else { argument });
            }
        }
        columns
    }

    fn options(&self, place: usize, command: &Command) -> u32 {
        let more = self.atomic && place + 1 < self.commands.len();
        let lone = self.atomic && self.commands.len() == 1;
        let all = [
            (more, option::ATOMIC),
            (lone, option::LONE),
            (command.script, option::SCRIPT),
            (command.may_repeat, option::MAY_REPEAT),
            (command.track, option::TRACK),
            (command.raw, option::RAW),
        ];
        all.into_iter().filter(|(is, _)| *is).fold(0, |options, (_, option)| options | option)
    }
}
