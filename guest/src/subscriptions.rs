//! Subscriptions on their links: what is sent, what the server confirms, who gets a message.

mod pushes;

use crate::client::Core;
use crate::inflight::What;
use crate::link::{Link, Purpose, State};
use crate::monitor;
use crate::mutant::{self, Mutant};
use crate::output::Verdict;
use crate::pubsub::{Kind, MAX_NAME, NO_HUB, Names, SHARED};
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::wire::{Cause, ClientState, ErrorClass, EventKind, Failure, HELD, NEVER};

/// Most names of one SUBSCRIBE: more go in further ones.
const NAMES_A_COMMAND: usize = 1000;
/// Most names of one subscription.
const MAX_NAMES: usize = 16_384;
/// Bytes to be sent in one call, on new links, before what is left waits for the next call; and what it counts to look
/// at a subscription.
const PORTION: u64 = 65_536;
const STEP: u64 = 8;

impl Core {
    /// `pubsub.subscribe`.
    pub fn subscribe(&mut self, now: u64, id: u64, kind: Kind, own_link: bool, lengths: &[u32], names: &[u8]) {
        if self.hubs.knows(id) {
            // Ending it would end the one that is right.
            return;
        }
        let names = match split_names(kind, lengths, names) {
            Ok(names) => names,
            Err(why) => return self.out.ended(id, Verdict::new(Failure::Misuse, Cause::Usage), why),
        };
        if self.draining.is_some() {
            return self.out.ended(id, Verdict::new(Failure::NotSent, Cause::Closing), "the client is closing");
        }
        let hub = if own_link || kind == Kind::Monitor { id } else { SHARED };
        if !self.hubs.add(id, kind, hub, names) {
            let verdict = Verdict::new(Failure::Limit, Cause::None);
            return self.out.ended(id, verdict, "the names of all subscriptions take more than a client keeps");
        }
        match self.hubs.hub(hub).and_then(|hub| hub.link) {
            Some(_) => self.send_unsent(id),
            None => self.connect_hub(now, hub),
        }
        self.hubs.tell_if_live(id, &mut self.out);
    }

    /// `pubsub.unsubscribe`.
    pub fn unsubscribe(&mut self, now: u64, id: u64) {
        let Some((hub, kind, names)) = self.hubs.remove(id) else { return };
        if hub != SHARED {
            self.close_hub(hub);
            self.out.notice(EventKind::Ended, id);
        } else if !self.send_unsubscribe(kind, &names, id) {
            self.out.notice(EventKind::Ended, id);
        }
        // Who waits for a link may have the place of one that has become useless, or that was kept free.
        self.serve_leases(now);
    }

    /// Tells the server that nobody wants these shared names any more. `false` where there is nothing to be told.
    fn send_unsubscribe(&mut self, kind: Kind, names: &[Box<[u8]>], id: u64) -> bool {
        let Some(link) = self.hub_link(SHARED).filter(|_| !names.is_empty() && !mutant::on(Mutant::LoseUnsubscribes))
        else {
            return false;
        };
        let Some(link) = self.links.iter_mut().find(|candidate| candidate.id == link) else { return false };
        let commands = names.chunks(NAMES_A_COMMAND);
        let last = commands.len().saturating_sub(1);
        for (place, names) in commands.enumerate() {
            let what = What::Unsubscribe(kind, names.len() as u32);
            let id = if place == last { id } else { 0 };
            send_names(link, &mut self.effects, kind.commands().1, names, id, what);
        }
        true
    }

    /// Subscribes on links that have become ready, to so much that a call is not too long.
    pub(crate) fn subscribe_again(&mut self, now: u64) {
        self.hubs.send_at = None;
        let mut left = PORTION;
        for hub in self.hubs.sending() {
            while let Some(link) = self.hub_link(hub) {
                if left == 0 {
                    self.hubs.send_at = Some(now);
                    return;
                }
                let Some(id) = self.hubs.next_to_send(hub) else { break };
                if mutant::on(Mutant::ForgetResubscribe) && self.links.iter().any(|link| link.id > 3) {
                    continue;
                }
                let before = self.sent_on(link);
                self.send_unsent(id);
                self.hubs.tell_if_live(id, &mut self.out);
                left = left.saturating_sub(self.sent_on(link) - before + STEP);
            }
        }
    }

    fn sent_on(&self, link: u32) -> u64 {
        self.links.iter().find(|candidate| candidate.id == link).map_or(0, |link| link.sent)
    }

    /// Opens the links that hubs need and have waited for.
    pub(crate) fn open_hubs(&mut self, now: u64) {
        if self.connection.state != ClientState::Ready {
            return;
        }
        let due = |retry_at: u64| retry_at == NEVER || retry_at <= now;
        let wanting: Vec<u64> =
            self.hubs.iter().filter(|(_, hub)| hub.wants_link() && due(hub.retry_at)).map(|(id, _)| id).collect();
        for hub in wanting {
            self.connect_hub(now, hub);
        }
    }

    /// A hub's own link is gone: it gets another after a while.
    pub(crate) fn hub_closed(&mut self, now: u64, hub: u64, link: &Link, cause: Cause, why: &str) {
        if self.hubs.hub(hub).is_none_or(|at| at.link != Some(link.id)) {
            return;
        }
        self.hubs.link_lost(hub, &mut self.out);
        // Who was let in once is let in again, perhaps with other credentials.
        let was_live = self.hubs.hub(hub).is_some_and(|hub| hub.was_live) && !mutant::on(Mutant::EndDenied);
        if cause == Cause::Denied && !link.was_ready && !was_live {
            for id in self.hubs.ids().into_iter().filter(|id| self.hubs.hub_of(*id) == Some(hub)).collect::<Vec<_>>() {
                self.hubs.remove(id);
                self.out.ended(id, Verdict::new(Failure::Refused, cause), why);
            }
            self.hubs.forget_hub(hub);
            return;
        }
        let attempts = self.hubs.hub(hub).map_or(0, |hub| hub.attempts);
        let delay = self.backoff(attempts);
        if let Some(hub) = self.hubs.hub(hub) {
            hub.attempts = attempts.saturating_add(1);
            hub.retry_at = now.saturating_add(delay);
        }
    }

    /// The server refused a SUBSCRIBE, of this number and of so many names: whoever waits for one of them learns it.
    pub(crate) fn subscription_refused(&mut self, link: u32, command: (u32, u32), class: ErrorClass, mark: usize) {
        let Some(at) = self.links.iter().find(|candidate| candidate.id == link) else { return };
        if class.passes() {
            // All its names are asked for anew, after a while, on another link.
            let text = at.error_text();
            self.out.rewind(mark);
            return self.fail_link(link, Fault { cause: Cause::Lost, text });
        }
        let (number, names) = command;
        let Some(ids) = self.hubs.refuse(hub_of(at), number, names) else {
            self.out.rewind(mark);
            // Some of its names were given up, and asked for again since: begin anew, so that nobody waits in vain for
            // their confirmation.
            let text = "a subscription was refused that had ended meanwhile".to_owned();
            return self.fail_link(link, Fault { cause: Cause::Lost, text });
        };
        if ids.is_empty() {
            return self.out.rewind(mark);
        }
        let nodes = self.out.since(mark);
        let detail = Verdict::new(Failure::Refused, Cause::Denied).of_ended();
        for id in ids {
            self.out.event(EventKind::Ended, detail, link, id, nodes);
            self.drop_subscription(id);
        }
    }

    /// Takes a subscription away of which a name was lost: its other names are of no use.
    fn drop_subscription(&mut self, id: u64) {
        match self.hubs.remove(id) {
            Some((SHARED, kind, names)) => _ = self.send_unsubscribe(kind, &names, 0),
            Some((hub, _, _)) => self.close_hub(hub),
            None => {}
        }
    }

    /// Gives a hub a link if one can be had now. The place of one that had a link is kept for it.
    fn connect_hub(&mut self, now: u64, hub: u64) {
        if self.connection.state != ClientState::Ready {
            return;
        }
        let Some(endpoint) = self.main().map(|main| main.endpoint.clone()) else { return };
        let was_live = self.hubs.hub(hub).is_some_and(|hub| hub.was_live) && !mutant::on(Mutant::TakePlaces);
        let kept = if was_live { 0 } else { self.hubs.without_link(|hub| hub.was_live) };
        let most = (self.settings.limits.links as usize).saturating_sub(kept);
        if self.links.len() >= most {
            let closing = self.links.iter().filter(|link| link.state == State::Closing).count();
            let makes_room = self.links.len() - closing < most || self.close_an_idle_lease();
            if !makes_room && !was_live {
                return self.end_hub(hub, "no more links may be opened: limits.links");
            }
            if let Some(hub) = self.hubs.hub(hub) {
                // Looked at when a link has closed.
                hub.retry_at = NEVER;
            }
            return;
        }
        let link = self.open_link(now, Purpose::Hub(hub), endpoint);
        if let Some(hub) = self.hubs.hub(hub) {
            hub.link = Some(link);
            hub.retry_at = NEVER;
        }
    }

    fn end_hub(&mut self, hub: u64, why: &str) {
        for id in self.hubs.ids() {
            if self.hubs.hub_of(id) == Some(hub) {
                self.hubs.remove(id);
                self.out.ended(id, Verdict::new(Failure::Limit, Cause::None), why);
            }
        }
        self.close_hub(hub);
    }

    fn close_hub(&mut self, hub: u64) {
        if let Some(link) = self.hubs.forget_hub(hub).and_then(|hub| hub.link) {
            self.fail_link(link, Fault { cause: Cause::Cancelled, text: "its subscription ended".to_owned() });
        }
    }

    /// The hub's link, if names can be sent on it.
    fn hub_link(&mut self, hub: u64) -> Option<u32> {
        let link = self.hubs.hub(hub).filter(|hub| hub.live()).and_then(|hub| hub.link)?;
        self.links.iter().any(|candidate| candidate.id == link && candidate.state == State::Ready).then_some(link)
    }

    fn send_unsent(&mut self, id: u64) {
        let Some(link) = self.hubs.hub_of(id).and_then(|hub| self.hub_link(hub)) else { return };
        let Some(link) = self.links.iter_mut().find(|candidate| candidate.id == link) else { return };
        let mut place = 0;
        while let Some((kind, names, number)) = self.hubs.unsent(id, &mut place, NAMES_A_COMMAND) {
            let what = What::Subscribe(kind, names.len() as u32, number);
            let named = if kind == Kind::Monitor { &[] } else { &names[..] };
            send_names(link, &mut self.effects, kind.commands().0, named, id, what);
        }
    }
}

/// Which hub's names are on this link: on one for commands, none are.
fn hub_of(link: &Link) -> u64 {
    match link.purpose {
        Purpose::Main | Purpose::Lease => NO_HUB,
        Purpose::Hub(hub) => hub,
    }
}

fn send_names(
    link: &mut Link,
    effects: &mut crate::effects::Effects,
    command: &[u8],
    names: &[Box<[u8]>],
    id: u64,
    what: What,
) {
    let bytes = effects.send(link.id, |out| {
        encode::command(out, names.len() as u32 + 1);
        encode::argument(out, command);
        for name in names {
            encode::argument(out, name);
        }
    });
    link.wrote(bytes as u64, id, NEVER, what);
}

fn split_names(kind: Kind, lengths: &[u32], mut bytes: &[u8]) -> Result<Names, &'static str> {
    if kind == Kind::Monitor {
        return if lengths.is_empty() && bytes.is_empty() { Ok(monitor::names()) } else { Err("MONITOR has no names") };
    }
    if lengths.is_empty() {
        return Err("a subscription needs at least one name");
    }
    if lengths.len() > MAX_NAMES {
        return Err("a subscription has at most 16384 names");
    }
    let mut names = Names::new();
    for length in lengths {
        if length & HELD != 0 || *length as usize > MAX_NAME {
            return Err("a name has at most 65536 bytes, and is not held");
        }
        let (name, rest) = bytes.split_at_checked(*length as usize).ok_or("lengths and names do not fit")?;
        names.push(Box::from(name));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(names) } else { Err("lengths and names do not fit") }
}
