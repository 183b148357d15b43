//! What was sent for the names of subscriptions, on which link, and what the server said to it.

use super::{Hubs, Kind, Name, Names};
use crate::mutant::{self, Mutant};
use crate::output::Output;
use crate::wire::{EventKind, NEVER};

impl Hubs {
    /// Names of a subscription, from this place on, that have to be sent on its hub's link in one command, and its
    /// number; they count as sent from now on. Moves the place behind them.
    pub fn unsent(&mut self, id: u64, place: &mut usize, most: usize) -> Option<(Kind, Names, u32)> {
        let subscriber = self.subscribers.get(&id)?;
        let hub = self.hubs.get_mut(&subscriber.hub).filter(|hub| hub.live)?;
        let number = self.asked.wrapping_add(1);
        let mut names = Names::new();
        while let Some(name) = subscriber.names.get(*place).filter(|_| names.len() < most) {
            *place += 1;
            if let Some(entry) = hub.names.get_mut(&(subscriber.kind, name.clone()))
                && !entry.sent
            {
                (entry.sent, entry.asked) = (true, number);
                entry.unconfirmed += 1;
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            return None;
        }
        self.asked = number;
        Some((subscriber.kind, names, number))
    }

    /// The hub's link is ready: every name has to be sent.
    pub fn link_ready(&mut self, hub: u64) {
        let Some(at) = self.hubs.get_mut(&hub) else { return };
        (at.live, at.was_live) = (true, true);
        at.attempts = 0;
        at.retry_at = NEVER;
        at.unsent_from = Some(0);
        at.reset();
        for subscriber in self.subscribers.values_mut().filter(|subscriber| subscriber.hub == hub) {
            subscriber.waiting = subscriber.names.len();
        }
    }

    /// The hubs that have names to be sent.
    #[must_use]
    pub fn sending(&self) -> Vec<u64> {
        self.hubs.iter().filter(|(_, hub)| hub.unsent_from.is_some()).map(|(id, _)| *id).collect()
    }

    /// The next subscription whose names may have to be sent.
    pub fn next_to_send(&mut self, hub: u64) -> Option<u64> {
        let at = self.hubs.get_mut(&hub)?;
        let mut rest = self.subscribers.range(at.unsent_from?..).filter(|(_, subscriber)| subscriber.hub == hub);
        let next = rest.next().map(|(id, _)| *id);
        at.unsent_from = next.and_then(|id| id.checked_add(1));
        next
    }

    /// The hub's link is gone: those who may have had a message by it are told of the gap.
    pub fn link_lost(&mut self, hub: u64, out: &mut Output) {
        let Some(at) = self.hubs.get_mut(&hub) else { return };
        at.link = None;
        at.live = false;
        at.unsent_from = None;
        at.reset();
        at.was_live &= at.wanted();
        for (id, subscriber) in self.subscribers.iter_mut().filter(|(_, subscriber)| subscriber.hub == hub) {
            let none = std::mem::replace(&mut subscriber.waiting, subscriber.names.len()) == subscriber.names.len();
            subscriber.told = false;
            if !none && !mutant::on(Mutant::HideGaps) {
                out.notice(EventKind::Gap, *id);
            }
        }
    }

    /// The server confirmed a name.
    pub fn confirmed(&mut self, hub: u64, kind: Kind, name: &[u8], out: &mut Output) {
        let key = (kind, Box::from(name));
        let Some(at) = self.hubs.get_mut(&hub) else { return };
        let Some(entry) = at.names.get_mut(&key) else { return };
        entry.unconfirmed = entry.unconfirmed.saturating_sub(1);
        if entry.unconfirmed > 0 {
            return;
        }
        let subscribers = if entry.subscribers.is_empty() {
            at.names.remove(&key);
            return;
        } else {
            entry.subscribers.clone()
        };
        for id in subscribers {
            if let Some(subscriber) = self.subscribers.get_mut(&id) {
                subscriber.waiting = subscriber.waiting.saturating_sub(1);
            }
            self.tell_if_live(id, out);
        }
    }

    /// Whether somebody wants this name, and the server has confirmed it.
    #[must_use]
    pub fn is_confirmed(&self, hub: u64, kind: Kind, name: &[u8]) -> bool {
        let entry = self.hubs.get(&hub).and_then(|at| at.names.get(&(kind, Box::from(name))));
        entry.is_some_and(|entry| entry.sent && entry.unconfirmed == 0)
    }

    /// The server ended this name by itself. Gives those who wanted it, unless it is being asked for anew.
    pub fn lose_name(&mut self, hub: u64, kind: Kind, name: &[u8]) -> Vec<u64> {
        let entry = self.hubs.get_mut(&hub).and_then(|at| at.names.get_mut(&(kind, Box::from(name))));
        entry.filter(|entry| entry.unconfirmed == 0).map_or_else(Vec::new, |entry| {
            // It need not hear of it.
            entry.sent = false;
            entry.subscribers.clone()
        })
    }

    /// The server confirms none of the names of this command, so many as it had: they count as not sent. Gives everyone
    /// who wants one of them; `None` where not all are known any more.
    pub fn refuse(&mut self, hub: u64, command: u32, count: u32) -> Option<Vec<u64>> {
        let at = self.hubs.get_mut(&hub)?;
        let of_it = |name: &Name| name.unconfirmed > 0 && name.asked == command;
        if at.names.values().filter(|name| of_it(name)).count() != count as usize {
            return None;
        }
        let mut wanted = Vec::new();
        at.names.retain(|_, name| {
            if of_it(name) {
                name.unconfirmed -= 1;
                name.sent = false;
                wanted.extend_from_slice(&name.subscribers);
            }
            name.unconfirmed > 0 || !name.subscribers.is_empty()
        });
        wanted.sort_unstable();
        wanted.dedup();
        Some(wanted)
    }
}
