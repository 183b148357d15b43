//! One connection: its states, what was written to it, and what its input means.
//!
//! | state | `opened` | handshake done | `submit` | input | fault, or time-out | `closed` |
//! |---|---|---|---|---|---|---|
//! | Opening | Greeting | – | – | fault | Closing | gone |
//! | Greeting | – | Ready | – | handshake replies | Closing | gone |
//! | Ready | – | – | written | replies, pushes | Closing | gone |
//! | Ready, retiring | – | – | – | replies; Closing after the last | Closing | gone |
//! | Closing | – | – | – | ignored | – | gone |

use crate::config::{Credentials, Endpoint, Settings};
use crate::handshake::{Greeting, Handshake};
use crate::inflight::{Entry, InFlight, RAW, SCRIPT, STORE, What};
use crate::mutant::{self, Mutant};
use crate::output::{Node, Nodes, Output};
use crate::pubsub::Kind;
use crate::resp::decode::{Decoder, Fault, Step, Top};
use crate::wire::{Cause, ErrorClass, EventKind, NodeKind};

/// What a PING on a link that monitors is answered with.
const PONG: &str = "PONG";

/// Where a link is in its life: see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Opening,
    Greeting,
    Ready,
    Closing,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everybody's commands.
    Main,
    /// The subscriptions of this hub.
    Hub(u64),
    /// One caller at a time: see `leases.rs`.
    Lease,
}

/// Who has a leased link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody, since then.
    Idle(u64),
    /// A session.
    Session(u32),
    /// One request, which was asked for again and is expected until then.
    Request(u64, u64),
}

/// What a session left behind on its link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traces {
    /// MULTI without EXEC or DISCARD.
    pub multi: bool,
    /// WATCH without EXEC, DISCARD or UNWATCH.
    pub watching: bool,
    /// Something that can't be undone by a command.
    pub lasting: bool,
}

impl Traces {
    /// A session sent this command; a transaction of its own has MULTI and EXEC around it.
    pub fn note(&mut self, name: &[u8], in_transaction: bool) {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        let ends = self.multi && (is("EXEC") || is("DISCARD"));
        if in_transaction || ends {
            // Without MULTI, EXEC and DISCARD are refused, and what is watched stays so.
            (self.multi, self.watching) = (false, false);
        } else if is("MULTI") {
            self.multi = true;
        } else if is("WATCH") {
            self.watching = true;
        } else if is("UNWATCH") {
            self.watching = false;
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Link {
    /// Its number.
    pub id: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// Where it is in its life.
    pub state: State,
    /// When it must be ready; `NEVER` once it is.
    pub due: u64,
    /// It was past its handshake, whatever it is now.
    pub was_ready: bool,
    /// Bytes of output up to now.
    pub sent: u64,
    /// What is to be answered.
    pub inflight: InFlight,
    /// Its first words.
    pub handshake: Handshake,
    /// Whose secrets it was greeted with.
    pub credentials: Option<Credentials>,
    /// Why the core closed it.
    pub fault: Option<Fault>,
    /// Last sign of life, or since when one is due; the future while a command may block.
    pub heard: u64,
    /// A PING was sent to see whether the peer lives, behind so many bytes of output.
    pub probed: Option<u64>,
    /// Bytes of output that the socket had taken, and of input that had come, when the host last said so.
    pub traffic: (u64, u64),
    /// It has answered a request.
    pub served: bool,
    /// Nothing new goes on it; it closes once it has answered.
    pub retiring: bool,
    /// Who has it, if it is leased.
    pub holder: Holder,
    /// What its holder left on it.
    pub traces: Traces,
    /// To be authenticated with, as soon as that can be.
    pub renew: Option<Credentials>,
    /// READONLY means that this is the wrong server.
    primary: bool,
    /// A command of this transaction was refused for a reason that passes.
    aborted: Option<(u64, ErrorClass)>,
    decoder: Decoder,
    /// Offset of the first byte fed in this call.
    fed_from: u64,
    /// `part` rows were given of the value under way.
    parts: bool,
    /// Whose the push is whose front has left as `part`.
    route: Option<Route>,
    unfinished: Unfinished,
    /// MONITOR was sent.
    pub monitors: bool,
    /// The bytes of the reply under way were given up to here, to who wants them.
    raw_to: u64,
}

/// Whose a message is: the name that was subscribed to.
pub type Route = (Kind, Box<[u8]>);

/// What is kept of a push that is not whole, since who it is for shows late.
#[derive(Debug, Default)]
struct Unfinished {
    nodes: Vec<u64>,
    bytes: Vec<u8>,
    from: u64,
}

impl Unfinished {
    /// A push that began in an earlier call has its end here: a string may span both.
    fn complete(&mut self, fed: &[u8]) {
        if !self.bytes.is_empty() {
            self.append(fed);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        /// The first words, and a name of the longest kind.
        const MOST: usize = 2 * 65_536;
        let room = MOST.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// What a link's input came to, for the client to act on.
#[derive(Debug)]
pub enum Received {
    /// All of it is used.
    NeedMore,
    /// A request was answered, or nothing of note.
    Handled,
    /// A step of the handshake was answered.
    Greeting(Greeting, Option<ErrorClass>),
    /// SUBSCRIBE or its kin, of this subscription, was refused. The error's nodes begin at the mark.
    Refused(u64, ErrorClass, usize),
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
    /// A push whose end passes by. As for `Push`, but its end is still to come.
    PassingPush(usize),
}

impl Link {
    /// A link that is being opened.
    pub fn new(id: u32, purpose: Purpose, endpoint: Endpoint, due: u64, settings: &Settings) -> Self {
        Self {
            id,
            purpose,
            endpoint,
            state: State::Opening,
            due,
            was_ready: false,
            sent: 0,
            inflight: InFlight::new(),
            handshake: Handshake::new(purpose == Purpose::Main),
            credentials: None,
            fault: None,
            heard: 0,
            probed: None,
            traffic: (0, 0),
            served: false,
            retiring: false,
            holder: Holder::Idle(0),
            traces: Traces::default(),
            renew: None,
            primary: settings.primary,
            aborted: None,
            decoder: Decoder::new(settings.limits),
            fed_from: 0,
            parts: false,
            route: None,
            unfinished: Unfinished::default(),
            monitors: false,
            raw_to: 0,
        }
    }

    /// Reads input until something is done, or all of it is used. `fed` is all the input of this call, of which `input`
    /// is what is left.
    ///
    /// # Errors
    /// The peer's fault: nothing more can be read from this link.
    pub fn receive(&mut self, fed: &[u8], input: &mut &[u8], out: &mut Output) -> Result<Received, Fault> {
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

    /// Notes what was written: so many bytes, for this.
    pub fn wrote(&mut self, bytes: u64, id: u64, deadline: u64, what: What) {
        self.wrote_request(bytes, id, deadline, what, 0);
    }

    /// The same, with what may be done should it fail.
    pub fn wrote_request(&mut self, bytes: u64, id: u64, deadline: u64, what: What, flags: u8) {
        self.sent += bytes;
        self.inflight.push(Entry { id, end: self.sent, deadline, what, flags });
    }

    /// Whether a session has it.
    #[must_use]
    pub fn in_session(&self) -> bool {
        self.purpose == Purpose::Lease && matches!(self.holder, Holder::Session(_))
    }

    /// Something came from the peer. `begun` says that part of a request was written, and the rest is to come.
    pub fn hear(&mut self, now: u64, begun: bool) {
        // While a command may block, `heard` is ahead, until its reply comes.
        self.heard = if self.inflight.len() > 0 || begun { self.heard.max(now) } else { now };
        self.probed = None;
    }

    /// Whether this error means: not executed, and it will pass.
    fn puts_off(&self, class: ErrorClass, entry: &Entry) -> bool {
        match class {
            ErrorClass::Noscript => entry.flags & SCRIPT != 0,
            _ if self.in_session() => false,
            ErrorClass::Loading => true,
            ErrorClass::Readonly => self.primary,
            ErrorClass::Noauth => self.credentials.is_some(),
            _ => false,
        }
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

    /// The push was dealt with: forget what was kept of it. Gives whether its front has left as `part`, and whose it is.
    pub fn end_push(&mut self) -> (bool, Option<Route>) {
        self.unfinished.nodes.clear();
        self.unfinished.bytes.clear();
        (std::mem::take(&mut self.parts), self.route.take())
    }

    /// The front of the push leaves as `part`; it is nobody's where there is no route.
    pub fn part_of_push(&mut self, route: Option<Route>, mark: usize, out: &mut Output) {
        self.unfinished.nodes.clear();
        self.parts = true;
        out.event(EventKind::Part, u32::from(route.is_none()), self.id, 0, out.since(mark));
        self.route = route;
    }

    /// RESP3 tells pushes by their type; on RESP2 a link for subscriptions gets nothing else that is an array.
    fn is_push(&self, top: Top) -> bool {
        top == Top::Push || top == Top::Array && !self.handshake.resp3 && matches!(self.purpose, Purpose::Hub(_))
    }

    /// Once it monitors, a link gets a line for each command; only PING's answer is as short as it is.
    fn is_line(&self, top: Top, mark: usize, out: &Output) -> bool {
        let status = |head: &u64| *head as u8 == NodeKind::Status as u8 && head >> 16 > PONG.len() as u64;
        self.monitors && top == Top::Other && out.nodes.get(mark * 2).is_some_and(status)
    }

    /// A whole reply: ends what is first in the queue.
    fn answer(&mut self, top: Top, fed: &[u8], mark: usize, out: &mut Output) -> Result<Received, Fault> {
        let Some(entry) = self.inflight.pop() else {
            let text = match top {
                Top::Error(_) => format!("the server said, unasked: {}", self.error_text()),
                _ => "a reply came that nothing was asked for".to_owned(),
            };
            return Err(Fault { cause: Cause::Protocol, text });
        };
        let parts = std::mem::take(&mut self.parts);
        let error = if let Top::Error(class) = top { Some(class) } else { None };
        match (entry.what, error) {
            (What::Command, Some(class)) if !parts && self.puts_off(class, &entry) => {
                Ok(Received::PutOff(entry, class, mark))
            }
            (What::Queued(_), Some(class)) if !parts && self.puts_off(class, &entry) => {
                self.aborted = Some((entry.id, class));
                out.rewind(mark);
                Ok(Received::Handled)
            }
            (What::Exec, Some(ErrorClass::Execabort))
                if !parts && self.aborted.is_some_and(|(id, _)| id == entry.id) =>
            {
                let class = self.aborted.take().map_or(ErrorClass::Loading, |(_, class)| class);
                Ok(Received::PutOff(entry, class, mark))
            }
            (What::Gate, _) => {
                out.rewind(mark);
                Ok(Received::Gate(error == Some(ErrorClass::Loading)))
            }
            (What::Renewal, _) => {
                out.rewind(mark);
                Ok(Received::Renewed(entry.id as u32, error.is_none()))
            }
            (What::Command | What::Exec, _) => {
                self.served = true;
                if entry.flags & RAW != 0 {
                    self.give_raw(out);
                }
                let store = entry.flags & STORE != 0 && error.is_none();
                out.event(EventKind::Reply, u32::from(store), self.id, entry.id, out.since(mark));
                Ok(Received::Handled)
            }
            (What::Queued(place), Some(_)) => {
                out.event(EventKind::Kept, place, self.id, entry.id, out.since(mark));
                Ok(Received::Handled)
            }
            (What::Multi, Some(_)) => {
                out.event(EventKind::Kept, 0, self.id, entry.id, out.since(mark));
                Ok(Received::Handled)
            }
            (What::Multi | What::Queued(_) | What::Swallow | What::Probe | What::Tidy, _) => {
                out.rewind(mark);
                if parts {
                    out.event(EventKind::Discard, 0, self.id, 0, Nodes::NONE);
                }
                Ok(Received::Handled)
            }
            (What::Caching, error) => {
                out.rewind(mark);
                if let Some(next) = self.inflight.front_mut().filter(|_| error.is_some()) {
                    next.flags &= !STORE;
                }
                Ok(Received::Handled)
            }
            (What::Greeting(step), _) => {
                let replica = self.is_replica(step, fed, mark, out);
                self.unfinished = Unfinished::default();
                out.rewind(mark);
                let accepted = mutant::on(Mutant::TakeReplicas);
                if replica && self.primary && self.purpose == Purpose::Main && !accepted {
                    return Err(Fault { cause: Cause::Replica, text: "it is a replica".to_owned() });
                }
                Ok(Received::Greeting(step, error))
            }
            (What::Subscribe(Kind::Monitor, _), None) => {
                out.rewind(mark);
                Ok(Received::Monitors)
            }
            (What::Subscribe(..), Some(class)) => Ok(Received::Refused(entry.id, class, mark)),
            (What::Subscribe(..) | What::Unsubscribe(..), _) => Err(Fault {
                cause: Cause::Protocol,
                text: "a subscription was answered by what is no confirmation".to_owned(),
            }),
        }
    }

    /// Whether HELLO's answer or ROLE's, whose nodes begin at the mark, says so.
    fn is_replica(&self, step: Greeting, fed: &[u8], mark: usize, out: &Output) -> bool {
        let rows = out.nodes.get(mark * 2..).unwrap_or_default().as_chunks::<2>().0;
        let text = |row: &[u64; 2]| match row[0] as u8 {
            kind if kind == NodeKind::Bulk as u8 || kind == NodeKind::Status as u8 => {
                self.text(fed, row[1], row[0] >> 16)
            }
            _ => None,
        };
        let role = match step {
            Greeting::Hello => rows.windows(2).find_map(|pair| match pair {
                [key, value] if text(key) == Some(b"role") => text(value),
                _ => None,
            }),
            Greeting::Role => rows.get(1).and_then(text),
            _ => None,
        };
        role.is_some_and(|role| role == b"replica" || role == b"slave")
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
    fn give_raw(&mut self, out: &mut Output) {
        let (from, to) = (self.raw_from(), self.decoder.offset());
        out.node(Node::string(NodeKind::Raw, to.saturating_sub(from), from));
        self.raw_to = to;
    }

    /// Where the bytes begin that were not given yet: what passes by goes to the host without us.
    fn raw_from(&self) -> u64 {
        self.decoder.value_from().unwrap_or_else(|| self.decoder.last_from()).max(self.raw_to)
    }

    fn interrupted_push(
        &mut self,
        fed: &[u8],
        passing: bool,
        mark: usize,
        out: &mut Output,
    ) -> Result<Received, Fault> {
        if self.parts {
            // Its front has left: what follows can't change whose it is.
            if out.mark() > mark {
                out.event(EventKind::Part, 0, self.id, 0, out.since(mark));
            }
            return Ok(Received::NeedMore);
        }
        if passing {
            self.unfinished.complete(fed);
            self.restore(mark, out);
            return Ok(Received::PassingPush(mark));
        }
        self.keep_push(fed, mark, out)?;
        Ok(Received::NeedMore)
    }

    /// Keeps the nodes of an unfinished push, and such of its bytes as may tell whose it is.
    fn keep_push(&mut self, fed: &[u8], mark: usize, out: &mut Output) -> Result<(), Fault> {
        const MOST_WORDS: usize = 2 * 65_536;
        let unfinished = &mut self.unfinished;
        unfinished.nodes.extend_from_slice(out.nodes.get(mark * 2..).unwrap_or_default());
        out.rewind(mark);
        if unfinished.nodes.len() > MOST_WORDS {
            return Err(Fault { cause: Cause::TooLarge, text: "a push has too many elements".to_owned() });
        }
        let value_from = self.decoder.value_from().unwrap_or_default();
        let before = usize::try_from(value_from.saturating_sub(self.fed_from)).unwrap_or(usize::MAX);
        if unfinished.bytes.is_empty() {
            unfinished.from = value_from.max(self.fed_from);
        }
        unfinished.append(fed.get(before..).unwrap_or_default());
        Ok(())
    }

    /// Puts the kept nodes of a push before those that came now.
    fn restore(&mut self, mark: usize, out: &mut Output) {
        if !self.unfinished.nodes.is_empty() {
            let at = (mark * 2).min(out.nodes.len());
            out.nodes.splice(at..at, self.unfinished.nodes.drain(..));
        }
    }
}

/// Turns the rows of a message push since `mark` into the value that its subscribers get: the first word goes.
pub fn strip_message(mark: usize, out: &mut Output) {
    let at = mark * 2;
    let Some(size) = out.nodes.get(at).map(|head| head >> 16) else { return };
    if out.nodes.len() < at + 4 {
        return;
    }
    out.nodes.drain(at..at + 2);
    let array = crate::output::Node::aggregate(NodeKind::Array, size.saturating_sub(1));
    if let Some(row) = out.nodes.get_mut(at..at + 2) {
        row.copy_from_slice(&[array.head(), 0]);
    }
}
