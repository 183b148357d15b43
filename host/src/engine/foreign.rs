//! The same driver on another core than the component, for `tests/bench` alone: so that what the sandbox costs can be
//! measured. Without the feature `foreign-core` nothing of this is there, and an instance is one of the component.

use std::sync::Arc;

use super::binary::Binary;
use super::disk::CodeCache;
use super::instance::{Instance as Sandboxed, Trap};
use super::program::Program as Component;
pub use super::state::{Effect, Report};
use crate::error::Error;
use crate::stats::Counters;
pub use crate::wit::bindings::coracle::client::types::{Credentials, Endpoint, Limits, Progress};
pub use crate::wit::bindings::exports::coracle::client::driver::{Reason, Settings, Tracking, Traffic};
pub use crate::wit::bindings::exports::coracle::client::pubsub::Kind;

/// A core that is no component. It is called as the contract says.
pub trait Core: Send {
    /// Makes a call. An error names the setting of [`Call::Configure`] that can't be used.
    fn call(&mut self, now: u64, call: Call<'_>) -> Result<Progress, String>;

    /// Appends the effects of the last call, in order.
    fn take_effects(&mut self, into: &mut Vec<Effect>);

    /// What the last call reports, in the place of what was there.
    fn take_report(&mut self, into: &mut Report);

    /// The buffer of an [`Effect::Send`] that is not needed any more.
    fn give_back(&mut self, buffer: Vec<u8>);
}

/// A function that the contract has a core export.
#[expect(missing_docs, reason = "documented in wit/")]
pub enum Call<'a> {
    Configure(&'a Settings),
    Opened { link: u32, credentials: Option<Credentials> },
    Received { link: u32, skipped: u64, bytes: &'a [u8] },
    Closed { link: u32, reason: Reason, written: u64, detail: &'a str },
    Elapsed(&'a [Traffic]),
    Renew(Credentials),
    Drain { deadline: u64 },
    Submit { rows: &'a [u64], lengths: &'a [u32], bytes: &'a [u8] },
    Cancel(&'a [u64]),
    Lease { session: u32, deadline: u64 },
    Release { session: u32 },
    Subscribe { id: u64, kind: Kind, own_link: bool, lengths: &'a [u32], names: &'a [u8] },
    Unsubscribe { id: u64 },
}

/// Makes cores.
pub type Factory = Arc<dyn Fn() -> Box<dyn Core> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Program {
    Component(Box<Component>),
    Foreign(Factory),
}

impl Program {
    pub(crate) fn load(component: &Binary, cache: &CodeCache) -> Result<Self, Error> {
        Component::load(component, cache).map(|program| Self::Component(Box::new(program)))
    }
}

type Outcome = Result<Progress, Trap>;

pub(crate) enum Instance {
    Component(Box<Sandboxed>),
    Foreign(Box<dyn Core>),
}

/// Calls either, by a method of the one and a call of the other.
macro_rules! either {
    ($self:ident, $now:ident, $method:ident($($argument:expr),*), $call:expr) => {
        match $self {
            Self::Component(instance) => instance.$method($now, $($argument),*),
            Self::Foreign(core) => core.call($now, $call).map_err(Trap),
        }
    };
}

impl Instance {
    pub(crate) fn new(program: &Program, memory_limit: usize, counters: Arc<Counters>) -> Result<Self, Error> {
        Ok(match program {
            Program::Component(program) => Self::Component(Box::new(Sandboxed::new(program, memory_limit, counters)?)),
            Program::Foreign(factory) => Self::Foreign(factory()),
        })
    }

    pub(crate) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        match self {
            Self::Component(instance) => instance.take_effects(into),
            Self::Foreign(core) => core.take_effects(into),
        }
    }

    pub(crate) fn take_report(&mut self, into: &mut Report) {
        match self {
            Self::Component(instance) => instance.take_report(into),
            Self::Foreign(core) => core.take_report(into),
        }
    }

    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        match self {
            Self::Component(instance) => instance.give_back(buffer),
            Self::Foreign(core) => core.give_back(buffer),
        }
    }

    pub(crate) fn configure(&mut self, now: u64, settings: &Settings) -> Result<Result<Progress, String>, Trap> {
        match self {
            Self::Component(instance) => instance.configure(now, settings),
            Self::Foreign(core) => Ok(core.call(now, Call::Configure(settings))),
        }
    }

    pub(crate) fn opened(&mut self, now: u64, link: u32, credentials: Option<Credentials>) -> Outcome {
        either!(self, now, opened(link, credentials), Call::Opened { link, credentials })
    }

    pub(crate) fn received(&mut self, now: u64, link: u32, skipped: u64, bytes: &[u8]) -> Outcome {
        either!(self, now, received(link, skipped, bytes), Call::Received { link, skipped, bytes })
    }

    pub(crate) fn closed(&mut self, now: u64, link: u32, reason: Reason, written: u64, detail: &str) -> Outcome {
        either!(self, now, closed(link, reason, written, detail), Call::Closed { link, reason, written, detail })
    }

    pub(crate) fn elapsed(&mut self, now: u64, traffic: &[Traffic]) -> Outcome {
        either!(self, now, elapsed(traffic), Call::Elapsed(traffic))
    }

    pub(crate) fn renew(&mut self, now: u64, credentials: Credentials) -> Outcome {
        either!(self, now, renew(credentials), Call::Renew(credentials))
    }

    pub(crate) fn drain(&mut self, now: u64, deadline: u64) -> Outcome {
        either!(self, now, drain(deadline), Call::Drain { deadline })
    }

    pub(crate) fn submit(&mut self, now: u64, rows: &[u64], lengths: &[u32], bytes: &[u8]) -> Outcome {
        either!(self, now, submit(rows, lengths, bytes), Call::Submit { rows, lengths, bytes })
    }

    pub(crate) fn cancel(&mut self, now: u64, requests: &[u64]) -> Outcome {
        either!(self, now, cancel(requests), Call::Cancel(requests))
    }

    pub(crate) fn lease(&mut self, now: u64, session: u32, deadline: u64) -> Outcome {
        either!(self, now, lease(session, deadline), Call::Lease { session, deadline })
    }

    pub(crate) fn release(&mut self, now: u64, session: u32) -> Outcome {
        either!(self, now, release(session), Call::Release { session })
    }

    pub(crate) fn subscribe(
        &mut self,
        now: u64,
        id: u64,
        kind: Kind,
        own_link: bool,
        lengths: &[u32],
        names: &[u8],
    ) -> Outcome {
        let call = Call::Subscribe { id, kind, own_link, lengths, names };
        either!(self, now, subscribe(id, kind, own_link, lengths, names), call)
    }

    pub(crate) fn unsubscribe(&mut self, now: u64, id: u64) -> Outcome {
        either!(self, now, unsubscribe(id), Call::Unsubscribe { id })
    }

    #[cfg(test)]
    pub(crate) fn testing(&mut self, function: &str, argument: Option<u64>) -> Result<(), Trap> {
        match self {
            Self::Component(instance) => instance.testing(function, argument),
            Self::Foreign(_) => Ok(()),
        }
    }
}
