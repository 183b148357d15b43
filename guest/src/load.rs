//! How much is in flight, and when there is room for more.

use crate::client::Core;
use crate::link::{Link, Purpose};
use crate::wire::{ClientState, EventKind};

/// What is in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    requests: usize,
    bytes: u64,
}

impl Load {
    /// How many requests it has less than these.
    pub(crate) fn requests_left(self, requests: usize) -> usize {
        requests.saturating_sub(self.requests)
    }

    /// How many bytes it has less than these.
    pub(crate) fn bytes_left(self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.bytes)
    }

    /// Whether no more may be added to it.
    pub(crate) fn is_over(self, requests: usize, bytes: u64) -> bool {
        self.requests >= requests || self.bytes >= bytes
    }
}

impl Core {
    /// Tells the host to submit what it holds back, if there is room, or if it would only wait in vain.
    pub(crate) fn offer_room(&mut self) {
        if !self.starved {
            return;
        }
        let most = self.inflight_most();
        let limits = &self.settings.limits;
        let (bytes, queued, queued_bytes) =
            (u64::from(limits.inflight_bytes), limits.queued as usize, u64::from(limits.queued_bytes));
        // What blocks on a link of its own may do so for ever: only its place is gone, and that is counted below.
        let shared = self.load_of(|link| link.purpose != Purpose::Lease);
        let crowded =
            shared.is_over(queued.div_ceil(2), queued_bytes.div_ceil(2)) || self.load().is_over(queued, queued_bytes);
        let room = match self.connection.state {
            _ if self.draining.is_some() => true,
            ClientState::Connecting => false,
            ClientState::Ready if crowded => false,
            ClientState::Ready => self
                .main()
                .is_some_and(|link| link.inflight.len() <= most / 2 && link.inflight.bytes(link.sent) <= bytes / 2),
            ClientState::Down | ClientState::Denied | ClientState::Closed => true,
        };
        if room {
            self.starved = false;
            self.out.notice(EventKind::Room, 0);
        }
    }

    /// What is in flight on all links together.
    pub(crate) fn load(&self) -> Load {
        self.load_of(|_| true)
    }

    fn load_of(&self, counts: impl Fn(&Link) -> bool) -> Load {
        self.links.iter().filter(|link| counts(link)).fold(Load::default(), |load, link| Load {
            requests: load.requests + link.inflight.len(),
            bytes: load.bytes + link.inflight.bytes(link.sent),
        })
    }

    /// Requests that one link may have in flight.
    pub(crate) fn inflight_most(&self) -> usize {
        self.settings.limits.inflight.min(self.settings.limits.queued) as usize
    }
}
