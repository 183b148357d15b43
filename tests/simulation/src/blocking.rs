//! Lists, and connections that wait for their elements.

use std::collections::{BTreeMap, VecDeque};

use coracle_core::wire::{Cause, Failure, NEVER};

use crate::net::Phase;
use crate::server::Server;
use crate::session::{Session, tag};
use crate::users::Who;
use crate::value::Value;
use crate::world::{Check, Event, World, note};

/// What the server has to give.
#[derive(Debug, Default)]
pub struct Lists {
    elements: BTreeMap<Vec<u8>, VecDeque<u64>>,
    /// Elements there were.
    count: u64,
    /// How often somebody began to wait.
    waits: u64,
    /// Who began to wait just now, and for how long.
    begun: Vec<(usize, u64, u64)>,
}

/// What a connection waits for.
#[derive(Debug)]
pub struct Blocked {
    request: u64,
    list: Vec<u8>,
    /// Who waits longer comes first.
    place: u64,
}

impl Lists {
    /// Takes the first element.
    pub fn pop(&mut self, list: &[u8]) -> Option<u64> {
        self.elements.get_mut(list)?.pop_front()
    }

    /// The server forgets.
    pub fn clear(&mut self) {
        self.elements.clear();
    }
}

/// What BLPOP answers.
pub fn popped(list: &[u8], element: u64) -> Value {
    Value::Array(vec![Value::bulk(list), Value::bulk(format!("element {element}"))])
}

impl Session {
    /// BLPOP: answers, or waits.
    pub fn block(&mut self, server: &mut Server, command: &[Vec<u8>], request: u64) {
        let list = command.get(1).cloned().unwrap_or_default();
        if let Some(element) = server.lists.pop(&list) {
            server.log.note_executed(request);
            return self.reply(server, request, popped(&list, element));
        }
        let time = command.last().map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        let micros = (time.parse::<f64>().unwrap_or_default() * 1e6) as u64;
        server.lists.waits += 1;
        self.blocked = Some(Blocked { request, list, place: server.lists.waits });
        server.lists.begun.push((self.connection, request, if micros == 0 { NEVER } else { micros }));
    }

    /// A command that has to wait until another one ends that blocks: only a session does that to itself.
    pub fn check_behind(&self, command: &[Vec<u8>]) -> Check {
        match (&self.blocked, tag(command), self.user) {
            (Some(blocked), Some(request), user) if !matches!(user, Some(Who::Tenant(..))) => {
                Err(format!("request {request} waits behind request {}, which blocks", blocked.request))
            }
            _ => Ok(()),
        }
    }
}

impl World {
    /// Somebody else appends an element: who waits longest gets it.
    pub fn push_element(&mut self, list: &[u8]) -> Check {
        if self.server.modes.down {
            return Ok(());
        }
        self.server.lists.count += 1;
        let element = self.server.lists.count;
        note!(self, "element {element} of {}", String::from_utf8_lossy(list));
        let waits = |session: &Session| {
            let blocked = session.blocked.as_ref().filter(|blocked| session.open && blocked.list == list);
            blocked.map(|blocked| blocked.place)
        };
        let sessions = self.server.sessions.iter().enumerate();
        let first = sessions.filter_map(|(at, session)| Some((waits(session)?, at))).min();
        match first {
            Some((_, at)) => self.answer_blocked(at, popped(list, element)),
            None => {
                self.server.lists.elements.entry(list.to_vec()).or_default().push_back(element);
                Ok(())
            }
        }
    }

    /// Its time is over, if it still waits.
    pub fn unblock(&mut self, at: usize, request: u64) -> Check {
        let session = &self.server.sessions[at];
        if session.open && session.blocked.as_ref().is_some_and(|blocked| blocked.request == request) {
            return self.answer_blocked(at, Value::Nil);
        }
        Ok(())
    }

    /// Some connections began to wait.
    pub fn note_blocked(&mut self) {
        for (at, request, time) in std::mem::take(&mut self.server.lists.begun) {
            self.count("commands that blocked");
            if time != NEVER {
                self.after(time, Event::Unblock(at, request));
            }
        }
    }

    /// Who no longer waits for a command that may block leaves no link behind on which it could still get something.
    pub fn check_given_up(&self, id: u64, failure: Failure, cause: Cause) -> Check {
        let request = &self.host.requests[id as usize];
        let (Some(ask), Some(at)) = (&request.ask, request.conn) else { return Ok(()) };
        let given_up = failure == Failure::MaybeExecuted && matches!(cause, Cause::Deadline | Cause::Cancelled);
        let may_block = if ask.session == 0 { ask.alone } else { self.now < request.blocked_until };
        if given_up && may_block && matches!(self.conns[at].phase, Phase::Open | Phase::Broken) {
            return Err(format!("request {id} is given up, and link {} is kept", self.conns[at].link));
        }
        Ok(())
    }

    fn answer_blocked(&mut self, at: usize, value: Value) -> Check {
        let mut session = std::mem::take(&mut self.server.sessions[at]);
        if let Some(blocked) = session.blocked.take() {
            self.server.log.note_executed(blocked.request);
            session.reply(&mut self.server, blocked.request, value);
        }
        self.server.sessions[at] = session;
        // What came meanwhile.
        self.server.receive(at, &[])?;
        self.collect_replies(at);
        self.note_blocked();
        Ok(())
    }
}
