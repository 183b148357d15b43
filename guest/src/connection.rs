//! Whether there is a main link, and what to do about it when there is none.

use crate::wire::{Cause, ClientState, NEVER};

/// Failed rounds over all endpoints after which a client that was once connected calls itself down...
const PATIENCE: u32 = 3;

/// ...but not before so long without a connection: a server that is started again is back sooner, and requests can wait
/// that long. Microseconds.
const GRACE: u64 = 1_000_000;

/// How long a connection that answered nothing has to last to count as a success. Microseconds.
const STABLE: u64 = 1_000_000;

/// The client's state as its callers see it.
#[derive(Debug)]
pub struct Connection {
    /// What the host was told last.
    pub state: ClientState,
    /// When to open the next main link.
    pub retry_at: u64,
    /// Place in the endpoints of the next one to try.
    pub endpoint: usize,
    /// Rounds that failed in a row.
    pub attempts: u32,
    /// When to ask a server that is loading whether it still is.
    pub gate_at: u64,
    /// How often it was asked.
    pub held: u32,
    /// Since when there is no connection, 0 while there is one.
    pub down_since: u64,
    ever_ready: bool,
    ready_at: u64,
    cause: Cause,
    error: String,
}

/// What a failed attempt means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Try the next endpoint at once.
    Next,
    /// All endpoints failed: wait, as for this attempt.
    Wait(u32),
}

impl Connection {
    /// Before the first attempt.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self {
            state: ClientState::Connecting,
            retry_at: NEVER,
            endpoint: 0,
            attempts: 0,
            gate_at: NEVER,
            held: 0,
            down_since: now,
            ever_ready: false,
            ready_at: now,
            cause: Cause::None,
            error: String::new(),
        }
    }

    /// Requests can be taken.
    pub fn ready(&mut self, now: u64) {
        self.state = ClientState::Ready;
        self.ever_ready = true;
        self.ready_at = now;
        self.down_since = 0;
        self.endpoint = 0;
        self.retry_at = NEVER;
        self.gate_at = NEVER;
        self.held = 0;
    }

    /// The main link is there, but its server is not ready.
    pub fn hold(&mut self, now: u64) {
        self.state = ClientState::Connecting;
        self.down_since = now;
        self.held = 0;
    }

    /// The main link, which was ready, is gone.
    pub fn lost(&mut self, now: u64, served: bool) {
        self.state = ClientState::Connecting;
        if self.down_since == 0 {
            self.down_since = now;
        }
        // A connection that broke at once, and was of no use, counts as a failed attempt: the next one waits longer.
        let lasted = served || now.saturating_sub(self.ready_at) >= STABLE;
        self.attempts = if lasted { 0 } else { self.attempts.saturating_add(1) };
        self.endpoint = 0;
        self.gate_at = NEVER;
    }

    /// An attempt failed, with `endpoints` to try in a round. The state follows.
    pub fn failed(&mut self, now: u64, endpoints: usize, cause: Cause, error: String) -> After {
        (self.cause, self.error) = (cause, error);
        self.endpoint += 1;
        if self.endpoint < endpoints {
            return After::Next;
        }
        self.endpoint = 0;
        let attempt = self.attempts;
        self.attempts = attempt.saturating_add(1);
        let out_of_patience = self.attempts >= PATIENCE && now.saturating_sub(self.down_since) >= GRACE;
        if !self.ever_ready || out_of_patience {
            self.state = if cause == Cause::Denied { ClientState::Denied } else { ClientState::Down };
        }
        After::Wait(attempt)
    }

    /// Why there is no connection.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The same for people: the last attempt's error, and since when.
    #[must_use]
    pub fn explain(&self, now: u64) -> String {
        let tenths = now.saturating_sub(self.down_since) / 100_000;
        let tried = match self.attempts {
            1 => "once".to_owned(),
            attempts => format!("{attempts} times"),
        };
        format!("{}; tried {tried}, no connection for {}.{} s", self.error, tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(now: u64, connection: &mut Connection) -> After {
        connection.failed(now, 2, Cause::Unreachable, "no".into())
    }

    #[test]
    fn the_first_round_decides_at_once() {
        let mut connection = Connection::new(0);
        assert_eq!(fail(0, &mut connection), After::Next);
        assert_eq!(connection.state, ClientState::Connecting);
        assert_eq!(fail(0, &mut connection), After::Wait(0));
        assert_eq!(connection.state, ClientState::Down);
    }

    #[test]
    fn a_client_that_was_connected_is_patient() {
        let lost = 2 * STABLE;
        let down = |rounds: u32, at: u64| {
            let mut connection = Connection::new(0);
            connection.ready(0);
            connection.lost(lost, true);
            for _ in 0..rounds {
                assert_eq!(connection.state, ClientState::Connecting);
                fail(at, &mut connection);
                fail(at, &mut connection);
            }
            (connection.state == ClientState::Down).then(|| connection.explain(lost + 1_200_000))
        };
        assert_eq!(down(PATIENCE - 1, lost + GRACE), None);
        assert_eq!(down(PATIENCE + 5, lost + GRACE - 1), None);
        assert_eq!(down(PATIENCE, lost + GRACE).as_deref(), Some("no; tried 3 times, no connection for 1.2 s"));
    }

    #[test]
    fn a_connection_that_does_not_last_is_no_success() {
        let mut connection = Connection::new(0);
        for round in 1..=3 {
            connection.ready(10);
            connection.lost(10 + STABLE - 1, false);
            assert_eq!(connection.attempts, round);
        }
        connection.ready(10);
        connection.lost(10 + STABLE, false);
        assert_eq!(connection.attempts, 0);
        for _ in 0..3 {
            connection.ready(10);
            connection.lost(11, true);
            assert_eq!(connection.attempts, 0);
        }
    }
}
