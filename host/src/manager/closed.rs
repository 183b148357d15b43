//! Links that are no more: what the core is told of them, and who watches the client.

use super::lane::{Closing, Lane};
use crate::engine::Reason;
use crate::error::Cause;
use crate::event::Event;
use crate::rows::events;
use crate::states::ClientState;
use crate::stats::add;
use crate::wit::{self, EventKind};

impl Lane {
    /// Tells the core of links that are no more.
    pub(super) fn report_closed(&mut self) {
        while let Some(Closing { link: id, reason, detail }) = self.closings.pop() {
            let Some(place) = self.links.iter().position(|link| link.id == id) else { continue };
            // Dropping the link closes its socket.
            let link = self.links.remove(place);
            let (written, open) = (link.output.written, link.open.is_some());
            self.touched = self.touched.max(link.output.touched);
            drop(link);
            let mut end = ended(reason, open, &detail);
            self.count_end(end.as_ref());
            // Else this host closed it.
            let asked = reason == Reason::Local && detail.is_empty() && self.give_up.is_none();
            let was_ready = self.state == ClientState::Ready;
            let done = self.drive(None, |instance, now| instance.closed(now, id, reason, written, &detail));
            if asked && done.is_some() {
                end = self.given_up(open, was_ready);
                self.count_end(end.as_ref());
            }
            // Not before: what somebody sends who hears of it is to go on another lane, if this one has no connection.
            if let Some(end) = end {
                self.tell(|| end);
            }
        }
    }

    fn count_end(&self, end: Option<&Event>) {
        match end {
            Some(Event::LinkLost { .. }) => add(&self.counters().links_lost, 1),
            Some(_) => add(&self.counters().connects_failed, 1),
            None => {}
        }
    }

    /// What became of a link that the core had closed, and was just told of; nothing if it had no more use for it. The
    /// contract has no word for that: what it meant for others is in the rows.
    fn given_up(&self, open: bool, was_ready: bool) -> Option<Event> {
        const CONNECTING: u8 = wit::ClientState::Connecting as u8;
        let detail = || self.state.error().map_or_else(String::new, |error| error.to_string());
        let failed = |cause| Some(Event::ConnectFailed { cause, detail: detail() });
        let lost = |cause: Cause| {
            let detail = lost_text(cause).to_owned();
            Some(if open { Event::LinkLost { cause, detail } } else { Event::ConnectFailed { cause, detail } })
        };
        for event in events(&self.report.events).flatten() {
            let (first, cause) = event.detail_bytes();
            let cause = Cause::from_wire(cause).unwrap_or(Cause::None);
            match (event.kind, cause) {
                (EventKind::State, _) if first == CONNECTING => return lost(cause),
                (EventKind::State, _) => return failed(cause),
                (EventKind::Failed | EventKind::Leased | EventKind::Ended, cause) => match cause {
                    Cause::Lost | Cause::Silent | Cause::Protocol | Cause::TooLarge => return lost(cause),
                    Cause::Unreachable | Cause::Denied | Cause::Loading | Cause::Replica => return failed(cause),
                    _ => {}
                },
                (EventKind::Gap, _) if open => return lost(Cause::Lost),
                _ => {}
            }
        }
        // That one more try was in vain is told to nobody.
        let cause = self.state.error().map_or(Cause::Unreachable, |error| error.cause());
        if was_ready { None } else { failed(cause) }
    }
}

/// What became of a link that ended by itself; nothing if this client closed it.
fn ended(reason: Reason, open: bool, detail: &str) -> Option<Event> {
    let detail = detail.to_owned();
    match reason {
        Reason::Local => None,
        _ if open => Some(Event::LinkLost { cause: Cause::Lost, detail }),
        Reason::Denied | Reason::Tls => Some(Event::ConnectFailed { cause: Cause::Denied, detail }),
        Reason::Refused | Reason::Lost => Some(Event::ConnectFailed { cause: Cause::Unreachable, detail }),
    }
}

/// Why the core gave a link up, for people.
fn lost_text(cause: Cause) -> &'static str {
    match cause {
        Cause::Silent => "the server fell silent",
        Cause::Protocol => "the server did not keep to the protocol",
        Cause::TooLarge => "the server sent more than the limits allow",
        _ => "it was given up",
    }
}
