//! One connection: its states, and what was written to it. `input.rs` says what its input means, `answer.rs`
//! what replies end.
//!
//! | state | `opened` | handshake done | `submit` | input | fault, or time-out | `closed` |
//! |---|---|---|---|---|---|---|
//! | Opening | Greeting | – | – | fault | Closing | gone |
//! | Greeting | – | Ready | – | handshake replies | Closing | gone |
//! | Ready | – | – | written | replies, pushes | Closing | gone |
//! | Ready, retiring | – | – | – | replies; Closing after the last | Closing | gone |
//! | Closing | – | – | – | ignored | – | gone |

mod answer;
mod input;
mod push;
mod usual;

use crate::config::{Credentials, Endpoint, Settings};
use crate::handshake::Handshake;
use crate::inflight::{Entry, InFlight, What};
use crate::resp::decode::{Decoder, Fault};
use crate::script::Sent;
use crate::wire::ErrorClass;

pub use self::input::Received;
use self::push::Unfinished;
pub use self::push::{Route, strip_message};
pub use self::usual::has_room;

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
    /// AUTH: it is somebody else's now.
    pub auth: bool,
}

impl Traces {
    /// A session sent this command; a transaction of its own has MULTI and EXEC around it.
    pub fn note(&mut self, name: &[u8], in_transaction: bool) {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        self.auth |= is("AUTH");
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
    /// The scripts whose source was sent on it.
    pub scripts: Sent,
    /// READONLY means that this is the wrong server: a primary is wanted, or it called itself one.
    primary: bool,
    /// A command of this transaction was refused for a reason that passes.
    aborted: Option<(u64, ErrorClass)>,
    /// The MULTI of this transaction was refused, so that its commands are executed one by one; whether one was.
    loose: Option<(u64, bool)>,
    decoder: Decoder,
    /// Offset of the first byte fed in this call.
    fed_from: u64,
    /// `part` rows were given of the value under way.
    parts: bool,
    /// Whose the push is whose front has left as `part`.
    route: Option<Route>,
    unfinished: Unfinished,
    /// MONITOR was granted.
    monitors: bool,
    /// The bytes of the reply under way were given up to here, to who wants them.
    raw_to: u64,
}

impl Link {
    /// A link that is being opened.
    pub fn new(id: u32, purpose: Purpose, endpoint: Endpoint, due: u64, settings: &Settings) -> Self {
        let mut decoder = Decoder::new(settings.limits);
        if matches!(purpose, Purpose::Hub(_)) {
            decoder.take_arrays_for_pushes();
        }
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
            scripts: Sent::default(),
            primary: settings.primary,
            aborted: None,
            loose: None,
            decoder,
            fed_from: 0,
            parts: false,
            route: None,
            unfinished: Unfinished::default(),
            monitors: false,
            raw_to: 0,
        }
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

    /// Whether it serves one caller at a time.
    #[must_use]
    pub fn leased(&self) -> bool {
        self.purpose == Purpose::Lease
    }

    /// Whether a session has it.
    #[must_use]
    pub fn in_session(&self) -> bool {
        self.leased() && matches!(self.holder, Holder::Session(_))
    }

    /// Whether commands of this transaction were executed although its EXEC was not.
    #[must_use]
    pub fn has_executed(&self, transaction: u64) -> bool {
        self.loose == Some((transaction, true))
    }

    /// Something came from the peer. `begun` says that part of a request was written, and the rest is to come.
    pub fn hear(&mut self, now: u64, begun: bool) {
        // While a command may block, `heard` is ahead, until its reply comes.
        self.heard = if self.inflight.len() > 0 || begun { self.heard.max(now) } else { now };
        self.probed = None;
    }
}
