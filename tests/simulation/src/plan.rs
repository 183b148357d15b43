//! What one run is to be, drawn from its seed: the settings, and what happens when. A plan can be cut short, which is how
//! a failure is minimised.

use coracle_core::pubsub::Kind;

use crate::random::Random;

/// Virtual microseconds.
pub const MILLISECOND: u64 = 1000;
/// When faults stop.
pub const CALM: u64 = 2_000 * MILLISECOND;
/// Within this time after that, all has recovered.
pub const RECOVERY: u64 = 30_000 * MILLISECOND;

/// How client, server and network are made.
#[derive(Clone, Debug)]
pub struct Shape {
    pub resp2: bool,
    pub server_resp3: bool,
    pub password: bool,
    pub database: u32,
    pub endpoints: usize,
    pub inflight: u32,
    pub queued: u32,
    pub inflight_bytes: u32,
    pub links: u32,
    pub hold_above: u32,
    pub pass_above: u32,
    /// Rows of one `submit`.
    pub batch: usize,
    /// Percent of commands whose arguments are split over rows.
    pub continues: u64,
    pub latency: u64,
    /// Percent of deliveries that carry only part of what is there.
    pub splits: u64,
    /// Bytes under way in one direction.
    pub window: usize,
    /// Percent of connections that break by themselves.
    pub fragile: u64,
}

/// A plan: the shape and what happens, by time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How client, server and network are made.
    pub shape: Shape,
    /// What happens when.
    pub steps: Vec<(u64, Step)>,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub id: u64,
    pub commands: Vec<Vec<Vec<u8>>>,
    pub atomic: bool,
    pub may_repeat: bool,
    /// Given up after so long, if ever.
    pub patience: Option<u64>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Call(Ask),
    Cancel(u64),
    Subscribe { id: u64, kind: Kind, own_link: bool, names: Vec<Vec<u8>> },
    Unsubscribe(u64),
    Publish { channel: Vec<u8>, shard: bool },
    Wake,
    Drain(u64),
    Fault(Fault),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A connection breaks after so many more bytes to the server.
    CutUp(u64),
    /// Likewise, to the client.
    CutDown(u64),
    /// Nothing passes either way, until it breaks.
    HalfOpen(u64),
    /// The server does not read for so long.
    SlowServer(u64),
    /// The client does not read for so long.
    SlowClient(u64),
    /// The server is gone for so long, and its data perhaps too.
    Restart {
        down: u64,
        forget: bool,
    },
    /// Connections are refused for so long.
    RefuseDials(u64),
    /// Connections are neither made nor refused for so long.
    HangDials(u64),
    Loading(u64),
    Readonly(u64),
    /// Credentials are wrong for so long.
    DenyAuth(u64),
    /// A push that means nothing to the client.
    OddPush,
    /// Bytes that are no RESP.
    Garbage(u8),
    /// A reply where nothing was asked.
    Unasked(u8),
    /// The core is lost in its next call.
    Trap,
}

impl Fault {
    /// Its kind, for counting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutUp(_) => "cut to the server",
            Self::CutDown(_) => "cut to the client",
            Self::HalfOpen(_) => "half-open link",
            Self::SlowServer(_) => "slow server",
            Self::SlowClient(_) => "slow client",
            Self::Restart { forget: false, .. } => "restart, data kept",
            Self::Restart { forget: true, .. } => "restart, data lost",
            Self::RefuseDials(_) => "refused dials",
            Self::HangDials(_) => "hanging dials",
            Self::Loading(_) => "LOADING",
            Self::Readonly(_) => "READONLY",
            Self::DenyAuth(_) => "WRONGPASS",
            Self::OddPush => "odd push",
            Self::Garbage(_) => "garbage",
            Self::Unasked(_) => "unasked reply",
            Self::Trap => "trap",
        }
    }
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let shape = Shape::draw(&mut random);
        let mut draw = Draw { random: Random::new(seed, 2), calls: 0, subscriptions: 0, steps: Vec::new() };
        let steps = draw.random.between(8, 40);
        let quiet = draw.random.chance(10);
        for _ in 0..steps {
            let at = draw.random.below(CALM);
            draw.step(at, &shape, quiet);
        }
        if draw.random.chance(15) {
            let patience = draw.random.pick(&[0, 5 * MILLISECOND, 800 * MILLISECOND]);
            let at = draw.random.between(CALM / 2, CALM + 100 * MILLISECOND);
            draw.steps.push((at, Step::Drain(patience)));
        }
        let mut steps = draw.steps;
        // Stable: what was drawn first happens first.
        steps.sort_by_key(|(at, _)| *at);
        Self { seed, shape, steps }
    }

    /// How many calls and subscriptions it has at most.
    pub fn highest_call(&self) -> u64 {
        let ids = self.steps.iter().map(|(_, step)| if let Step::Call(ask) = step { ask.id } else { 0 });
        ids.max().unwrap_or_default()
    }
}

impl Shape {
    fn draw(random: &mut Random) -> Self {
        Self {
            resp2: random.chance(30),
            server_resp3: random.chance(85),
            password: random.chance(40),
            database: random.pick(&[0, 0, 3]),
            endpoints: random.pick(&[1, 1, 2]),
            inflight: random.pick(&[1, 2, 4, 16, 1000]),
            queued: random.pick(&[3, 1000]),
            inflight_bytes: random.pick(&[100, 1000, 1 << 20]),
            links: random.pick(&[2, 3, 8]),
            hold_above: random.pick(&[8, 40, 4096]),
            pass_above: random.pick(&[64, 100, 16_384]),
            batch: random.pick(&[1, 3, 64]),
            continues: random.pick(&[0, 0, 30]),
            latency: random.pick(&[20, 200, 2000, 20_000]),
            splits: random.pick(&[0, 10, 50, 95]),
            window: random.pick(&[24, 300, 1 << 20]),
            fragile: random.pick(&[0, 0, 20, 60]),
        }
    }
}

/// Draws steps.
struct Draw {
    random: Random,
    calls: u64,
    subscriptions: u64,
    steps: Vec<(u64, Step)>,
}

impl Draw {
    fn step(&mut self, at: u64, shape: &Shape, quiet: bool) {
        match self.random.below(100) {
            0..50 => self.calls(at),
            50..55 if self.calls > 0 => {
                let id = self.random.between(1, self.calls);
                self.steps.push((at, Step::Cancel(id)));
            }
            50..63 => self.subscribe(at),
            63..67 if self.subscriptions > 0 => {
                let id = self.random.between(1, self.subscriptions);
                self.steps.push((at, Step::Unsubscribe(id)));
            }
            63..78 => self.publish(at),
            78..80 => self.steps.push((at, Step::Wake)),
            _ if quiet => self.calls(at),
            _ => {
                let fault = self.fault(shape);
                self.steps.push((at, Step::Fault(fault)));
            }
        }
    }

    /// Some calls at one time: they share a batch.
    fn calls(&mut self, at: u64) {
        for _ in 0..self.random.pick(&[1, 1, 2, 5, 12]) {
            self.calls += 1;
            let id = self.calls;
            let ask = self.ask(id);
            if self.random.chance(8) {
                let later = at + self.random.below(20 * MILLISECOND);
                self.steps.push((later, Step::Cancel(id)));
            }
            self.steps.push((at, Step::Call(ask)));
        }
    }

    fn ask(&mut self, id: u64) -> Ask {
        let atomic = self.random.chance(15);
        let count = if atomic { self.random.between(1, 3) } else { 1 };
        Ask {
            id,
            commands: (0..count).map(|place| self.command(id, place, atomic)).collect(),
            atomic,
            may_repeat: self.random.chance(20),
            patience: self.random.chance(30).then(|| self.random.pick(&[0, 3, 60, 700]) * MILLISECOND),
        }
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
        command.push(format!("#{id}").into_bytes());
        command
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

    fn fault(&mut self, shape: &Shape) -> Fault {
        let random = &mut self.random;
        let time = random.pick(&[1, 20, 300]) * MILLISECOND;
        match random.below(24) {
            0..3 => Fault::CutUp(random.below(200)),
            3..6 => Fault::CutDown(random.below(200)),
            6..8 => Fault::HalfOpen(time * 2),
            8..10 => Fault::SlowServer(time),
            10 => Fault::SlowClient(time),
            11..14 => Fault::Restart { down: time, forget: random.chance(50) },
            14 => Fault::RefuseDials(time),
            15 => Fault::HangDials(time),
            16 => Fault::Loading(time),
            17 => Fault::Readonly(time),
            18 if shape.password => Fault::DenyAuth(time),
            18 | 19 => Fault::OddPush,
            20 => Fault::Garbage(random.below(4) as u8),
            21 => Fault::Unasked(random.below(3) as u8),
            _ => Fault::Trap,
        }
    }
}

/// Where messages are published.
pub const CHANNELS: [&str; 4] = ["news", "nap", "weather", "wind"];
