//! Draws what happens in a run.

use coracle_core::pubsub::Kind;
use coracle_core::wire::NEVER;

use crate::plan::{Ask, CALM, CHANNELS, Fault, LISTS, MILLISECOND, Shape, Step, Tenancy};
use crate::random::Random;

/// Draws steps.
pub struct Draw<'a> {
    pub random: Random,
    pub shape: &'a Shape,
    calls: u64,
    subscriptions: u64,
    sessions: u32,
    steps: Vec<(u64, Step)>,
}

impl<'a> Draw<'a> {
    /// Before the first step.
    pub fn new(random: Random, shape: &'a Shape) -> Self {
        Self { random, shape, calls: 0, subscriptions: 0, sessions: 0, steps: Vec::new() }
    }

    /// All steps, by time.
    pub fn steps(mut self) -> Vec<(u64, Step)> {
        let steps = self.random.between(8, 36);
        let quiet = self.random.chance(10);
        for _ in 0..steps {
            let at = self.random.below(CALM);
            self.step(at, quiet);
        }
        if self.random.chance(15) {
            let patience = self.random.pick(&[0, 5 * MILLISECOND, 800 * MILLISECOND]);
            let at = self.random.between(CALM / 2, CALM + 100 * MILLISECOND);
            self.steps.push((at, Step::Drain(patience)));
        }
        // Stable: what was drawn first happens first.
        self.steps.sort_by_key(|(at, _)| *at);
        self.steps
    }

    fn step(&mut self, at: u64, quiet: bool) {
        match self.random.below(100) {
            0..42 => self.calls(at),
            42..46 if self.calls > 0 => {
                let id = self.random.between(1, self.calls);
                self.steps.push((at, Step::Cancel(id)));
            }
            42..55 => self.subscribe(at),
            55..58 if self.subscriptions > 0 => {
                let id = self.random.between(1, self.subscriptions);
                self.steps.push((at, Step::Unsubscribe(id)));
            }
            55..66 => self.publish(at),
            66 => self.steps.push((at, Step::Wake)),
            67 => {
                for _ in 0..self.random.between(1, 3) {
                    let list = self.random.pick(&LISTS).as_bytes().to_vec();
                    self.steps.push((at, Step::Push(list)));
                }
            }
            80..83 if self.shape.password => {
                let forget = self.random.pick(&[None, Some(0), Some(5), Some(200)]);
                self.steps.push((at, Step::Renew(forget.map(|time| time * MILLISECOND))));
            }
            68 if self.sessions > 0 => {
                let session = self.random.between(1, u64::from(self.sessions)) as u32;
                self.steps.push((at, Step::Release(session)));
            }
            68..80 => self.lease(at),
            _ if quiet => self.calls(at),
            _ => {
                let fault = self.fault();
                self.steps.push((at, Step::Fault(fault)));
            }
        }
    }

    /// Some calls at one time: they share a batch.
    fn calls(&mut self, at: u64) {
        for _ in 0..self.random.pick(&[1, 1, 2, 5, 12]) {
            let mut ask = self.ask();
            if self.random.chance(2) {
                // Of a session that may not have a link, or not any longer.
                ask.session = self.random.between(1, u64::from(self.sessions) + 1) as u32;
            }
            if self.random.chance(8) {
                let later = at + self.random.below(20 * MILLISECOND);
                self.steps.push((later, Step::Cancel(ask.id)));
            }
            self.steps.push((at, Step::Call(ask)));
        }
    }

    /// A number that no other call has.
    pub fn number(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// A call of some sort.
    pub fn ask(&mut self) -> Ask {
        match self.random.below(100) {
            0..8 => self.blocking(),
            8..11 => self.unknown(),
            // What names a script must not be held.
            11..19 if self.shape.hold_above >= 40 => self.script(),
            _ => self.usual(),
        }
    }

    /// One that waits for an element of a list.
    fn blocking(&mut self) -> Ask {
        let id = self.number();
        let list = self.random.pick(&LISTS).as_bytes().to_vec();
        let (text, blocks) = self.random.pick(&[("0.005", 5), ("0.05", 50), ("0.4", 400), ("0", 0)]);
        let mut patience = self.patience();
        if blocks == 0 {
            patience.get_or_insert(300 * MILLISECOND);
        }
        Ask {
            id,
            commands: vec![vec![b"BLPOP".to_vec(), list, tag(id), text.as_bytes().to_vec()]],
            may_repeat: self.random.chance(20),
            patience,
            alone: true,
            blocks: Some(if blocks == 0 { NEVER } else { blocks * MILLISECOND }),
            patient: blocks > 0 && self.random.chance(50),
            ..Ask::default()
        }
    }

    /// One that the core does not know: of a module, or of nobody knows what.
    fn unknown(&mut self) -> Ask {
        let id = self.number();
        let name = self.random.pick(&["FROB", "MOD.X"]);
        let commands = vec![vec![name.as_bytes().to_vec(), format!("payload of {id}").into_bytes(), tag(id)]];
        let (may_repeat, patience) = (self.random.chance(20), self.patience());
        Ask { id, commands, may_repeat, patience, alone: true, ..Ask::default() }
    }

    /// A script, or several as a transaction.
    fn script(&mut self) -> Ask {
        let id = self.number();
        let atomic = self.random.chance(25);
        let count = if atomic { self.random.between(1, 2) } else { 1 };
        let commands = (0..count)
            .map(|_| {
                let name = self.random.pick(&["EVALSHA", "EVALSHA", "EVALSHA_RO"]);
                let (sha, source) = script(self.random.below(3));
                vec![name.as_bytes().to_vec(), sha, source, b"0".to_vec(), tag(id)]
            })
            .collect();
        let (may_repeat, patience) = (self.random.chance(20), self.patience());
        Ask { id, commands, atomic, may_repeat, patience, script: true, ..Ask::default() }
    }

    fn usual(&mut self) -> Ask {
        let id = self.number();
        let atomic = self.random.chance(15);
        let count = if atomic { self.random.between(1, 3) } else { 1 };
        Ask {
            id,
            commands: (0..count).map(|place| self.command(id, place, atomic)).collect(),
            atomic,
            may_repeat: self.random.chance(20),
            patience: self.patience(),
            ..Ask::default()
        }
    }

    /// How long a caller waits.
    pub fn patience(&mut self) -> Option<u64> {
        self.random.chance(30).then(|| self.random.pick(&[0, 3, 60, 700]) * MILLISECOND)
    }

    /// Its last argument is the tag by which the server knows whose it is.
    fn command(&mut self, id: u64, place: u64, atomic: bool) -> Vec<Vec<u8>> {
        let key = format!("key{}", self.random.below(3)).into_bytes();
        let mut payload = format!("payload of {id}.{place} ").into_bytes();
        let size = self.random.pick(&[0, 0, 0, 90, 400]);
        payload.resize(payload.len() + size, b'x');
        let mut command = match self.random.below(12) {
            0..4 => vec![b"ECHO".to_vec(), payload],
            4..6 => vec![b"SET".to_vec(), key, payload],
            6 => vec![b"GET".to_vec(), key],
            7 => vec![b"INCR".to_vec(), b"count".to_vec()],
            8 => vec![b"XRANGE".to_vec(), payload],
            9 => vec![b"HGETALL".to_vec(), payload],
            10 if atomic => vec![b"STRLEN".to_vec()],
            10 => vec![b"HGET".to_vec()],
            _ => vec![b"LLEN".to_vec(), payload],
        };
        command.push(tag(id));
        command
    }

    fn lease(&mut self, at: u64) {
        for _ in 0..self.random.pick(&[1, 1, 1, 3]) {
            self.sessions += 1;
            let session = self.sessions;
            let tenancy = Tenancy {
                session,
                patience: if self.random.chance(70) {
                    Some(self.random.pick(&[0, 3, 60, 700, 3000]) * MILLISECOND)
                } else {
                    None
                },
                turns: (0..self.random.pick(&[1, 1, 2, 3])).map(|_| self.turn(session)).collect(),
                hasty: self.random.chance(25),
                hold: self.random.pick(&[0, 0, 1, 50]) * MILLISECOND,
            };
            self.steps.push((at, Step::Lease(tenancy)));
            if self.random.chance(20) {
                let later = at + self.random.below(100 * MILLISECOND);
                self.steps.push((later, Step::Release(session)));
            }
        }
    }

    /// What a session asks while it has a link. It may end in the midst of something.
    fn turn(&mut self, session: u32) -> Vec<Ask> {
        let mut open = false;
        let count = self.random.below(6);
        (0..count)
            .map(|_| {
                let words: &[&str] = match self.random.below(20) {
                    0..3 if !open => &["WATCH", "key1"],
                    3..4 => &["UNWATCH"],
                    4..8 if !open => &["MULTI"],
                    4..7 => &["EXEC"],
                    7 => &["DISCARD"],
                    8 => &["SELECT", "7"],
                    9 => &["CLIENT", "NO-EVICT", "on"],
                    _ => &[],
                };
                match words.first() {
                    Some(&"MULTI") => open = true,
                    Some(&"EXEC" | &"DISCARD") => open = false,
                    _ => {}
                }
                let mut ask = Ask { session, ..self.ask() };
                if open {
                    (ask.blocks, ask.patient) = (None, false);
                }
                if !words.is_empty() || open {
                    // Transactions have no others within.
                    ask.atomic = false;
                    ask.commands.truncate(1);
                }
                if !words.is_empty() {
                    let mut command: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
                    command.push(tag(ask.id));
                    ask.commands = vec![command];
                    (ask.blocks, ask.patient, ask.script) = (None, false, false);
                }
                ask
            })
            .collect()
    }

    fn subscribe(&mut self, at: u64) {
        self.subscriptions += 1;
        let kind = self.random.pick(&[Kind::Channel, Kind::Channel, Kind::Pattern, Kind::Shard]);
        let count = self.random.pick(&[1, 1, 2, 3]);
        let names = (0..count).map(|_| self.name(kind)).collect();
        let own_link = self.random.chance(20);
        self.steps.push((at, Step::Subscribe { id: self.subscriptions, kind, own_link, names }));
    }

    fn name(&mut self, kind: Kind) -> Vec<u8> {
        let names: &[&str] = match kind {
            Kind::Pattern => &["n*", "new*", "w*", "w*"],
            _ => &["news", "news", "nap", "weather", "weather", "wind", "wind", "forbidden"],
        };
        self.random.pick(names).as_bytes().to_vec()
    }

    fn publish(&mut self, at: u64) {
        let channel = self.random.pick(&CHANNELS).as_bytes().to_vec();
        let shard = self.random.chance(20);
        for _ in 0..self.random.between(1, 3) {
            self.steps.push((at, Step::Publish { channel: channel.clone(), shard }));
        }
    }

    fn fault(&mut self) -> Fault {
        let random = &mut self.random;
        let time = random.pick(&[1, 20, 300]) * MILLISECOND;
        match random.below(26) {
            0..3 => Fault::CutUp(random.below(200)),
            3..6 => Fault::CutDown(random.below(200)),
            6..8 => Fault::HalfOpen(random.pick(&[1, 20, 300, 600]) * 2 * MILLISECOND),
            8..10 => Fault::SlowServer(time),
            10 => Fault::SlowClient(time),
            11..14 => Fault::Restart { down: time, forget: random.chance(50) },
            14 => Fault::RefuseDials(time),
            15 => Fault::HangDials(time),
            16 => Fault::Loading(time),
            24 => Fault::Readonly(time),
            17 | 25 if self.shape.primary => Fault::Failover,
            17 => Fault::ForgetScripts,
            18 if self.shape.password => Fault::DenyAuth(time),
            18 | 19 => Fault::OddPush,
            20 => Fault::Garbage(random.below(4) as u8),
            21 => Fault::Unasked(random.below(3) as u8),
            _ => Fault::Trap,
        }
    }
}

/// A script's name and its source.
fn script(number: u64) -> (Vec<u8>, Vec<u8>) {
    (format!("{number:040}").into_bytes(), format!("return the answer of script {number:040}").into_bytes())
}

/// The word by which the server knows whose a command is.
pub fn tag(id: u64) -> Vec<u8> {
    format!("#{id}").into_bytes()
}
