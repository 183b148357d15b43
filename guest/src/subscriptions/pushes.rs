//! What a server says unasked on a link: messages, confirmations, keys that have changed.

use super::hub_of;
use crate::client::Core;
use crate::inflight::What;
use crate::link::{has_room, strip_message};
use crate::output::Verdict;
use crate::pubsub::Kind;
use crate::push::{Push, classify};
use crate::resp::decode::Fault;
use crate::wire::{Cause, EventKind, Failure};

impl Core {
    /// A whole push.
    pub(crate) fn push(&mut self, now: u64, id: u32, fed: &[u8], mark: usize) -> Result<(), Fault> {
        let Some(at) = self.links.iter().position(|link| link.id == id) else { return Ok(()) };
        let Some(link) = self.links.get_mut(at) else { return Ok(()) };
        let (parts, route) = {
            let hub = hub_of(link);
            let rows = self.out.nodes.get(mark * 2..).unwrap_or_default();
            let push = if link.has_parts() {
                Push::Unknown
            } else {
                classify(rows, |offset, size| link.text(fed, offset, size))
            };
            match push {
                Push::Message(kind, name) if !self.hubs.audience(hub, kind, name).is_empty() => {
                    strip_message(mark, &mut self.out);
                    let nodes = self.out.since(mark);
                    self.hubs.publish(hub, kind, name, id, nodes, &mut self.out);
                    link.end_push();
                    return has_room(&self.out);
                }
                Push::Subscribed(kind, name) => {
                    let name = Box::from(name);
                    return self.confirmed(id, kind, name, mark);
                }
                Push::Unsubscribed(kind, name) => {
                    let name: Box<[u8]> = Box::from(name);
                    return self.unsubscribed(now, id, kind, &name, mark);
                }
                Push::Pong if link.inflight.front().is_some_and(|entry| entry.what == What::Probe) => {
                    link.inflight.pop();
                    link.end_push()
                }
                Push::Invalidate if link.handshake.tracks => {
                    link.end_push();
                    self.invalidated(id, mark);
                    return Ok(());
                }
                Push::Message(..) | Push::Unknown | Push::Pong | Push::Invalidate => link.end_push(),
            }
        };
        if !parts {
            self.out.rewind(mark);
            return Ok(());
        }
        let nodes = self.out.since(mark);
        let delivered =
            route.is_some_and(|(kind, name)| self.hubs.publish(hub_of(link), kind, &name, id, nodes, &mut self.out));
        if !delivered {
            self.out.event(EventKind::Discard, 0, id, 0, nodes);
        }
        Ok(())
    }

    /// A push whose end passes by, or that is too long to be kept: its front leaves now.
    pub(crate) fn passing_push(&mut self, id: u32, fed: &[u8], mark: usize) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let rows = self.out.nodes.get(mark * 2..).unwrap_or_default();
        let push = classify(rows, |offset, size| link.text(fed, offset, size));
        let forgets = push == Push::Invalidate && link.handshake.tracks;
        let route = match push {
            Push::Message(kind, name) => {
                Some((kind, Box::from(name))).filter(|_| !self.hubs.audience(hub_of(link), kind, name).is_empty())
            }
            _ => None,
        };
        if route.is_some() {
            strip_message(mark, &mut self.out);
        }
        link.part_of_push(route, mark, &mut self.out);
        if forgets {
            // Which keys they are passes by the core, or is not kept: they may be any.
            self.forget_all();
        }
    }

    fn confirmed(&mut self, id: u32, kind: Kind, name: Box<[u8]>, mark: usize) -> Result<(), Fault> {
        self.out.rewind(mark);
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return Ok(()) };
        link.end_push();
        let Some(What::Subscribe(asked, left, _)) = link.inflight.front_mut().map(|entry| &mut entry.what) else {
            return Err(unasked("a subscription was confirmed that was not asked for"));
        };
        if *asked != kind {
            return Err(unasked("a subscription of another kind was confirmed than was asked for"));
        }
        *left = left.saturating_sub(1);
        if *left == 0 {
            link.inflight.pop();
        }
        let hub = hub_of(link);
        self.hubs.confirmed(hub, kind, &name, &mut self.out);
        Ok(())
    }

    fn unsubscribed(&mut self, now: u64, id: u32, kind: Kind, name: &[u8], mark: usize) -> Result<(), Fault> {
        self.out.rewind(mark);
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return Ok(()) };
        link.end_push();
        let hub = hub_of(link);
        let wanted = self.hubs.is_confirmed(hub, kind, name);
        match link.inflight.front_mut().map(|entry| (entry.id, &mut entry.what)) {
            Some((subscription, What::Unsubscribe(asked, left))) if *asked == kind && !wanted => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    link.inflight.pop();
                    if subscription != 0 {
                        self.out.notice(EventKind::Ended, subscription);
                    }
                }
            }
            // The server ends it by itself, as when a slot moves away.
            _ => {
                for lost in self.hubs.lose_name(hub, kind, name) {
                    let verdict = Verdict::new(Failure::NotSent, Cause::Lost);
                    self.out.ended(lost, verdict, "the server ended the subscription");
                    self.drop_subscription(lost);
                }
                self.serve_leases(now);
            }
        }
        Ok(())
    }
}

fn unasked(text: &str) -> Fault {
    Fault { cause: Cause::Protocol, text: text.to_owned() }
}
