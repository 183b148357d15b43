//! Subscribers: what they were promised, and what they got.

use std::collections::BTreeMap;

use coracle_core::pubsub::Kind;
use coracle_core::wire::{Cause, Failure};

use crate::server::Name;
use crate::value::Value;
use crate::world::{Check, World, note};

/// A subscription, as its caller sees it.
#[derive(Debug)]
pub struct Subscriber {
    pub kind: Kind,
    pub own_link: bool,
    /// Of each name: the place, among its publications, of the next one that must come; none before `subscribed`.
    pub names: BTreeMap<Vec<u8>, Option<usize>>,
    /// It was told `subscribed`, and of no gap since.
    pub live: bool,
    /// It was told so by this instance, perhaps before a gap.
    pub was_live: bool,
    pub leaving: bool,
    pub ended: bool,
    /// Number of the last publication that came.
    last: u64,
    /// The connection that it came on, unless a gap was told since.
    from: Option<usize>,
    pub got: u64,
}

impl World {
    /// Somebody subscribes.
    pub fn subscribe(&mut self, id: u64, kind: Kind, own_link: bool, names: &[Vec<u8>]) -> Check {
        note!(self, "subscription {id}: {kind:?} {:?}{}", names_of(names), if own_link { ", own link" } else { "" });
        let subscriber = Subscriber {
            kind,
            own_link,
            names: names.iter().map(|name| (name.clone(), None)).collect(),
            live: false,
            was_live: false,
            leaving: false,
            ended: false,
            last: 0,
            from: None,
            got: 0,
        };
        self.host.subscribers.insert(id, subscriber);
        self.send_subscribe(id)
    }

    /// Somebody has enough.
    pub fn unsubscribe(&mut self, id: u64) -> Check {
        let Some(subscriber) = self.host.subscribers.get_mut(&id).filter(|at| !at.ended && !at.leaving) else {
            return Ok(());
        };
        subscriber.leaving = true;
        note!(self, "subscription {id} is to end");
        self.call(None, |core, now| core.unsubscribe(now, id))
    }

    /// After a trap: what the lost core was told, the new one is told as well.
    pub fn subscribe_again(&mut self) -> Check {
        let ids: Vec<u64> = self.host.subscribers.iter().filter(|(_, at)| !at.ended).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(subscriber) = self.host.subscribers.get_mut(&id) else { continue };
            (subscriber.live, subscriber.was_live, subscriber.from) = (false, false, None);
            // The host tells a gap.
            subscriber.names.values_mut().for_each(|required| *required = None);
            if subscriber.leaving {
                subscriber.ended = true;
                continue;
            }
            self.send_subscribe(id)?;
        }
        Ok(())
    }

    /// `subscribed`: from now on each message must come.
    pub fn subscribed(&mut self, id: u64) -> Check {
        note!(self, "subscription {id} is confirmed");
        let Some(subscriber) = self.host.subscribers.get_mut(&id).filter(|at| !at.ended) else {
            return Err(format!("subscription {id} is confirmed, and is not one"));
        };
        if subscriber.live {
            return Err(format!("subscription {id} is confirmed twice, without a gap between"));
        }
        (subscriber.live, subscriber.was_live) = (true, true);
        let kind = subscriber.kind;
        for (name, required) in &mut subscriber.names {
            *required = Some(self.server.publications_of(&(kind, name.clone())));
        }
        self.count("subscribed");
        Ok(())
    }

    /// `gap`: what follows need not follow at once.
    pub fn gap(&mut self, id: u64) -> Check {
        note!(self, "subscription {id} has a gap");
        let Some(subscriber) = self.host.subscribers.get_mut(&id).filter(|at| !at.ended) else {
            return Err(format!("subscription {id} has a gap, and is not one"));
        };
        // Of several names, some may have been confirmed.
        if !subscriber.live && subscriber.names.len() == 1 {
            return Err(format!("subscription {id} has a gap where it was not confirmed"));
        }
        (subscriber.live, subscriber.from) = (false, None);
        subscriber.names.values_mut().for_each(|required| *required = None);
        self.count("gaps");
        Ok(())
    }

    /// It is over.
    pub fn subscription_ended(&mut self, id: u64, verdict: Option<(Failure, Cause)>) -> Check {
        note!(self, "subscription {id} ended: {verdict:?}");
        let (forbidden, denials, draining) = (self.host.forbidden, self.host.denials, self.host.draining);
        let Some(subscriber) = self.host.subscribers.get_mut(&id).filter(|at| !at.ended) else {
            return Err(format!("subscription {id} ended, and is not one"));
        };
        let allowed = match verdict {
            None => subscriber.leaving,
            Some((Failure::NotSent, Cause::Closing)) => draining,
            // The place of one that had a link is kept for it.
            Some((Failure::Limit, _)) => !subscriber.was_live,
            Some((Failure::Refused, _)) => forbidden || denials && !subscriber.was_live,
            Some(_) => false,
        };
        if !allowed {
            return Err(format!("subscription {id} ended for no reason: {verdict:?}"));
        }
        subscriber.ended = true;
        subscriber.live = false;
        self.count("subscriptions ended");
        Ok(())
    }

    /// A message: of a name that was asked for, in order, and none missing while all is well.
    pub fn message(&mut self, id: u64, value: &Value, connection: Option<usize>) -> Check {
        let wrong = |what: &str| Err(format!("subscription {id} got {value:?}: {what}"));
        let Value::Array(parts) = value else { return wrong("which is no message") };
        let (Some(Value::Bulk(name)), Some(Value::Bulk(channel)), Some(Value::Bulk(payload))) =
            (parts.first(), parts.get(parts.len().wrapping_sub(2)), parts.last())
        else {
            return wrong("which is no message");
        };
        let text = String::from_utf8_lossy(payload).into_owned();
        let number = text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
        let Some(number) = number.filter(|_| text.ends_with(&*String::from_utf8_lossy(channel))) else {
            return wrong("whose payload is of another channel");
        };
        let Some(subscriber) = self.host.subscribers.get_mut(&id).filter(|at| !at.ended) else {
            return wrong("and is not one");
        };
        if parts.len() != if subscriber.kind == Kind::Pattern { 3 } else { 2 } {
            return wrong("which is a message of another kind");
        }
        let key: Name = (subscriber.kind, name.clone());
        let Some(required) = subscriber.names.get_mut(name) else { return wrong("which it did not ask for") };
        let place = self.server.published.get(&key).and_then(|all| all.binary_search(&number).ok());
        let Some(place) = place else { return wrong("which was never published so") };
        if subscriber.from.is_some() && subscriber.from != connection {
            return wrong("on another connection than the one before, and no gap was told");
        }
        subscriber.from = connection;
        if number < subscriber.last {
            return wrong("after a later one");
        }
        if let Some(next) = required {
            if place > *next {
                return wrong("where an earlier one is missing, and no gap was told");
            }
            *next = (*next).max(place + 1);
        }
        subscriber.last = number;
        subscriber.got += 1;
        note!(self, "subscription {id} gets publication {number}");
        self.count("messages");
        Ok(())
    }

    fn send_subscribe(&mut self, id: u64) -> Check {
        let Some(subscriber) = self.host.subscribers.get(&id) else { return Ok(()) };
        let (kind, own_link) = (subscriber.kind, subscriber.own_link);
        let names: Vec<Vec<u8>> = subscriber.names.keys().cloned().collect();
        let lengths: Vec<u32> = names.iter().map(|name| name.len() as u32).collect();
        let instance = self.host.instance;
        self.call(None, |core, now| core.subscribe(now, id, kind, own_link, &lengths, &names.concat()))?;
        // Where that call trapped, the new core was told with the others.
        debug_assert!(self.host.instance >= instance);
        Ok(())
    }
}

fn names_of(names: &[Vec<u8>]) -> Vec<String> {
    names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}
