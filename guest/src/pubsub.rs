//! Who subscribed to what, on which link: names are counted, so two subscriptions of one channel send one SUBSCRIBE.
//!
//! A *hub* is all the names that share a link, on which there is nothing else: servers limit the output of a connection
//! that has subscribed, replies included. Hub 0 is the shared one; a subscription with `own-link` has a hub whose id is
//! its own.

mod sent;

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
            // With a link, that is asked when it is lost.
            hub.was_live &= hub.live || hub.wanted();
        }
        Some((subscriber.hub, subscriber.kind, unwanted))
    }

    /// Drops a hub that has no names.
    pub fn forget_hub(&mut self, hub: u64) -> Option<Hub> {
        self.hubs.remove(&hub)
    }

    /// Who is to get a message: whoever subscribed to the name, once the server has confirmed it. Before that, messages
    /// are for a subscription that has ended, and nobody is told of a gap behind them.
    #[must_use]
    pub fn audience(&self, hub: u64, kind: Kind, name: &[u8]) -> &[u64] {
        // A key that borrows would save this copy; names are short.
        let key = (kind, Box::from(name));
        if mutant::on(Mutant::MistakeNames) {
            return self.hubs.get(&hub).and_then(|at| at.names.values().next()).map_or(&[], |entry| &entry.subscribers);
        }
        let entry = self.hubs.get(&hub).and_then(|at| at.names.get(&key));
        entry.filter(|entry| entry.unconfirmed == 0).map_or(&[], |entry| &entry.subscribers)
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
