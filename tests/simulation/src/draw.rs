//! Draws what happens in a run, and when.

use coracle_core::pubsub::Kind;
use coracle_core::wire::NEVER;

use crate::plan::{CALM, CHANNELS, Fault, LISTS, MILLISECOND, Shape, Step, Tenancy};
use crate::random::Random;

/// Draws steps.
pub struct Draw<'a> {
    pub random: Random,
    pub shape: &'a Shape,
    pub calls: u64,
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
        match random.below(27) {
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
            26 if self.shape.quiet_after != NEVER => Fault::HalfOpen(1200 * MILLISECOND),
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
