//! Requests as rows of `submit`.

use std::ops::Range;

use coracle_core::wire::{HELD, option};

use crate::plan::Ask;
use crate::requests::Phase;
use crate::world::{Check, World};

/// A row of `submit`.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which command's, and which of its arguments.
    command: usize,
    arguments: Range<usize>,
    total: u32,
    options: u32,
}

/// Rows of one call, and whose they are.
pub struct Batch {
    pub words: Vec<u64>,
    pub lengths: Vec<u32>,
    pub bytes: Vec<u8>,
}

impl World {
    /// A held argument.
    pub fn held(&self, request: u64, argument: u32) -> Check<Vec<u8>> {
        let known = self.host.requests.get(request as usize).filter(|request| request.phase != Phase::Ended);
        let ask = known.and_then(|request| request.ask.as_ref()).ok_or("an argument of a request that is none")?;
        let bytes = ask.commands.iter().flatten().nth(argument as usize).ok_or("an argument that there is not")?;
        if bytes.len() <= self.plan.shape.hold_above as usize {
            return Err(format!("argument {argument} of request {request} is not held"));
        }
        Ok(bytes.clone())
    }

    /// Rows of the queue's front, and the request of each.
    pub fn pack(&self) -> (Batch, Vec<u64>) {
        let mut batch = Batch { words: Vec::new(), lengths: Vec::new(), bytes: Vec::new() };
        let mut ids = Vec::new();
        for &id in &self.host.waiting {
            let request = &self.host.requests[id as usize];
            for row in &request.rows[request.taken..] {
                if ids.len() >= self.plan.shape.batch {
                    return (batch, ids);
                }
                ids.push(id);
                let count = row.arguments.len() as u64;
                let word = u64::from(row.options) | u64::from(row.total) << 32;
                let session = request.ask.as_ref().map_or(0, |ask| ask.session);
                let count = count | u64::from(session) << 32;
                batch.words.extend([id, request.deadline, count, word]);
                let command = request.ask.as_ref().and_then(|ask| ask.commands.get(row.command));
                for argument in command.and_then(|command| command.get(row.arguments.clone())).unwrap_or_default() {
                    let held = argument.len() > self.plan.shape.hold_above as usize;
                    batch.lengths.push(argument.len() as u32 | if held { HELD } else { 0 });
                    batch.bytes.extend_from_slice(if held { &[] } else { argument });
                }
            }
        }
        (batch, ids)
    }

    /// A request's rows.
    pub fn rows_of(&mut self, ask: &Ask) -> Vec<Row> {
        let mut rows = Vec::new();
        for (place, command) in ask.commands.iter().enumerate() {
            let mut options = if ask.may_repeat { option::MAY_REPEAT } else { 0 };
            let whole = ask.patient;
            options |= if ask.patient { option::PATIENT } else { 0 };
            options |= if ask.script { option::SCRIPT } else { 0 };
            if ask.commands.len() == 1 && ask.atomic {
                options |= option::LONE;
            } else if ask.atomic && place + 1 < ask.commands.len() {
                options |= option::ATOMIC;
            }
            let mut from = 0;
            while from < command.len() {
                let left = command.len() - from;
                // What tells how a command is to be sent comes with its first row.
                let least = if from > 0 {
                    1
                } else if ask.script {
                    3
                } else {
                    2
                };
                let whole = whole
                    || from > 0 && ask.blocks.is_some()
                    || left as u64 <= least
                    || !self.random.chance(self.plan.shape.continues);
                let count = if whole { left } else { self.random.between(least, left as u64 - 1) as usize };
                let more = if whole { 0 } else { option::CONTINUES };
                let arguments = from..from + count;
                rows.push(Row { command: place, arguments, total: left as u32, options: options | more });
                from += count;
            }
        }
        rows
    }
}
