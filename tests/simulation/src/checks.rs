//! The invariants.

use std::collections::BTreeSet;

use coracle_core::wire::{Cause, ClientState, Failure, NEVER};

use crate::commands::NESTED;
use crate::net;
use crate::requests::Phase;
use crate::server::Name;
use crate::tenants;
use crate::value::Value;
use crate::world::{Check, World};

/// Repeating these changes something: whatever their caller allows.
const NEVER_TWICE: [&[u8]; 5] = [b"INCR", b"EVALSHA", b"BLPOP", b"FROB", b"MOD.X"];

impl World {
    /// A reply is of this request, and of this one only.
    pub fn check_reply(&self, id: u64, value: &Value) -> Check {
        let Some(request) = self.host.requests.get(id as usize) else {
            return Err(format!("a reply for request {id}, which there is not"));
        };
        if request.phase != Phase::Taken {
            return Err(format!("a reply for request {id}, which is {:?}", request.phase));
        }
        let put_off: &[&[u8]] = if request.ask.as_ref().is_some_and(|ask| ask.session == 0) {
            let all: &[&[u8]] = &[b"LOADING", b"NOAUTH", b"NOSCRIPT", b"READONLY"];
            if self.plan.shape.primary { all } else { &all[..3] }
        } else {
            &[b"NOSCRIPT"]
        };
        if let Value::Error(text) = value
            && put_off.iter().any(|word| text.starts_with(word))
        {
            return Err(format!("request {id} got {value:?}, which passes"));
        }
        if !self.server.log.replies(id).contains(value) {
            let said = self.server.log.replies(id);
            return Err(format!("request {id} got {value:?}; the server said to it {said:?}"));
        }
        Ok(())
    }

    /// What a transaction's command got instead of being queued is of its request.
    pub fn check_kept(&mut self, id: u64, value: &Value) -> Check {
        let open = self.host.requests.get_mut(id as usize).filter(|at| at.phase == Phase::Taken || at.taken > 0);
        let Some(request) = open else {
            return Err(format!("a piece of request {id}, which is not open"));
        };
        request.kept += 1;
        let Value::Error(text) = value else { return Err(format!("request {id} keeps {value:?}, which is no error")) };
        let text = String::from_utf8_lossy(text);
        let own = text.ends_with(&format!(" #{id}"));
        if own || ["LOADING", "READONLY", "NOAUTH", NESTED].iter().any(|word| text.starts_with(word)) {
            return Ok(());
        }
        Err(format!("request {id} keeps another's error: {text}"))
    }

    /// It fails, and what is said of its execution is true.
    pub fn check_failure(&self, id: u64, failure: Failure, cause: Cause) -> Check {
        let Some(request) = self.host.requests.get(id as usize) else {
            return Err(format!("request {id} fails, and there is none"));
        };
        if !matches!(request.phase, Phase::Waiting | Phase::Taken) {
            return Err(format!("request {id} fails by {cause:?}, and is {:?}", request.phase));
        }
        if failure == Failure::Misuse {
            return Err(format!("request {id} is called misuse, which it was not"));
        }
        if failure != Failure::MaybeExecuted && !request.maybe && self.server.log.executed(id) > 0 {
            return Err(format!("request {id} is called {failure:?} by {cause:?}, and the server executed it"));
        }
        Ok(())
    }

    /// It may go out again.
    pub fn check_resubmit(&self, id: u64, maybe: bool) -> Check {
        let Some(request) = self.host.requests.get(id as usize) else {
            return Err(format!("request {id} is wanted again, and there is none"));
        };
        if request.phase != Phase::Taken && request.taken == 0 {
            return Err(format!("request {id} is wanted again, and is {:?}", request.phase));
        }
        if self.host.draining {
            return Err(format!("request {id} is wanted again by a client that drains"));
        }
        let repeatable = request.ask.as_ref().is_some_and(|ask| ask.may_repeat && ask.session == 0);
        if maybe && !repeatable {
            return Err(format!("request {id} is wanted again, and must not be repeated"));
        }
        let unexecuted = self.server.log.executed(id) == 0 || request.maybe;
        if !maybe && !unexecuted {
            return Err(format!("request {id} is wanted again as not sent, and the server executed it"));
        }
        Ok(())
    }

    /// By now it must have ended.
    pub fn check_ended(&self, id: u64) -> Check {
        let request = &self.host.requests[id as usize];
        match request.phase {
            Phase::Idle | Phase::Ended => Ok(()),
            // Without a deadline it waits for a link, or behind who does, and nobody is promised one.
            _ if request.deadline == NEVER && request.conn.is_none() && self.is_crowded() => Ok(()),
            phase => Err(format!("request {id} is {phase:?}, though it should have ended")),
        }
    }

    /// Behind bytes that no server sends, the core must have closed the link.
    pub fn check_lie(&self, at: usize) -> Check {
        let conn = &self.conns[at];
        let seen = conn.lie_ends_at.is_some_and(|end| conn.down.carried >= end);
        if seen && matches!(conn.phase, net::Phase::Open | net::Phase::Broken) {
            return Err(format!("link {} got what no server sends, and is still open", conn.link));
        }
        Ok(())
    }

    /// All links are taken, by subscriptions as it may be: nobody is promised one.
    pub fn is_crowded(&self) -> bool {
        let hubs = self.server.sessions.iter().filter(|session| session.open && !session.subscribed.is_empty());
        hubs.count() + 1 >= self.plan.shape.links as usize
    }

    /// A drained client has ended everything, and is closed.
    pub fn check_drained(&self) -> Check {
        if self.now < self.host.drained_by {
            // Its instance was lost, and the next one has its own time.
            return Ok(());
        }
        for (id, request) in self.host.requests.iter().enumerate() {
            // The host's own queue may have something new.
            if request.phase == Phase::Taken || request.phase == Phase::Waiting && request.taken > 0 {
                return Err(format!("the client was drained, and request {id} is {:?}", request.phase));
            }
        }
        if let Some((id, _)) = self.host.subscribers.iter().find(|(_, subscriber)| !subscriber.ended) {
            return Err(format!("the client was drained, and subscription {id} goes on"));
        }
        if self.host.state != ClientState::Closed {
            return Err(format!("the client was drained, and is {:?}", self.host.state));
        }
        Ok(())
    }

    /// Faults are over for long: nothing is left undone.
    pub fn check_recovered(&self) -> Check {
        if self.host.state != ClientState::Ready {
            return Err(format!("the client is {:?} long after the last fault", self.host.state));
        }
        for id in &self.host.open {
            self.check_ended(*id)?;
        }
        self.check_renewed()?;
        for (session, tenant) in &self.host.tenants {
            let crowded = tenant.phase == tenants::Phase::Waiting && self.is_crowded();
            if tenant.phase != tenants::Phase::Over && !crowded {
                return Err(format!("session {session} is {:?} long after the last fault", tenant.phase));
            }
        }
        for (id, subscriber) in &self.host.subscribers {
            if !subscriber.ended && (!subscriber.live || subscriber.leaving) {
                let what = if subscriber.leaving { "did not end" } else { "is not live" };
                return Err(format!("subscription {id} {what} long after the last fault"));
            }
        }
        Ok(())
    }

    /// The run is over: what was said is true to the end.
    pub fn check_end(&self) -> Check {
        for (id, request) in self.host.requests.iter().enumerate() {
            let Some(ask) = &request.ask else { continue };
            let executed = self.server.log.executed(id as u64);
            if request.not_sent && executed > 0 {
                return Err(format!("request {id} was called not sent, and the server executed it later"));
            }
            let once = !ask.may_repeat
                || ask.session != 0
                || ask.commands.iter().any(|words| NEVER_TWICE.contains(&&words[0][..]));
            if executed > 1 && once {
                return Err(format!("request {id} was executed {executed} times"));
            }
            self.check_ended(id as u64)?;
        }
        if self.host.draining {
            return Ok(());
        }
        self.check_recovered()?;
        self.check_messages()?;
        self.check_server_side()
    }

    /// Whoever is live got all that was published since.
    fn check_messages(&self) -> Check {
        for (id, subscriber) in self.host.subscribers.iter().filter(|(_, subscriber)| subscriber.live) {
            for (name, required) in &subscriber.names {
                let there = self.server.publications_of(&(subscriber.kind, name.clone()));
                if required.is_some_and(|next| next < there) {
                    let name = String::from_utf8_lossy(name);
                    return Err(format!(
                        "subscription {id} did not get the last messages of {name}, and no gap was told"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The server has the subscriptions that callers have, and no others.
    fn check_server_side(&self) -> Check {
        let open = self.server.sessions.iter().filter(|session| session.open);
        let has: BTreeSet<&Name> = open.flat_map(|session| &session.subscribed).collect();
        let live = self.host.subscribers.values().filter(|subscriber| subscriber.live);
        let wanted: BTreeSet<Name> =
            live.flat_map(|subscriber| subscriber.names.keys().map(|name| (subscriber.kind, name.clone()))).collect();
        match has.iter().find(|name| !wanted.contains(**name)) {
            Some((kind, name)) => {
                Err(format!("the server still has {kind:?} {}, which nobody wants", String::from_utf8_lossy(name)))
            }
            None => Ok(()),
        }
    }
}
