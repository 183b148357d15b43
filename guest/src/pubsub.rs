//! Who subscribed to what, on which link: names are counted, so two subscriptions of one channel send one SUBSCRIBE.
//!
//! A *hub* is all the names that share a link, on which there is nothing else: servers limit the output of a connection
//! that has subscribed, replies included. Hub 0 is the shared one; a subscription with `own-link` has a hub whose id is
//! its own.

use std::collections::BTreeMap;

use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Output, Verdict};
use crate::wire::{Cause, EventKind, Failure, NEVER};

/// The shared hub.
pub const SHARED: u64 = 0;
/// No hub's id: no host gives it to a subscription, as it counts up from 1.
pub const NO_HUB: u64 = u64::MAX;
/// Longest name.
pub const MAX_NAME: usize = 65_536;
/// What all subscriptions may take: twice the bytes of each one's names, and [`NAME`] for each name. About 30,000 short
/// ones.
pub const MAX_NAMES: usize = 6 << 20;
/// What a name takes beside its bytes.
pub const NAME: usize = 192;

/// What the names of a subscription are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "documented in wit/pubsub.wit")]
pub enum Kind {
    Channel,
    Pattern,
    Shard,
    Monitor,
}

impl Kind {
    /// The command that subscribes, and the one that ends it.
    #[must_use]
    pub const fn commands(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Channel => (b"SUBSCRIBE", b"UNSUBSCRIBE"),
            Self::Pattern => (b"PSUBSCRIBE", b"PUNSUBSCRIBE"),
            Self::Shard => (b"SSUBSCRIBE", b"SUNSUBSCRIBE"),
            // It ends with its link.
            Self::Monitor => (b"MONITOR", b""),
        }
    }
}

type Key = (Kind, Box<[u8]>);

#[derive(Debug, Default)]
struct Name {
    subscribers: Vec<u64>,
    /// SUBSCRIBEs sent and not confirmed.
    unconfirmed: u32,
    /// A SUBSCRIBE was sent on the present link.
    sent: bool,
    /// The number of the last one.
    asked: u32,
}

/// The names that share a link.
#[derive(Debug)]
pub struct Hub {
    /// The link, while there is one (opening, perhaps).
    pub link: Option<u32>,
    /// When to open one, `NEVER` while that waits for something else.
    pub retry_at: u64,
    /// Failures in a row.
    pub attempts: u32,
    /// Names could be sent on a link of it, and some are still wanted.
    pub was_live: bool,
    /// Names of this subscription, and of those after it, may have to be sent on the new link.
    unsent_from: Option<u64>,
    live: bool,
    names: BTreeMap<Key, Name>,
}

#[derive(Debug)]
struct Subscriber {
    hub: u64,
    kind: Kind,
    names: Vec<Box<[u8]>>,
    /// Names that the server has yet to confirm.
    waiting: usize,
    /// Was told `subscribed` since its link was last made.
    told: bool,
}

/// All subscriptions of a client.
#[derive(Debug, Default)]
pub struct Hubs {
    hubs: BTreeMap<u64, Hub>,
    subscribers: BTreeMap<u64, Subscriber>,
    /// SUBSCRIBEs up to now: each has a number.
    asked: u32,
    /// What the names of all take.
    taken: usize,
    /// When to go on with what hubs have to send, if they have.
    pub send_at: Option<u64>,
}

/// Names to be sent in one command.
pub type Names = Vec<Box<[u8]>>;

impl Hubs {
    /// Whether this id is in use.
    #[must_use]
    pub fn knows(&self, subscription: u64) -> bool {
        self.subscribers.contains_key(&subscription)
    }

    /// The hub of a subscription.
    #[must_use]
    pub fn hub_of(&self, subscription: u64) -> Option<u64> {
        self.subscribers.get(&subscription).map(|subscriber| subscriber.hub)
    }

    /// All hubs.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Hub)> {
        self.hubs.iter().map(|(id, hub)| (*id, hub))
    }

    /// A hub, to change its link.
    pub fn hub(&mut self, id: u64) -> Option<&mut Hub> {
        self.hubs.get_mut(&id)
    }

    /// When to open links for hubs that lack one.
    #[must_use]
    pub fn wake_at(&self, can_open: bool) -> u64 {
        if self.send_at.is_some() || !can_open || self.hubs.is_empty() {
            return self.send_at.unwrap_or(NEVER);
        }
        let wanting = self.hubs.values().filter(|hub| hub.wants_link());
        wanting.map(|hub| hub.retry_at).min().unwrap_or(NEVER)
    }

    /// How many of these hubs want a link and have none.
    #[must_use]
    pub fn without_link(&self, of: impl Fn(&Hub) -> bool) -> usize {
        self.hubs.values().filter(|hub| of(hub) && hub.wants_link()).count()
    }

    /// All subscriptions, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        self.subscribers.keys().copied().collect()
    }

    /// Adds a subscription; it is live once `unsent` names were sent and confirmed. `false` where all would take more
    /// than they may.
    #[must_use]
    pub fn add(&mut self, id: u64, kind: Kind, hub: u64, mut names: Names) -> bool {
        names.sort_unstable();
        names.dedup();
        let taken = self.taken + size(&names);
        if taken > MAX_NAMES {
            return false;
        }
        self.taken = taken;
        let at = self.hubs.entry(hub).or_insert_with(Hub::new);
        let mut waiting = 0;
        for name in &names {
            let entry = at.names.entry((kind, name.clone())).or_default();
            entry.subscribers.push(id);
            waiting += usize::from(!entry.sent || entry.unconfirmed > 0);
        }
        self.subscribers.insert(id, Subscriber { hub, kind, names, waiting, told: false });
        true
    }

    /// Says `subscribed` if all names are confirmed already.
    pub fn tell_if_live(&mut self, id: u64, out: &mut Output) {
        if let Some(subscriber) = self.subscribers.get_mut(&id)
            && subscriber.waiting == 0
            && !subscriber.told
        {
            subscriber.told = true;
            out.notice(EventKind::Subscribed, id);
        }
    }

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

    /// Takes a subscription away. Gives the names that nobody wants any more and that the server should hear of.
    pub fn remove(&mut self, id: u64) -> Option<(u64, Kind, Names)> {
        let subscriber = self.subscribers.remove(&id)?;
        self.taken = self.taken.saturating_sub(size(&subscriber.names));
        let mut unwanted = Names::new();
        if let Some(hub) = self.hubs.get_mut(&subscriber.hub) {
            for name in subscriber.names {
                let key = (subscriber.kind, name);
                let Some(entry) = hub.names.get_mut(&key) else { continue };
                entry.subscribers.retain(|subscribed| *subscribed != id);
                if !entry.subscribers.is_empty() {
                    continue;
                }
                if entry.sent {
                    entry.sent = false;
                    unwanted.push(key.1.clone());
                }
                // An unconfirmed SUBSCRIBE is still to be counted, so that the next one's confirmation is not mistaken.
                if entry.unconfirmed == 0 {
                    hub.names.remove(&key);
                }
            }
        }
        Some((subscriber.hub, subscriber.kind, unwanted))
    }

    /// Drops a hub that has no names.
    pub fn forget_hub(&mut self, hub: u64) -> Option<Hub> {
        self.hubs.remove(&hub)
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

    /// Who is to get a message.
    #[must_use]
    pub fn audience(&self, hub: u64, kind: Kind, name: &[u8]) -> &[u64] {
        // A key that borrows would save this copy; names are short.
        let key = (kind, Box::from(name));
        if mutant::on(Mutant::MistakeNames) {
            return self.hubs.get(&hub).and_then(|at| at.names.values().next()).map_or(&[], |entry| &entry.subscribers);
        }
        self.hubs.get(&hub).and_then(|at| at.names.get(&key)).map_or(&[], |entry| &entry.subscribers)
    }

    /// Says a message to those who subscribed to the name, if anybody did.
    pub fn publish(&self, hub: u64, kind: Kind, name: &[u8], link: u32, nodes: Nodes, out: &mut Output) -> bool {
        let audience = self.audience(hub, kind, name);
        Self::say(audience, link, nodes, out);
        !audience.is_empty()
    }

    /// Says a message to its audience: the first row carries the value, the others say that it is the same.
    pub fn say(audience: &[u64], link: u32, nodes: Nodes, out: &mut Output) {
        const SAME: u32 = 1;
        for (place, id) in audience.iter().enumerate() {
            let (detail, nodes) = if place == 0 { (0, nodes) } else { (SAME, Nodes::NONE) };
            out.event(EventKind::Message, detail, link, *id, nodes);
        }
    }

    /// Ends all subscriptions.
    pub fn end_all(&mut self, why: &str, out: &mut Output) {
        for id in std::mem::take(&mut self.subscribers).into_keys() {
            out.ended(id, Verdict::new(Failure::NotSent, Cause::Closing), why);
        }
        *self = Self::default();
    }
}

/// What names take.
fn size(names: &Names) -> usize {
    names.iter().map(|name| 2 * name.len() + NAME).sum()
}

impl Hub {
    fn new() -> Self {
        Self {
            link: None,
            retry_at: NEVER,
            attempts: 0,
            was_live: false,
            unsent_from: None,
            live: false,
            names: BTreeMap::new(),
        }
    }

    /// Whether names can be sent on its link.
    #[must_use]
    pub fn live(&self) -> bool {
        self.live
    }

    /// Whether anybody wants anything of it.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.names.values().any(|name| !name.subscribers.is_empty())
    }

    /// Whether a link is to be opened for it.
    #[must_use]
    pub fn wants_link(&self) -> bool {
        self.link.is_none() && self.wanted()
    }

    /// Another link: nothing was sent on it, nothing is to be confirmed.
    fn reset(&mut self) {
        self.names.retain(|_, name| !name.subscribers.is_empty());
        for name in self.names.values_mut() {
            (name.sent, name.unconfirmed) = (false, 0);
        }
    }
}
