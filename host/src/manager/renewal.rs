//! Credentials while the client runs: fetched before they expire, given to the core, and what servers said to them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::Manager;
use super::lane::Lane;
use crate::clock::Clock;
use crate::credentials::{Credentials, fetch};
use crate::error::Error;
use crate::event::Event;
use crate::rows::NEVER;
use crate::stats::add;

/// Credentials are fetched when a fifth of their life is left, or this long before its end if that is later.
const MARGIN: Duration = Duration::from_secs(60);
const LIFE_LEFT: u32 = 5;
/// The next fetch comes no sooner than this, even if what the last one gave has expired by then: a provider whose
/// clock is wrong would be asked without end. As in the Go host.
const LEAST: Duration = Duration::from_millis(200);
/// How long after a fetch that failed comes the next.
const RETRY: Duration = Duration::from_secs(5);

/// Who waits to hear how a renewal went.
pub(crate) type Told = oneshot::Sender<Result<(), Error>>;

/// A provider at work.
type Fetch = Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send>>;

/// What is under way, and what comes next.
#[derive(Default)]
pub(super) struct Renewal {
    /// When to fetch.
    timer: Option<Pin<Box<Sleep>>>,
    fetching: Option<Fetch>,
    /// Those who wait for the fetch.
    asked: Vec<Told>,
}

impl Renewal {
    /// The first credentials are good for so long.
    pub(super) fn new(clock: Clock, life: Option<Duration>) -> Self {
        let mut renewal = Self::default();
        renewal.expect(clock, life);
        renewal
    }

    /// The next fetch is for credentials that are good for so long.
    fn expect(&mut self, clock: Clock, life: Option<Duration>) {
        self.timer = life.map(|life| timer(clock, fetch_at(clock.now(), life)));
    }
}

impl Manager {
    /// Fetches credentials when it is time, and takes what the provider gave. Says whether anything happened.
    pub(super) fn poll_renewal(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = false;
        if self.renewal.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready()) {
            self.fetch_credentials(None);
            happened = true;
        }
        let Some(fetching) = &mut self.renewal.fetching else { return happened };
        let Poll::Ready(fetched) = fetching.as_mut().poll(cx) else { return happened };
        self.renewal.fetching = None;
        let asked = std::mem::take(&mut self.renewal.asked);
        match fetched {
            Ok(credentials) => self.renew(credentials, asked),
            Err(error) => {
                tracing::warn!(%error, "no new credentials");
                add(&self.common.shared.counters.renewals_failed, 1);
                self.common.config.hook.tell(|| Event::RenewalFailed(error.clone()));
                let clock = self.common.shared.clock;
                self.renewal.timer = Some(timer(clock, clock.now().saturating_add(micros(RETRY))));
                asked.into_iter().for_each(|told| answer(Some(told), Err(error.clone())));
            }
        }
        true
    }

    /// Asks the provider, if it is not being asked.
    pub(super) fn fetch_credentials(&mut self, told: Option<Told>) {
        self.renewal.timer = None;
        let Some(provider) = &self.common.config.provider else {
            answer(told, Err(crate::command::usage("the client has no provider of credentials")));
            return;
        };
        self.renewal.asked.extend(told);
        if self.renewal.fetching.is_none() {
            self.renewal.fetching = Some(Box::pin(fetch(Arc::clone(provider))));
        }
    }

    /// Uses these credentials from now on.
    pub(super) fn renew(&mut self, credentials: Credentials, told: Vec<Told>) {
        self.renewal.expect(self.common.shared.clock, credentials.expires_in);
        for lane in self.lanes().skip(1) {
            lane.renew(credentials.clone(), Vec::new());
        }
        self.lane.renew(credentials, told);
    }
}

impl Lane {
    /// Uses these credentials from now on.
    pub(super) fn renew(&mut self, credentials: Credentials, told: Vec<Told>) {
        let generation = self.keyring.add(credentials);
        match self.keyring.lengths() {
            Some(lengths) => {
                self.told.extend(told.into_iter().map(|told| (generation, told)));
                self.drive(None, |instance, now| instance.renew(now, lengths));
            }
            // Links to come authenticate as nobody.
            None => told.into_iter().for_each(|told| answer(Some(told), Ok(()))),
        }
    }

    /// Servers have answered to this generation, and so to all before.
    pub(super) fn renewed(&mut self, generation: u64, error: Option<Error>) {
        match &error {
            _ if !self.is_present() => {}
            // All lanes do so.
            None if !self.states.is_first() => {}
            None => {
                tracing::info!(generation, "credentials renewed");
                add(&self.counters().renewals, 1);
                self.tell(|| Event::Renewed);
            }
            Some(error) => {
                tracing::warn!(generation, %error, "a server refused new credentials");
                add(&self.counters().renewals_failed, 1);
                self.tell(|| Event::RenewalFailed(error.clone()));
            }
        }
        let all = std::mem::take(&mut self.told);
        let (answered, waiting) = all.into_iter().partition(|(wanted, _)| u64::from(*wanted) <= generation);
        self.told = waiting;
        let answered: Vec<(u32, Told)> = answered;
        for (_, told) in answered {
            answer(Some(told), error.clone().map_or(Ok(()), Err));
        }
    }

    /// A new instance connects with the newest credentials by itself; nobody will say how that went.
    pub(super) fn forget_renewals(&mut self) {
        for (_, told) in std::mem::take(&mut self.told) {
            answer(Some(told), Ok(()));
        }
    }
}

fn answer(told: Option<Told>, result: Result<(), Error>) {
    if let Some(told) = told {
        // An error means that nobody waits any more.
        let _ = told.send(result);
    }
}

fn timer(clock: Clock, at: u64) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep_until(clock.instant(at)))
}

fn fetch_at(now: u64, life: Duration) -> u64 {
    let margin = MARGIN.min(life / LIFE_LEFT);
    now.saturating_add(micros(life.saturating_sub(margin).max(LEAST)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_a_pause_whatever_it_gives() {
        assert_eq!([0, 1, 249].map(|life| fetch_at(7, Duration::from_millis(life))), [200_007; 3]);
        assert_eq!(fetch_at(7, Duration::from_millis(500)), 400_007);
    }

    #[test]
    fn credentials_are_fetched_before_they_expire() {
        assert_eq!(fetch_at(7, Duration::from_secs(10)), 8_000_007);
        assert_eq!(fetch_at(0, Duration::from_secs(3600)), 3_540_000_000);
        assert_eq!(fetch_at(0, Duration::MAX), NEVER - 1);
    }
}
