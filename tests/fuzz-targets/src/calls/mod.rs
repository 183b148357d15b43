//! Any calls in any order, with any bytes: the core must not panic, and what it says must hold together.
//!
//! A new method of `Core` gets a case in [`Call`], with its form as bytes, and one in `Run::call`.

mod call;
mod sent;
mod watch;

use coracle_core::Core;
use coracle_core::client::{Reason, Traffic};
use coracle_core::config::{Credentials, Endpoint, Limits, Settings, Tracking};
use coracle_core::pubsub::Kind;
use coracle_core::wire::{NEVER, option};

pub use self::call::{Call, Row};
use self::watch::Watch;
use crate::bytes::Reader;

/// Most calls of one run: what is longer is slow, and finds nothing that a shorter one would not.
const MOST: usize = 256;

/// How long the password is; there is no user name.
const PASSWORD: u64 = 3;

/// The first byte is settings, see [`run`]; then calls, as long as there are bytes.
pub fn target(input: &[u8]) {
    let (settings, calls) = read(input);
    run(settings, &calls);
}

/// The settings and calls that these bytes mean.
#[must_use]
pub fn read(input: &[u8]) -> (u8, Vec<Call>) {
    let mut reader = Reader(input);
    let settings = reader.byte();
    let mut calls = Vec::new();
    while !reader.is_empty() && calls.len() < MOST {
        calls.push(Call::read(&mut reader));
    }
    (settings, calls)
}

/// The inverse of [`read`].
#[must_use]
pub fn write(settings: u8, calls: &[Call]) -> Vec<u8> {
    let mut out = vec![settings];
    calls.iter().for_each(|call| call.write(&mut out));
    out
}

/// Makes the calls, then closes the client. Bit 0 of `settings`: RESP2. Bit 1: tight limits. Bit 2: a primary only.
/// Bits 3 and 4: how keys are tracked.
///
/// # Panics
/// The core broke the contract.
pub fn run(settings: u8, calls: &[Call]) {
    let (resp2, tight, primary) = (settings & 1 != 0, settings & 2 != 0, settings & 4 != 0);
    let tracking = match settings >> 3 & 3 {
        0 | 1 => Tracking::OptIn,
        2 => Tracking::Broadcast(vec![b"a".to_vec(), b"b".to_vec()]),
        _ => Tracking::Off,
    };
    let limits = Limits { pass_above: 64, ..Limits::default() };
    let settings = Settings {
        seed: 3,
        endpoints: vec![Endpoint::Tcp("server".into(), 6379), Endpoint::Unix("socket".into())],
        database: 0,
        name: String::new(),
        library_name: String::new(),
        library_version: String::new(),
        resp2,
        connect_timeout: 5_000_000,
        quiet_after: if tight { 3_000_000 } else { NEVER },
        idle_timeout: if tight { 2_000_000 } else { NEVER },
        primary,
        tracking,
        limits: if tight { Limits { inflight: 4, depth: 4, ..limits } } else { limits },
    };
    let mut run = Run { core: Core::new(0, settings).unwrap(), watch: Watch::default(), now: 0 };
    run.watch.check(&mut run.core, &[]);
    for call in calls {
        run.now += 1;
        run.call(call);
    }
    run.close();
}

struct Run {
    core: Core,
    watch: Watch,
    now: u64,
}

impl Run {
    fn call(&mut self, call: &Call) {
        let (core, now) = (&mut self.core, self.now);
        match call {
            Call::Opened { link, secret } => {
                core.handle_opened(now, few(*link) as u32, secret.then_some(credentials()));
            }
            Call::Received { link, skipped, bytes } => {
                core.handle_received(now, few(*link) as u32, u64::from(*skipped), bytes);
            }
            Call::Closed { link, written } => {
                let link = few(*link) as u32;
                self.watch.links.remove(&link);
                core.handle_closed(now, link, Reason::Lost, u64::from(*written), "");
            }
            Call::Elapsed { time } => return self.elapsed(u64::from(*time)),
            Call::Submit { rows, lengths, bytes } => return self.rows(rows, lengths, bytes),
            Call::Command { id, seconds, words } => {
                let lengths: Vec<u32> = words.iter().map(|word| word.len() as u32).collect();
                let row = [
                    few(*id),
                    self.now + u64::from(*seconds) * 1_000_000,
                    words.len() as u64,
                    (words.len() as u64) << 32,
                ];
                self.submit(&[row], &lengths, &words.concat());
                return;
            }
            Call::Transaction { id, commands, lone } => return self.transaction(few(*id), *commands, *lone),
            Call::Parts { id, name, rest } => return self.parts(few(*id), name, *rest),
            Call::Cancel { id } => core.cancel(now, &[few(*id)]),
            Call::Subscribe { id, kind, own, names } => {
                let kind = [Kind::Channel, Kind::Pattern, Kind::Shard, Kind::Monitor][usize::from(kind % 4)];
                // A host gives each subscription an id of its own.
                if !self.watch.subscriptions.insert(few(*id)) {
                    return;
                }
                core.subscribe(now, few(*id), kind, *own, &vec![1; names.len()], names);
            }
            Call::Unsubscribe { id } => {
                core.unsubscribe(now, few(*id));
            }
            Call::Lease { session } => {
                if !self.watch.sessions.insert(few(*session)) {
                    return;
                }
                core.lease(now, few(*session) as u32, NEVER);
            }
            Call::Release { session } => {
                if !self.watch.sessions.remove(&few(*session)) {
                    return;
                }
                core.release(now, few(*session) as u32);
            }
            Call::Renew => core.handle_renew(now, credentials()),
            Call::Drain { time } => core.handle_drain(now, now + u64::from(*time)),
        }
        self.watch.check(&mut self.core, &[]);
    }

    fn elapsed(&mut self, time: u64) {
        self.now += time;
        self.core.handle_elapsed(self.now, &[Traffic { link: 1, written: 0, received: 0, held: false }]);
        let wake_at = self.watch.check(&mut self.core, &[]).wake_at;
        assert!(wake_at > self.now, "a host that is to be woken at once calls for ever");
    }

    /// Any rows; those of more than one row are for `transaction` and `parts`, which know how they go on.
    fn rows(&mut self, rows: &[Row], lengths: &[u32], bytes: &[u8]) {
        let mut words: Vec<[u64; 4]> = Vec::new();
        for row in rows {
            let options = u32::from(row.options) & !(option::ATOMIC | option::CONTINUES | option::LONE);
            let row = Row { id: few(row.id) as u8, options: options as u8, ..*row }.words();
            if words.iter().all(|other| other[0] != row[0]) && self.watch.is_free(row[0]) {
                words.push(row);
            }
        }
        self.submit(&words, lengths, bytes);
    }

    fn transaction(&mut self, id: u64, commands: u8, lone: bool) {
        let count = u64::from(if lone { 1 } else { commands % 6 + 1 });
        let row = |place| {
            let options = match (lone, place + 1 < count) {
                (true, _) => option::LONE,
                (false, true) => option::ATOMIC,
                (false, false) => 0,
            };
            [id, NEVER, 2, u64::from(options) | 2 << 32]
        };
        let rows: Vec<[u64; 4]> = (0..count).map(row).collect();
        self.submit(&rows, &[3, 1].repeat(rows.len()), &b"GETk".repeat(rows.len()));
    }

    /// A command of two rows, in two calls.
    fn parts(&mut self, id: u64, name: &[u8], rest: u8) {
        let rest = u64::from(rest % 4 + 1);
        let options = u64::from(option::CONTINUES) | (rest + 1) << 32;
        if self.submit(&[[id, NEVER, 1, options]], &[name.len() as u32], name) && !self.watch.is_free(id) {
            let row = [id, NEVER, rest, rest << 32];
            let lengths = vec![1; rest as usize];
            self.now += 1;
            let given = self.watch.given(&[row], &lengths);
            self.core.submit(self.now, &row, &lengths, &b"k".repeat(rest as usize));
            if self.watch.check(&mut self.core, &given).accepted == 0 {
                self.give_up(id);
            }
        }
    }

    /// Submits rows whose ids are free; the rows of one request are together. Whether any was accepted.
    fn submit(&mut self, rows: &[[u64; 4]], lengths: &[u32], bytes: &[u8]) -> bool {
        if rows.iter().any(|row| !self.watch.is_free(row[0])) {
            return false;
        }
        let given = self.watch.given(rows, lengths);
        self.core.submit(self.now, &rows.concat(), lengths, bytes);
        let accepted = self.watch.check(&mut self.core, &given).accepted as usize;
        if let (Some(last), Some(next)) = (accepted.checked_sub(1).map(|at| given[at]), given.get(accepted))
            && last == *next
        {
            self.give_up(last);
        }
        accepted > 0
    }

    /// A host gives a request up that was accepted in part and that it does not go on with.
    fn give_up(&mut self, id: u64) {
        self.core.cancel(self.now, &[id]);
        self.watch.check(&mut self.core, &[]);
    }

    /// Ends the client as a host does that can't wait. Whatever happened, everything has to end with it.
    fn close(&mut self) {
        self.core.handle_drain(self.now, self.now);
        self.watch.check(&mut self.core, &[]);
        self.elapsed(1);
        let mut last = self.watch.check(&mut self.core, &[]);
        while let Some((link, _)) = self.watch.links.pop_first() {
            self.core.handle_closed(self.now, link, Reason::Local, u64::MAX, "");
            last = self.watch.check(&mut self.core, &[]);
        }
        self.watch.nothing_left(&last);
    }
}

/// Links and ids: 1 to 6.
fn few(byte: u8) -> u64 {
    u64::from(byte) % 6 + 1
}

fn credentials() -> Credentials {
    Credentials { generation: 1, username: 0, password: PASSWORD as u32 }
}
