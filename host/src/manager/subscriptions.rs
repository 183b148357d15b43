//! Subscriptions: the core decides, readers get their notices.

use super::lane::Lane;
use crate::error::Error;
use crate::event::Event;
use crate::notices::{Notice, Wanted};
use crate::stats::add;

impl Lane {
    pub(super) fn subscribe(&mut self, wanted: Wanted) {
        if self.give_up.is_some() {
            wanted.queue.end(Some(Error::closed()));
            return;
        }
        self.last_subscription += 1;
        let id = self.last_subscription;
        self.subscriptions.insert(id, wanted);
        self.tell_subscription(id);
    }

    /// The server has confirmed, on this link.
    pub(super) fn subscribed(&mut self, id: u64, link: Option<u32>) {
        if let Some(wanted) = self.subscriptions.get_mut(&id) {
            wanted.confirmed = true;
        }
        self.notify(id, Notice::Subscribed);
        if let Some(link) = link {
            // It may have been full since before that link.
            self.hold_if_full(id, link);
        }
    }

    pub(super) fn notify(&mut self, id: u64, notice: Notice) {
        let Some(wanted) = self.subscriptions.get(&id) else { return };
        let gap = notice == Notice::Gap;
        let pushed = wanted.queue.push(notice);
        if pushed.dropped > 0 {
            add(&self.counters().messages_dropped, pushed.dropped);
            self.dropped += pushed.dropped;
        }
        if pushed.over {
            // Not now, for a call's events are being gone through.
            self.shared.signal.raise();
        }
        if gap {
            self.tell(|| Event::Gap);
        }
    }

    /// Says once for many how many messages were dropped.
    pub(super) fn tell_drops(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.tell(|| Event::Dropped(dropped));
        }
    }

    /// Stops reading a subscription's own link while its queue is full.
    pub(super) fn hold_if_full(&mut self, id: u64, link: u32) {
        let full = self.subscriptions.get(&id).is_some_and(|wanted| wanted.own_link && wanted.queue.hold());
        if full && let Some(link) = self.links.iter_mut().find(|candidate| candidate.id == link) {
            link.held = Some(id);
        }
    }

    /// Reads on where a reader has made room, or is gone.
    pub(super) fn release_links(&mut self) {
        let held = |id: &u64| self.subscriptions.get(id).is_some_and(|wanted| wanted.queue.is_held());
        for link in &mut self.links {
            link.held = link.held.filter(held);
        }
    }

    pub(super) fn end_subscription(&mut self, id: u64, error: Option<Error>) {
        if let Some(wanted) = self.subscriptions.remove(&id) {
            wanted.queue.end(error);
        }
        self.release_links();
    }

    /// Unsubscribes those that nobody reads.
    pub(super) fn drop_abandoned_subscriptions(&mut self) {
        let leaving: Vec<u64> = self
            .subscriptions
            .iter_mut()
            .filter(|(_, wanted)| !wanted.ending && wanted.queue.is_over())
            .map(|(id, wanted)| {
                wanted.ending = true;
                *id
            })
            .collect();
        for id in leaving {
            self.drive(None, |instance, now| instance.unsubscribe(now, id));
        }
        self.release_links();
    }

    /// A new instance knows of no subscription yet.
    pub(super) fn subscribe_again(&mut self) {
        self.subscriptions.retain(|_, wanted| !wanted.queue.is_over());
        let mut ids: Vec<u64> = self.subscriptions.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if self.subscriptions.get(&id).is_some_and(|wanted| wanted.confirmed) {
                self.notify(id, Notice::Gap);
            }
            self.tell_subscription(id);
        }
    }

    fn tell_subscription(&mut self, id: u64) {
        let Some(wanted) = self.subscriptions.get(&id) else { return };
        let (kind, own_link) = (wanted.kind, wanted.own_link);
        let (lengths, names) = (wanted.lengths.clone(), wanted.names.clone());
        self.drive(None, |instance, now| instance.subscribe(now, id, kind, own_link, &lengths, &names));
    }
}
