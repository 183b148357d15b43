//! The beginning and the end: of an instance, and of the client.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::lane::Lane;
use super::requests::Phase;
use crate::cache::Cache;
use crate::config::Config;
use crate::connector::Endpoint;
use crate::engine::{Instance, Settings, Tracking, Trap};
use crate::error::{Error, Outcome};
use crate::event::Event;
use crate::rows::NEVER;
use crate::states::ClientState;
use crate::stats::add;
use crate::wit;

/// Instances that may be lost in a row before the client gives up.
const MAX_LOSSES: u32 = 5;
/// How long after its deadline a drain may go on, in microseconds.
const DRAIN_GRACE: u64 = 250_000;

impl Lane {
    /// Makes an instance and configures it.
    pub(super) fn start_instance(&mut self) -> Result<(), Error> {
        let counters = std::sync::Arc::clone(&self.shared.counters);
        let mut instance = Instance::new(&self.program, self.config.limits.memory, counters)?;
        let settings = settings(&self.config);
        let configured = instance.configure(self.shared.clock.now(), &settings);
        self.full = false;
        self.wake_at = NEVER;
        match configured {
            Ok(Ok(progress)) => {
                self.instance = Some(instance);
                self.accept(None, progress);
                Ok(())
            }
            Ok(Err(setting)) => Err(Error::config(setting)),
            Err(Trap(detail)) => {
                self.lost = Some(detail);
                Ok(())
            }
        }
    }

    /// The instance is of no use any more. Another one takes over before the task waits again.
    pub(super) fn lose(&mut self, detail: String) {
        self.instance = None;
        self.effects.clear();
        self.lost.get_or_insert(detail);
        self.forget_cached();
    }

    /// Ends what the lost instance had, and starts another one.
    pub(super) fn after_loss(&mut self) {
        while let Some(detail) = self.lost.take() {
            self.losses += 1;
            add(&self.counters().traps, 1);
            self.tell(|| Event::Trap { detail: detail.clone(), in_a_row: self.losses });
            if !self.is_present() {
                return self.finish(Error::core(Outcome::NotSent, detail));
            }
            tracing::error!(detail, losses = self.losses, "the core failed; its instance is replaced");
            self.end_taken(&detail);
            self.end_granted_sessions(&Error::core(Outcome::NotSent, &*detail));
            self.links.clear();
            self.closings.clear();
            self.touched = self.sequence;
            self.tell_state(ClientState::Connecting, Some(self.shared.clock.now()));
            if self.give_up.is_some() {
                return self.finish(Error::closed());
            }
            if self.losses > MAX_LOSSES {
                return self.finish(Error::core(Outcome::NotSent, detail));
            }
            if let Err(error) = self.start_instance() {
                return self.finish(error);
            }
            self.forget_renewals();
            self.lease_again();
            self.subscribe_again();
        }
    }

    /// Ends all in order, by the deadline.
    pub(super) fn close(&mut self, deadline: u64) {
        if self.give_up.is_some() {
            return;
        }
        self.give_up = Some(deadline.saturating_add(DRAIN_GRACE));
        self.refuse_waiting();
        self.drive(None, |instance, now| instance.drain(now, deadline));
    }

    /// The client is at its end: nothing is left open.
    pub(super) fn finish(&mut self, error: Error) {
        if self.finished.is_some() {
            return;
        }
        if self.is_present() {
            // Whoever finds the inbox closed finds the reason.
            let _ = self.shared.ended.set(error.clone());
            self.forget_cached();
        }
        self.end_granted_sessions(&error);
        self.tell_state(ClientState::Closed(error.clone()), None);
        for (id, phase) in self.table.open() {
            let ended = match &error {
                Error::Core { detail, .. } => Error::core(self.outcome(phase), detail.clone()),
                other => closed_with(self.outcome(phase), other),
            };
            self.end(id, Err(ended));
        }
        for (_, wanted) in self.subscriptions.drain() {
            wanted.queue.end(Some(error.clone()));
        }
        self.finished = Some(error);
    }

    /// Ends what came in after the end.
    pub(super) fn end_all(&mut self, error: &Error) {
        for (id, _) in self.table.open() {
            self.table.end(id, Err(error.clone()));
        }
    }

    #[cfg(test)]
    pub(super) fn test(&mut self, function: &str, argument: Option<u64>) {
        if let Some(instance) = self.instance.as_mut()
            && let Err(Trap(detail)) = instance.testing(function, argument)
        {
            self.lose(detail);
        }
    }

    /// Ends every request that the lost instance had.
    fn end_taken(&mut self, detail: &str) {
        for (id, phase) in self.table.open() {
            if let Phase::Taken(_) = phase {
                let outcome = self.outcome(phase);
                self.end(id, Err(Error::core(outcome, detail)));
            }
        }
        self.queue.forget_current();
    }
}

fn closed_with(outcome: Outcome, error: &Error) -> Error {
    use crate::error::{Cause, Failure};
    match outcome {
        Outcome::MaybeExecuted => {
            Error::failed(Failure::MaybeExecuted, Cause::Closing, "the client was closed before the reply came")
        }
        Outcome::NotSent | Outcome::Executed => error.clone(),
    }
}

/// How long a link may be silent before it is asked for a PING. Microseconds.
const QUIET_AFTER: u64 = 15_000_000;
/// How long a link of its own may be unused before it is closed. Microseconds.
const IDLE_TIMEOUT: u64 = 60_000_000;

fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    let endpoint = |endpoint: &Endpoint| match endpoint.clone() {
        Endpoint::Tcp { host, port } => wit::Endpoint::Tcp((host, port)),
        Endpoint::Unix { path } => wit::Endpoint::Unix(path),
    };
    let prefixes = config.cache.as_ref().and_then(|cache| cache.prefixes.as_deref()).unwrap_or_default();
    Settings {
        // The hasher's keys are random: that is all that jitter needs.
        seed: RandomState::new().build_hasher().finish(),
        endpoints: config.endpoints.iter().map(endpoint).collect(),
        database: config.database,
        name: config.name.clone(),
        library_name: config.library.0.clone(),
        library_version: config.library.1.clone(),
        resp2: config.resp2,
        connect_timeout: u64::try_from(config.connect_timeout.as_micros()).unwrap_or(NEVER - 1),
        quiet_after: QUIET_AFTER,
        idle_timeout: IDLE_TIMEOUT,
        primary: config.endpoints.len() > 1,
        tracking: match &config.cache {
            None => Tracking::Off,
            Some(Cache { prefixes: None, .. }) => Tracking::OptIn,
            Some(Cache { prefixes: Some(_), .. }) => Tracking::Broadcast,
        },
        tracking_prefixes: prefixes.to_vec(),
        limits: wit::Limits {
            queued: limits.queued,
            queued_bytes: limits.queued_bytes,
            inflight: limits.inflight,
            inflight_bytes: limits.inflight_bytes,
            links: limits.links,
            depth: limits.depth,
            elements: limits.elements,
            reply_bytes: limits.reply_bytes,
            hold_above: limits.hold_above,
            pass_above: limits.pass_above,
        },
    }
}
