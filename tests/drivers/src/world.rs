//! The network, the server behind it, and what became of callers and subscribers, under one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::callers::Calls;
use crate::connection::{Connection, Given, Taken};
use crate::script::{Faults, How, Profile, Script};
use crate::server::Server;
use crate::subscribers::Readers;

/// Reads and writes of one run, by far.
const MOST_EVENTS: u64 = 1_000_000;

/// What a run's tasks share.
#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
pub struct State {
    profiles: Vec<Profile>,
    links: usize,
    /// No more faults.
    calm: bool,
    pub dials: usize,
    pub connections: Vec<Connection>,
    /// Bytes taken on all connections.
    taken: u64,
    /// Callers who leave when so many bytes were taken.
    triggers: Vec<(u64, Arc<Notify>)>,
    pub server: Server,
    pub calls: Calls,
    pub readers: Readers,
    /// How many there were of each kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What each connection had taken and given when the network became calm.
    pub bytes: Vec<(u64, u64)>,
    /// Counts what happened on the network.
    pub events: u64,
}

impl World {
    pub fn new(script: &Script) -> Self {
        let server = Server::new(script.resp == 3);
        let (profiles, links) = (script.connections.clone(), script.links as usize);
        Self { state: Mutex::new(State { profiles, links, server, ..State::default() }), changed: Notify::new() }
    }

    /// Changes something, and wakes who waits for that.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Looks without changing anything.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Waits until it is so.
    pub async fn until(&self, mut so: impl FnMut(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A connection is asked for; gives its number.
    pub fn dial(&mut self) -> io::Result<usize> {
        let mut profile = self.profiles.get(self.dials).cloned().unwrap_or_default();
        self.dials += 1;
        self.events += 1;
        if self.calm {
            profile = Profile { refuse: false, faults: Faults::default(), ..profile };
        }
        if profile.refuse {
            self.count("refused dial");
            return Err(ErrorKind::ConnectionRefused.into());
        }
        self.connections.push(Connection::new(profile));
        let open = self.connections.iter().filter(|connection| !connection.closed).count();
        if open > self.links {
            self.server.violations.push(format!("{open} connections are open, and {} may be", self.links));
        }
        let id = self.connections.len() - 1;
        self.after(id);
        Ok(id)
    }

    /// A connection is offered bytes.
    pub fn take(&mut self, id: usize, offered: &[&[u8]]) -> Taken {
        self.count_event();
        let taken = self.connections[id].take(&mut self.server, offered, &mut self.faults);
        if let Taken::Bytes(count) = taken {
            self.taken += count as u64;
            let (now, all) = (self.taken, self.triggers.len());
            self.triggers.retain(|(at, leave)| {
                if *at <= now {
                    leave.notify_one();
                }
                *at > now
            });
            *self.faults.entry("cancel in a write").or_default() += (all - self.triggers.len()) as u64;
        }
        self.after(id);
        taken
    }

    /// A connection is read.
    pub fn give(&mut self, id: usize, room: usize) -> Given {
        self.count_event();
        let given = self.connections[id].give(room, &mut self.faults);
        self.after(id);
        given
    }

    /// The caller leaves when so many more bytes were taken.
    pub fn leave_at(&mut self, bytes: u64, leave: Arc<Notify>) {
        self.triggers.push((self.taken + bytes, leave));
    }

    pub fn publish(&mut self, channel: &str, count: u64, size: usize) {
        for _ in 0..count {
            let message = self.server.next_message(channel, size);
            for connection in &mut self.connections {
                connection.session.message(channel, &message);
                connection.wake();
            }
        }
    }

    /// All open connections get these faults, counted from here.
    pub fn arm(&mut self, faults: &Faults) {
        for id in 0..self.connections.len() {
            self.connections[id].arm(faults);
            self.after(id);
        }
    }

    pub fn cut(&mut self, how: How) {
        for id in 0..self.connections.len() {
            if self.connections[id].is_open() {
                self.connections[id].faults.how = how;
                self.cut_one(id);
            }
        }
    }

    /// Stalls that are in effect end.
    pub fn release(&mut self) {
        self.connections.iter_mut().for_each(Connection::release);
    }

    /// From now on the network is a good one.
    pub fn calm(&mut self) {
        self.calm = true;
        self.bytes = self.connections.iter().map(|connection| (connection.taken, connection.given)).collect();
        for connection in &mut self.connections {
            connection.faults = Faults::default();
            connection.release();
        }
    }

    pub fn is_stalled(&self) -> bool {
        self.connections.iter().any(Connection::is_stalled)
    }

    pub fn is_subscribed(&self, channel: &str) -> bool {
        self.connections.iter().any(|connection| connection.is_open() && connection.session.channels.contains(channel))
    }

    /// What the server has subscriptions for.
    pub fn subscriptions(&self) -> Vec<String> {
        let open = self.connections.iter().filter(|connection| connection.is_open());
        let channels: BTreeSet<String> = open.flat_map(|connection| connection.session.channels.clone()).collect();
        channels.into_iter().collect()
    }

    fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// A client that never rests lets no time pass, and so would never be late.
    fn count_event(&mut self) {
        self.events += 1;
        assert!(self.events < MOST_EVENTS, "the client reads or writes without end");
    }

    /// Breaks a connection that has come to where it breaks, and wakes its ends.
    fn after(&mut self, id: usize) {
        if self.connections[id].is_at_cut() {
            self.cut_one(id);
        }
    }

    fn cut_one(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        let name = match connection.faults.how {
            How::Reset => "cut: reset",
            How::Deaf => "cut: writes fail, replies arrive",
            How::Lost => "cut: writes are lost, replies arrive",
        };
        connection.cut();
        self.count(name);
    }
}
