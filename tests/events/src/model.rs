//! What a store must do, by brute force.

use std::collections::BTreeMap;

use coracle_events::event::Id;
use coracle_events::plan::append::{Appended, Outcome};
use coracle_events::plan::lock::Token;
use coracle_events::query::{Item, Query};

use crate::client::{Appending, Given, at};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// By position, from 1; with the number of the command, 0 for none.
    pub events: Vec<(Given, u64)>,
    /// By number, from 1.
    pub commands: Vec<Record>,
    /// Who holds which.
    pub locks: BTreeMap<String, Token>,
    markers: BTreeMap<Id, (u128, Appended)>,
}

/// A command's record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id, type, data and metadata.
    pub command: (Id, String, Vec<u8>, Vec<u8>),
    /// Position of its first event, 0 for none.
    pub first: u64,
    /// And of its last.
    pub last: u64,
}

impl Model {
    /// The last position.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// The id of the event there; at 0 none in particular.
    #[must_use]
    pub fn id(&self, position: u64) -> Id {
        let index = (position as usize).checked_sub(1);
        index.and_then(|index| self.events.get(index)).map(|(given, _)| given.event.id).unwrap_or_default()
    }

    /// Positions of the events that match, of those from one to the other, both counted.
    #[must_use]
    pub fn matching(&self, query: &Query, from: u64, to: u64) -> Vec<u64> {
        let numbered = self.events.iter().zip(1..);
        let within = numbered.filter(|(_, position)| (from..=to).contains(position));
        within
            .filter(|((given, _), _)| query.items.iter().any(|item| fits(item, given)))
            .map(|(_, position)| position)
            .collect()
    }

    /// Appends, or says why not. `TooBroad` is not its business, nor how late a conflict is.
    pub fn append(&mut self, appending: &Appending) -> Outcome {
        if let Some(marker) = appending.marker
            && let Some((fingerprint, appended)) = self.markers.get(&marker.id)
        {
            return if *fingerprint == marker.fingerprint { Outcome::Repeated(*appended) } else { Outcome::IdReused };
        }
        let lost = appending.locks.iter().position(|(name, token)| self.locks.get(name) != Some(token));
        if let Some(index) = lost {
            return Outcome::LockLost(index);
        }
        if let Some(condition) = &appending.condition {
            let after = condition.after;
            if after.position > self.head() {
                return Outcome::Ahead(self.head());
            }
            if after.position > 0 && after.id.tail() != self.id(after.position).tail() {
                return Outcome::Rewritten(after.position);
            }
            if let Some(last) = self.matching(&condition.query, after.position + 1, self.head()).last() {
                return Outcome::Conflict { head: self.head(), position: *last };
            }
        }
        Outcome::Appended(self.write(appending))
    }

    fn write(&mut self, appending: &Appending) -> Appended {
        let none = appending.events.is_empty();
        let first = if none { 0 } else { self.head() + 1 };
        let command = if appending.command.is_some() { self.commands.len() as u64 + 1 } else { 0 };
        self.events.extend(appending.events.iter().map(|given| (given.clone(), command)));
        let last = if none { 0 } else { self.head() };
        if let Some(command) = appending.command.clone() {
            self.commands.push(Record { command, first, last });
        }
        let cursor = at(self.head(), Id(self.id(self.head()).tail().into()));
        let appended = Appended { first, last, command, cursor };
        if let Some(marker) = appending.marker {
            self.markers.insert(marker.id, (marker.fingerprint, appended));
        }
        appended
    }
}

/// Written without the codec's own.
fn fits(item: &Item, given: &Given) -> bool {
    let of_type = item.types.is_empty() || item.types.contains(&given.event.kind);
    of_type && item.tags.iter().all(|tag| given.event.tags.contains(tag))
}
