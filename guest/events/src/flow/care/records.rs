//! Holding the records of commands against the events: each event leads to its command, and back.

use std::collections::VecDeque;

use crate::event::{Ordered, Recorded};
use crate::plan::care::Body;

/// The commands' records in the order of their numbers, and what the events that were read say of them. As many of
/// their commands are kept as a page has, and one.
#[derive(Default)]
pub(super) struct Records {
    /// How many commands there were at the beginning.
    total: u64,
    /// How many records were compared.
    compared: u64,
    /// Commands that events came from, behind these, in order.
    commands: VecDeque<Command>,
}

/// What its events say.
struct Command {
    number: u64,
    time: u64,
    first: u64,
    last: u64,
}

impl Records {
    pub(super) fn new(total: u64) -> Self {
        Self { total, ..Self::default() }
    }

    /// Takes the next event. What is said is wrong with it. While there are more events the last command stays, so that
    /// an earlier one is known.
    pub(super) fn note(&mut self, event: &Recorded) -> Option<String> {
        let (number, position) = (event.command, event.position);
        if number == 0 {
            return None;
        }
        if number > self.total {
            return Some(["it came from command ", &number.to_string(), ", which is not there"].concat());
        }
        match self.commands.back_mut() {
            Some(last) if last.number == number && last.last.saturating_add(1) == position => last.last = position,
            Some(last) if last.number >= number => return Some(strange(number)),
            _ => self.commands.push_back(Command { number, time: event.time, first: position, last: position }),
        }
        None
    }

    /// Number of the record that is next.
    pub(super) fn next(&self) -> u64 {
        self.compared.saturating_add(1)
    }

    /// How many records from there on can be compared. If more events come, they may be of the last command.
    pub(super) fn known(&self, more: bool) -> u64 {
        let until = match (more, self.commands.back()) {
            (true, Some(last)) => last.number.saturating_sub(1),
            (true, None) => 0,
            (false, _) => self.total,
        };
        until.saturating_sub(self.compared)
    }

    /// Takes the next record. What is said is wrong with it, and at which event, if it has one.
    pub(super) fn compare(&mut self, record: Body<Ordered>) -> Option<(Option<u64>, String)> {
        let number = self.next();
        self.compared = number;
        let own = self.commands.pop_front_if(|command| command.number == number);
        let what = match (record, &own) {
            (Body::Missing, _) => " is not there",
            (Body::Broken, _) => " is not what an append writes",
            (Body::There(it), None) if (it.first, it.last) == (0, 0) => return None,
            (Body::There(it), Some(own)) if (it.time, it.first, it.last) == (own.time, own.first, own.last) => {
                return None;
            }
            _ => " is not that of its events",
        };
        Some((own.map(|own| own.first), ["the record of command ", &number.to_string(), what].concat()))
    }
}

fn strange(number: u64) -> String {
    ["it came from command ", &number.to_string(), ", which has other events"].concat()
}
