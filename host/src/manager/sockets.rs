//! Sockets to the core and back.

use std::io;
use std::task::{Context, Poll};

use super::awaiter::LEAST;
use super::events::Feed;
use super::lane::{Closing, Lane};
use super::link::{Io, Link};
use super::looks::{Coming, Next};
use super::nap::nap;
use super::neighbours::Thread;
use crate::engine::{Reason, Traffic};
use crate::stats::{OpenLink, add};

/// Reads of one link before others get their turn.
const READS: usize = 16;
/// Callers who are answered by one link before any of them runs, about.
const ANSWERED: usize = 128;

/// What a read came to.
enum Read {
    Nothing,
    /// So many bytes lie in the scratch buffer.
    Fed(usize),
    /// So many bytes went to their value.
    Passed(u64),
    Closed(String),
}

impl Lane {
    /// Connects, writes and reads whatever is ready, and closes what is to be closed. Says whether anything happened.
    pub(super) fn poll_sockets(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = !self.closings.is_empty();
        self.report_closed();
        let looked_at = self.looked_at();
        let mut place = 0;
        // Links come and go while this runs: one that moved is looked at in the next turn.
        while let Some(link) = self.links.get_mut(place) {
            happened |= match link.io {
                _ if link.dead => false,
                Io::Connecting(_) => self.poll_connect(place, cx),
                Io::Open(_) => self.poll_link(place, cx, looked_at == Some(place)),
            };
            place += 1;
        }
        happened |= !self.closings.is_empty();
        self.report_closed();
        happened
    }

    /// Marks a link for `closed`; it is not written to or read any more.
    pub(super) fn shut(&mut self, id: u32, reason: Reason, detail: String) {
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id && !link.dead) {
            link.dead = true;
            self.closings.push(Closing { link: id, reason, detail });
        }
    }

    /// Time passed.
    pub(super) fn elapsed(&mut self) {
        let mut traffic = Vec::new();
        for link in &mut self.links {
            let (now, held) = ((link.output.written, link.came()), link.held.is_some());
            if link.reported != now || held {
                link.reported = now;
                traffic.push(Traffic { link: link.id, written: now.0, received: now.1, held });
            }
        }
        self.drive(None, |instance, now| instance.elapsed(now, &traffic));
    }

    fn poll_connect(&mut self, place: usize, cx: &mut Context<'_>) -> bool {
        let Some(link) = self.links.get_mut(place) else { return false };
        let Io::Connecting(connecting) = &mut link.io else { return false };
        let id = link.id;
        match connecting.as_mut().poll(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(transport)) => {
                link.io = Io::Open(transport);
                link.open = Some(OpenLink::of(&self.shared.counters));
                let credentials = self.keyring.lengths();
                self.drive(None, |instance, now| instance.opened(now, id, credentials));
            }
            Poll::Ready(Err(error)) => {
                let reason = match error.kind() {
                    io::ErrorKind::PermissionDenied => Reason::Denied,
                    _ => Reason::Refused,
                };
                self.shut(id, reason, error.to_string());
            }
        }
        true
    }

    /// What to do while nothing comes. A nap is taken by then.
    pub(super) fn look_again(&mut self, thread: Thread) -> Next {
        if self.finished.is_some() || !self.links.iter().any(Link::can_be_looked_at) {
            return Next::Sleep;
        }
        let rests = self.links.iter().map(|link| link.pass >= LEAST as u64);
        let next = self.watch.next(Coming::on(self.table.is_empty(), rests), thread);
        if next == Next::Nap {
            nap();
        }
        next
    }

    /// The place of the link that is looked at in this turn: one after the other.
    fn looked_at(&self) -> Option<usize> {
        self.watch.look()?.checked_rem(self.links.len())
    }

    fn poll_link(&mut self, place: usize, cx: &mut Context<'_>, mut look: bool) -> bool {
        self.poll_write(place, cx);
        let mut happened = false;
        let before = self.table.answered();
        for _ in 0..READS {
            let Some(link) = self.links.get_mut(place).filter(|link| !link.dead) else { return true };
            if link.held.is_some() {
                return happened;
            }
            let id = link.id;
            let left = ANSWERED.saturating_sub(self.table.answered().wrapping_sub(before));
            let read = read(link, cx, &mut self.scratch, left, std::mem::take(&mut look));
            if matches!(read, Read::Fed(_) | Read::Passed(_)) {
                self.watch.came();
            }
            match read {
                Read::Nothing => return happened,
                Read::Fed(count) => {
                    add(&self.counters().bytes_read, count as u64);
                    let known = self.table.answered();
                    self.feed(place, count);
                    let answered = self.table.answered();
                    if answered != known
                        && let Some(link) = self.links.get_mut(place)
                    {
                        link.note_replies(count, answered.wrapping_sub(known));
                    }
                    // Those who have their replies go on before others get theirs: while the server works on what they
                    // send next, there is still something to do here.
                    if answered.wrapping_sub(before) >= ANSWERED {
                        return true;
                    }
                }
                Read::Passed(count) => {
                    add(&self.counters().bytes_read, count);
                    add(&self.counters().bytes_passed, count);
                }
                Read::Closed(detail) => {
                    self.shut(id, Reason::Lost, detail);
                    return true;
                }
            }
            happened = true;
            if self.links.get(place).is_none_or(|link| link.id != id) {
                return true;
            }
        }
        // There may be more to read, and nothing will say so.
        true
    }

    fn poll_write(&mut self, place: usize, cx: &mut Context<'_>) {
        let Some(link) = self.links.get_mut(place) else { return };
        let count = link.poll_write(cx);
        while let Some(buffer) = link.output.take_spare() {
            if let Some(instance) = &mut self.instance {
                instance.give_back(buffer);
            }
        }
        add(&self.counters().bytes_written, count);
    }

    /// Gives the core what lies in the scratch buffer.
    fn feed(&mut self, place: usize, count: usize) {
        let scratch = std::mem::take(&mut self.scratch);
        let fresh = scratch.get(..count).unwrap_or_default();
        if let Some(link) = self.links.get_mut(place) {
            let (id, skipped) = (link.id, std::mem::take(&mut link.skipped));
            let mut kept = std::mem::take(&mut link.input.kept);
            let end = link.input.received;
            let input = if kept.is_empty() {
                fresh
            } else {
                kept.extend_from_slice(fresh);
                &kept
            };
            let base = end - input.len() as u64;
            add(&self.counters().feeds, 1);
            let feed = Feed { link: id, base, input };
            let done = self.drive(Some(&feed), |instance, now| instance.received(now, id, skipped, fresh));
            if let (Some(done), Some(link)) = (done, self.links.iter_mut().find(|link| link.id == id)) {
                link.pass = done.pass;
                if link.pass > 0 {
                    // Offsets go on behind what passes: nothing before it is pointed at again.
                    kept.clear();
                } else if done.keep_from >= end {
                    kept.clear();
                } else if kept.is_empty() {
                    let from = usize::try_from(done.keep_from.saturating_sub(base)).unwrap_or(usize::MAX);
                    kept.extend_from_slice(fresh.get(from..).unwrap_or_default());
                } else {
                    let from = usize::try_from(done.keep_from.saturating_sub(base)).unwrap_or(usize::MAX);
                    kept.drain(..from.min(kept.len()));
                }
                link.input.kept = kept;
            }
        }
        self.scratch = scratch;
    }
}

fn read(link: &mut Link, cx: &mut Context<'_>, scratch: &mut [u8], callers: usize, look: bool) -> Read {
    let passing = link.pass > 0;
    let read = if passing { link.poll_pass(cx, scratch, look) } else { link.poll_read(cx, scratch, callers, look) };
    match read {
        Poll::Pending => Read::Nothing,
        Poll::Ready(Ok(0)) => Read::Closed("the server closed the connection".to_owned()),
        Poll::Ready(Err(error)) => Read::Closed(error.to_string()),
        Poll::Ready(Ok(count)) if passing => {
            // The builder knows what it builds: a fault here would be one of its own.
            if link.pass == 0 && link.value.passed().is_err() {
                return Read::Closed("a value has no place in its reply".to_owned());
            }
            Read::Passed(count as u64)
        }
        Poll::Ready(Ok(count)) => Read::Fed(count),
    }
}
