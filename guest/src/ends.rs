//! How requests end without a reply: with their link, at their deadline, when their caller leaves, when the client
//! closes.

use crate::client::{Core, Reason};
use crate::inflight::{Entry, REPEAT, SCRIPT, What};
use crate::link::{Link, Purpose, State};
use crate::mutant::{self, Mutant};
use crate::output::{Nodes, Verdict};
use crate::resp::decode::Fault;
use crate::wire::{Cause, ClientState, EventKind, Failure};

impl Core {
    /// Ends what was in flight on a link that is gone, or asks for it again.
    pub(crate) fn end_requests(&mut self, now: u64, link: &mut Link, written: u64, cause: Cause, why: &str) {
        let in_session = link.in_session();
        // What made the link break this way would do so again.
        let futile = matches!(cause, Cause::TooLarge | Cause::Protocol);
        for mut entry in link.inflight.drain() {
            if futile {
                entry.flags = 0;
            }
            if link.has_executed(entry.id) {
                // As far as its end is concerned, that of its commands was sent.
                entry.end = 0;
            }
            if entry.what.ends_a_request() {
                self.end_request(now, entry, written, in_session, cause, why);
            } else if matches!(entry.what, What::Unsubscribe(..)) && entry.id != 0 {
                // The link took its names with it: that is as good as the server's word.
                self.out.notice(EventKind::Ended, entry.id);
            }
        }
        if self.partial.as_ref().is_some_and(|partial| partial.link == link.id)
            && let Some(partial) = self.partial.take()
        {
            // Without its end the server executes nothing of it.
            let what = What::Command;
            let end = if link.has_executed(partial.id) { 0 } else { u64::MAX };
            let entry = Entry { id: partial.id, end, deadline: partial.deadline, what, flags: 0 };
            self.end_request(now, entry, written, in_session, cause, why);
        }
    }

    fn end_request(&mut self, now: u64, entry: Entry, written: u64, in_session: bool, cause: Cause, why: &str) {
        let maybe = if mutant::on(Mutant::MiscountWritten) { entry.end < written } else { entry.end <= written };
        let final_word =
            in_session || self.draining.is_some() && !mutant::on(Mutant::ResubmitWhenDraining) || entry.deadline <= now;
        let repeats = entry.flags & REPEAT != 0 || entry.flags & SCRIPT != 0 && mutant::on(Mutant::RepeatScripts);
        if final_word || maybe && !repeats && !mutant::on(Mutant::RepeatAnything) {
            let failure = if maybe && !mutant::on(Mutant::CallWrittenNotSent) {
                Failure::MaybeExecuted
            } else {
                Failure::NotSent
            };
            self.out.failed(entry.id, Verdict::new(failure, cause), why);
        } else {
            self.out.event(EventKind::Resubmit, u32::from(maybe), 0, entry.id, Nodes::NONE);
        }
    }

    pub(crate) fn pass_deadlines(&mut self, now: u64) {
        if mutant::on(Mutant::IgnoreDeadlines) {
            return;
        }
        let verdict = Verdict::new(Failure::MaybeExecuted, Cause::Deadline);
        self.swallow(now, verdict, "the deadline passed before the reply came", |entry| entry.deadline <= now);
    }

    /// Ends what nobody waits for any more; its replies are dropped when they come. A link on which it may block is
    /// closed: what the server would still give to it would be lost.
    pub(crate) fn swallow(&mut self, now: u64, verdict: Verdict, why: &str, gone: impl Fn(&Entry) -> bool) {
        let mut blocked = Vec::new();
        let out = &mut self.out;
        for link in &mut self.links {
            let mut any = false;
            link.inflight.swallow(|entry| {
                let gone = gone(entry);
                if gone {
                    any = true;
                    out.failed(entry.id, verdict, why);
                    if mutant::on(Mutant::EndTwice) {
                        out.failed(entry.id, verdict, why);
                    }
                }
                gone
            });
            let closes = any && !mutant::on(Mutant::KeepBlocked);
            if closes && link.purpose == Purpose::Lease && (link.heard > now || !link.in_session()) {
                blocked.push(link.id);
            }
        }
        for id in blocked {
            self.fail_link(id, Fault { cause: verdict.cause, text: why.to_owned() });
        }
    }

    pub(crate) fn finish_drain(&mut self, now: u64) {
        let Some(deadline) = self.draining else { return };
        if deadline > now && (self.partial.is_some() || self.links.iter().any(|link| link.inflight.has_callers())) {
            return;
        }
        let open: Vec<u32> =
            self.links.iter().filter(|link| link.state != State::Closing).map(|link| link.id).collect();
        for id in open {
            self.fail_link(id, Fault { cause: Cause::Closing, text: "the client is closing".to_owned() });
        }
        if self.links.is_empty() && self.connection.state != ClientState::Closed {
            self.connection.state = ClientState::Closed;
            self.tell_state(Nodes::NONE, Cause::Closing);
        }
    }
}

/// Why a link closed, for code and for people.
pub fn explain_close(link: &Link, reason: Reason, detail: &str) -> (Cause, String) {
    if let Some(fault) = &link.fault {
        return (fault.cause, format!("{}: {}", link.endpoint, fault.text));
    }
    let (cause, what) = match reason {
        Reason::Refused => (Cause::Unreachable, "can't be reached"),
        Reason::Denied => (Cause::Denied, "is not allowed by this host's policy"),
        Reason::Lost if link.state == State::Ready => (Cause::Lost, "the connection broke"),
        Reason::Lost => (Cause::Unreachable, "the connection broke during the handshake"),
        Reason::Tls => (Cause::Denied, "TLS could not be agreed upon"),
        Reason::Local => (Cause::Lost, "this host closed the connection"),
    };
    let said = match (detail.is_empty(), link.error_text()) {
        (true, error) if error.is_empty() || link.state == State::Ready => String::new(),
        (true, error) => format!(" ({error})"),
        (false, _) => format!(" ({detail})"),
    };
    (cause, format!("{}: {what}{said}", link.endpoint))
}
