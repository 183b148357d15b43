//! What can go wrong, as types: code acts on kind, outcome and cause; texts are for people.

use std::fmt;

use crate::wit;

/// Why a call gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with an error: it has executed the command, as far as it did.
    #[error(transparent)]
    Server(Box<ServerError>),
    /// The request ended without a reply.
    #[error(transparent)]
    Failed(Box<Failed>),
    /// The core trapped; a new instance has taken over, or could not.
    #[error("the core failed ({detail}); {outcome}")]
    Core {
        /// Whether the server may have executed the request.
        outcome: Outcome,
        /// What the sandbox said.
        detail: Box<str>,
    },
    /// A setting, a URL or this machine does not allow a client to be made.
    #[error("{0}")]
    Config(Box<str>),
}

/// An error reply of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// What kind it is, from the first word of its text.
    pub class: ErrorClass,
    /// The whole line, without its type byte. Bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Of a transaction that was not executed: the first command that the server refused to queue, counted from 0, and
    /// what it said.
    pub queued: Option<(usize, String)>,
}

/// How a request ended that has no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Whether the server may have executed it, and if not, whose fault it is.
    pub failure: Failure,
    /// Why.
    pub cause: Cause,
    /// More, for people; may be empty.
    pub detail: String,
}

/// Whether a server may have executed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Not a byte of it reached a server, or not all of it: it is safe to try again.
    NotSent,
    /// It was sent, and nobody knows.
    MaybeExecuted,
    /// The server answered it.
    Executed,
}

macro_rules! mirrored {
    ($(#[$meta:meta])* $name:ident of $source:ident { $($(#[$doc:meta])* $case:ident = $number:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $case,)* }

        impl $name {
            /// From the number in a packed row; unknown numbers give `None`.
            pub(crate) fn from_wire(number: u8) -> Option<Self> {
                $(if number == wit::$source::$number as u8 { return Some(Self::$case); })*
                None
            }

            /// Its name in the contract.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$case => $text,)* }
            }
        }
    };
}

mirrored! {
    /// Whether a request that ended without a reply may have been executed, and if not, whose fault it is.
    Failure of Failure {
        /// Not sent: safe to try again.
        NotSent = NotSent => "not-sent",
        /// Sent, at least in part, and nobody knows.
        MaybeExecuted = MaybeExecuted => "maybe-executed",
        /// Not sent: the server does not let this client in.
        Refused = Refused => "refused",
        /// Not sent: it is over a limit of this client.
        Limit = Limit => "limit",
        /// Not sent: it was not called as it should be.
        Misuse = Misuse => "misuse",
    }
}

mirrored! {
    /// Why something failed.
    Cause of Cause {
        /// None given.
        None = None => "none",
        /// Its deadline passed.
        Deadline = Deadline => "deadline",
        /// Its caller gave up.
        Cancelled = Cancelled => "cancelled",
        /// The connection broke.
        Lost = Lost => "lost",
        /// No server can be reached at present.
        Unreachable = Unreachable => "unreachable",
        /// The server refused the credentials, or asks for some.
        Denied = Denied => "denied",
        /// The peer does not speak RESP as it should.
        Protocol = Protocol => "protocol",
        /// A reply was over a limit.
        TooLarge = TooLarge => "too-large",
        /// The client is closing or closed.
        Closing = Closing => "closing",
        /// This build does not do that.
        Unsupported = Unsupported => "unsupported",
        /// The caller gave something that can't be sent.
        Usage = Usage => "usage",
        /// The server fell silent.
        Silent = Silent => "silent",
        /// The server is loading its data.
        Loading = Loading => "loading",
        /// The server is a replica, where a primary is needed.
        Replica = Replica => "replica",
    }
}

mirrored! {
    /// What kind of error a server gave.
    ErrorClass of ErrorClass {
        /// None of the following.
        Other = Other => "other",
        /// The key is on another node.
        Moved = Moved => "moved",
        /// The key may be on another node, this once.
        Ask = Ask => "ask",
        /// The server is loading its data.
        Loading = Loading => "loading",
        /// The server takes no writes.
        Readonly = Readonly => "readonly",
        /// The server wants credentials.
        Noauth = Noauth => "noauth",
        /// A script keeps the server busy.
        Busy = Busy => "busy",
        /// The cluster serves nobody.
        Clusterdown = Clusterdown => "clusterdown",
        /// Keys are on their way to another node.
        Tryagain = Tryagain => "tryagain",
        /// The replica has lost its primary.
        Masterdown = Masterdown => "masterdown",
        /// The server is out of memory.
        Oom = Oom => "oom",
        /// The server does not know the script.
        Noscript = Noscript => "noscript",
        /// The key holds another kind of value.
        Wrongtype = Wrongtype => "wrongtype",
        /// The transaction was not executed.
        Execabort = Execabort => "execabort",
        /// The user may not do that.
        Noperm = Noperm => "noperm",
        /// User or password is wrong.
        Wrongpass = Wrongpass => "wrongpass",
        /// The server does not speak that protocol.
        Noproto = Noproto => "noproto",
        /// The server can't persist, and so takes no writes.
        Misconf = Misconf => "misconf",
        /// Too few replicas to take a write.
        Noreplicas = Noreplicas => "noreplicas",
        /// Keys of different slots.
        Crossslot = Crossslot => "crossslot",
    }
}

impl Error {
    /// Whether a server may have executed what was asked.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Server(_) => Outcome::Executed,
            Self::Failed(failed) if failed.failure == Failure::MaybeExecuted => Outcome::MaybeExecuted,
            Self::Core { outcome, .. } => *outcome,
            Self::Failed(_) | Self::Config(_) => Outcome::NotSent,
        }
    }

    /// Why it failed; `Cause::None` for errors of a server and of the core.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Failed(failed) => failed.cause,
            Self::Config(_) => Cause::Usage,
            Self::Server(_) | Self::Core { .. } => Cause::None,
        }
    }

    /// One word for logs and reports: `server`, `core`, `config`, or the name of the cause.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Core { .. } => "core",
            Self::Config(_) => "config",
            Self::Failed(failed) if failed.cause == Cause::None => failed.failure.name(),
            Self::Failed(failed) => failed.cause.name(),
        }
    }

    pub(crate) fn failed(failure: Failure, cause: Cause, detail: impl Into<String>) -> Self {
        Self::Failed(Box::new(Failed { failure, cause, detail: detail.into() }))
    }

    pub(crate) fn not_sent(cause: Cause, detail: impl Into<String>) -> Self {
        Self::failed(Failure::NotSent, cause, detail)
    }

    /// What this error, of the last attempt, says of a request of which an earlier attempt may have been executed.
    pub(crate) fn after_an_attempt(self) -> Self {
        match self {
            Self::Failed(failed) => Self::failed(Failure::MaybeExecuted, failed.cause, failed.detail),
            Self::Core { outcome: Outcome::NotSent, detail } => Self::core(Outcome::MaybeExecuted, detail),
            Self::Config(detail) => Self::core(Outcome::MaybeExecuted, detail),
            Self::Server(_) | Self::Core { .. } => self,
        }
    }

    pub(crate) fn closed() -> Self {
        Self::not_sent(Cause::Closing, "the client is closed")
    }

    pub(crate) fn core(outcome: Outcome, detail: impl Into<Box<str>>) -> Self {
        Self::Core { outcome, detail: detail.into() }
    }

    pub(crate) fn config(detail: impl Into<Box<str>>) -> Self {
        Self::Config(detail.into())
    }

    pub(crate) fn server(class: ErrorClass, text: String) -> Self {
        Self::Server(Box::new(ServerError { class, text, queued: None }))
    }
}

impl std::error::Error for ServerError {}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.queued {
            Some((place, text)) => write!(f, " (command {place}: {text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = match self.failure {
            Failure::NotSent => "not sent",
            Failure::MaybeExecuted => "sent, and perhaps executed",
            Failure::Refused => "refused by the server",
            Failure::Limit => "over a limit of this client",
            Failure::Misuse => "misuse",
        };
        let cause = match self.cause {
            Cause::None => "",
            Cause::Deadline => ": its deadline passed",
            Cause::Cancelled => ": cancelled",
            Cause::Lost => ": the connection broke",
            Cause::Unreachable => ": no server can be reached",
            Cause::Denied => ": access denied",
            Cause::Protocol => ": the peer does not speak RESP",
            Cause::TooLarge => ": too large",
            Cause::Closing => ": the client is closing",
            Cause::Unsupported => ": not supported yet",
            Cause::Usage => ": it can't be sent",
            Cause::Silent => ": the server fell silent",
            Cause::Loading => ": the server is loading its data",
            Cause::Replica => ": the server is a replica",
        };
        write!(f, "{failure}{cause}")?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not sent",
            Self::MaybeExecuted => "perhaps executed",
            Self::Executed => "executed",
        })
    }
}
