//! What a link's input means: whole values, lines of MONITOR, parts of values, bytes for who wants them.

use super::{Link, State};
use crate::handshake::Greeting;
use crate::inflight::{Entry, RAW, What};
use crate::output::{Node, Output};
use crate::resp::decode::{Fault, Step, Top};
use crate::wire::{Cause, ErrorClass, EventKind, NodeKind};

/// What a PING on a link that monitors is answered with.
const PONG: &str = "PONG";

/// What a link's input came to, for the client to act on.
#[derive(Debug)]
pub enum Received {
    /// All of it is used.
    NeedMore,
    /// A request was answered, or nothing of note.
    Handled,
    /// A step of the handshake was answered.
    Greeting(Greeting, Option<ErrorClass>),
    /// SUBSCRIBE or its kin, of this number and of so many names, was refused. The error's nodes begin at the mark.
    Refused((u32, u32), ErrorClass, usize),
    /// The server can't do this now, and did not: it is to go out again. The error's nodes begin at the mark.
    PutOff(Entry, ErrorClass, usize),
    /// The server was asked whether it is still loading, and is, or not.
    Gate(bool),
    /// Credentials of this generation were taken, or not.
    Renewed(u32, bool),
    /// MONITOR was granted.
    Monitors,
    /// A line of MONITOR, whose node is at the mark.
    Line(usize),
    /// A whole push, whose nodes begin at the mark.
    Push(usize),
    /// A push whose end passes by, or of which no more is kept. As for `Push`, but its end is still to come.
    PassingPush(usize),
}

impl Link {
    /// Reads input until something is done, or all of it is used. `fed` is all the input of this call, of which `input`
    /// is what is left.
    ///
    /// # Errors
    /// The peer's fault: nothing more can be read from this link.
    pub fn receive(&mut self, fed: &[u8], input: &mut &[u8], out: &mut Output) -> Result<Received, Fault> {
        self.receive_usual(input, out);
        let mark = out.mark();
        match self.decoder.next(input, out)? {
            Step::Value(top) if self.is_line(top, mark, out) => Ok(Received::Line(mark)),
            Step::Value(top) if self.is_push(top) => {
                self.unfinished.complete(fed);
                self.restore(mark, out);
                Ok(Received::Push(mark))
            }
            Step::Value(top) => {
                if self.state == State::Greeting {
                    self.unfinished.complete(fed);
                    self.restore(mark, out);
                }
                self.answer(top, fed, mark, out)
            }
            Step::NeedMore => self.interrupted(fed, mark, out),
        }
    }

    /// Begins a call that feeds input: lets so many bytes pass first.
    ///
    /// # Errors
    /// The host let more pass than was asked for.
    pub fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        let skipped = self.decoder.skip(bytes).map_err(|most| Fault {
            cause: Cause::Usage,
            text: format!("the host says that {bytes} bytes passed by, where {most} were to pass"),
        });
        self.fed_from = self.decoder.offset();
        if bytes > 0 {
            // All before what passed by was given, as its node left then.
            self.raw_to = self.fed_from;
        }
        skipped
    }

    /// `keep-from` and `pass` of the WIT.
    #[must_use]
    pub fn input_state(&self) -> (u64, u64) {
        let held = if self.unfinished.nodes.is_empty() { None } else { self.decoder.value_from() };
        (held.unwrap_or_else(|| self.decoder.keep_from()), self.decoder.passing())
    }

    /// MONITOR was granted: what comes is lines, of commands of any size.
    pub fn monitor(&mut self) {
        self.monitors = true;
        self.decoder.cut_lines();
    }

    /// The last error's text, for people.
    #[must_use]
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(self.decoder.error_text()).into_owned()
    }

    /// A string of the push under way, or just ended.
    #[must_use]
    pub fn text<'a>(&'a self, fed: &'a [u8], offset: u64, size: u64) -> Option<&'a [u8]> {
        let size = usize::try_from(size).ok()?;
        let kept = &self.unfinished;
        // A string that spans two calls is whole only in what was kept.
        let (bytes, from) = if kept.bytes.is_empty() { (fed, self.fed_from) } else { (&kept.bytes[..], kept.from) };
        let at = usize::try_from(offset.checked_sub(from)?).ok()?;
        bytes.get(at..at.checked_add(size)?)
    }

    /// Once it monitors, a link gets a line for each command; only PING's answer is as short as it is.
    fn is_line(&self, top: Top, mark: usize, out: &Output) -> bool {
        let status = |head: &u64| *head as u8 == NodeKind::Status as u8 && head >> 16 > PONG.len() as u64;
        self.monitors && top == Top::Other && out.nodes.get(mark * 2).is_some_and(status)
    }

    /// The input ended inside a value: what there is of it leaves as a part, or is kept here if it may be a push.
    fn interrupted(&mut self, fed: &[u8], mark: usize, out: &mut Output) -> Result<Received, Fault> {
        let passing = self.decoder.passing() > 0;
        if self.decoder.top().is_some_and(|top| self.is_push(top)) {
            return self.interrupted_push(fed, passing, mark, out);
        }
        if self.inflight.front().is_some_and(|entry| entry.flags & RAW != 0 && entry.what.ends_a_request()) {
            // Also where no node has come, if the host would let bytes go that were not given.
            let lost = |from: u64| self.decoder.keep_from() > from.max(self.raw_to);
            if out.mark() > mark || self.decoder.value_from().is_some_and(lost) {
                self.give_raw(out);
            }
        }
        let new = out.since(mark);
        match self.inflight.front().map(|entry| (entry.what, entry.id)) {
            Some((What::Command | What::Exec | What::Queued(_) | What::Multi, id)) if out.mark() > mark => {
                self.parts = true;
                out.event(EventKind::Part, 0, self.id, id, new);
            }
            Some((What::Swallow, _)) if passing => {
                self.parts = true;
                out.event(EventKind::Part, 1, self.id, 0, new);
            }
            None
            | Some((
                What::Greeting(_)
                | What::Subscribe(..)
                | What::Unsubscribe(..)
                | What::Probe
                | What::Gate
                | What::Renewal
                | What::Tidy
                | What::Caching,
                _,
            )) if passing => {
                return Err(Fault {
                    cause: Cause::Protocol,
                    text: "a large string came where none was asked for".to_owned(),
                });
            }
            Some((What::Command | What::Exec | What::Queued(_) | What::Multi, _)) => {}
            Some((What::Greeting(_), _)) => self.keep_push(fed, mark, out)?,
            _ => out.rewind(mark),
        }
        Ok(Received::NeedMore)
    }

    /// Appends the bytes of the reply under way that were not given yet, as a node.
    pub(super) fn give_raw(&mut self, out: &mut Output) {
        let (from, to) = (self.raw_from(), self.decoder.offset());
        out.node(Node::string(NodeKind::Raw, to.saturating_sub(from), from));
        self.raw_to = to;
    }

    /// Where the bytes begin that were not given yet: what passes by goes to the host without us.
    fn raw_from(&self) -> u64 {
        self.decoder.value_from().unwrap_or_else(|| self.decoder.last_from()).max(self.raw_to)
    }
}
