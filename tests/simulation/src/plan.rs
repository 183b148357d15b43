//! What one run is to be, drawn from its seed: the settings, and what happens when. A plan can be cut short, which is
//! how a failure is minimised.

use coracle_core::pubsub::Kind;
use coracle_core::wire::NEVER;

use crate::draw::Draw;
use crate::random::Random;

/// Virtual microseconds.
pub const MILLISECOND: u64 = 1000;
/// When faults stop.
pub const CALM: u64 = 2_000 * MILLISECOND;
/// Within this time after that, all has recovered.
pub const RECOVERY: u64 = 10_000 * MILLISECOND;
/// From there to the end of the run.
pub const LAST: u64 = 2_000 * MILLISECOND;

/// How client, server and network are made.
#[derive(Clone, Debug)]
pub struct Shape {
    pub resp2: bool,
    pub server_resp3: bool,
    pub password: bool,
    pub database: u32,
    pub endpoints: usize,
    /// One endpoint is a primary, the others are replicas, and a primary is asked for.
    pub primary: bool,
    pub quiet_after: u64,
    pub idle_timeout: u64,
    pub inflight: u32,
    pub queued: u32,
    pub inflight_bytes: u32,
    pub queued_bytes: u32,
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
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub id: u64,
    pub commands: Vec<Vec<Vec<u8>>>,
    pub atomic: bool,
    pub may_repeat: bool,
    /// Given up after so long, if ever.
    pub patience: Option<u64>,
    /// The session that asks, or 0.
    pub session: u32,
    /// EVALSHA, with its source at hand.
    pub script: bool,
    /// It needs a link for itself.
    pub alone: bool,
    /// How long the server may hold its reply back, all bits set for ever.
    pub blocks: Option<u64>,
    /// The time that it blocks is added to its deadline.
    pub patient: bool,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Call(Ask),
    Cancel(u64),
    Lease(Tenancy),
    Release(u32),
    Subscribe {
        id: u64,
        kind: Kind,
        own_link: bool,
        names: Vec<Vec<u8>>,
    },
    Unsubscribe(u64),
    Publish {
        channel: Vec<u8>,
        shard: bool,
    },
    /// Somebody else appends to a list.
    Push(Vec<u8>),
    /// The password changes; after so long the old one is refused, if ever.
    Renew(Option<u64>),
    Wake,
    Drain(u64),
    Fault(Fault),
}

/// A session, which may lease a link several times.
#[derive(Clone, Debug)]
pub struct Tenancy {
    pub session: u32,
    /// How long it waits for a link, if it does not for ever.
    pub patience: Option<u64>,
    /// What it asks in each of its leases.
    pub turns: Vec<Vec<Ask>>,
    /// It does not wait for replies, not even before it releases.
    pub hasty: bool,
    /// How long it keeps its link for nothing.
    pub hold: u64,
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
    /// Another server is the primary from now on.
    Failover,
    /// The server forgets its scripts.
    ForgetScripts,
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
            Self::Failover => "failover",
            Self::ForgetScripts => "SCRIPT FLUSH",
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
        let steps = Draw::new(Random::new(seed, 2), &shape).steps();
        Self { seed, shape, steps }
    }

    /// Somebody asks for what he may not have: that may end his subscription, and those that share a name with it.
    pub fn asks_for_forbidden(&self) -> bool {
        self.steps.iter().any(|(_, step)| match step {
            Step::Subscribe { names, .. } => names.iter().any(|name| name == b"forbidden"),
            _ => false,
        })
    }

    /// A server that does not let a client in may end subscriptions that it had not let in before.
    pub fn may_be_denied(&self) -> bool {
        self.steps.iter().any(|(_, step)| match step {
            // A handshake may be under way with the old password.
            Step::Renew(forget) => forget.is_some(),
            Step::Fault(fault) => matches!(fault, Fault::DenyAuth(_)),
            _ => false,
        })
    }

    /// How many calls it has at most.
    pub fn highest_call(&self) -> u64 {
        let ids = self.steps.iter().map(|(_, step)| match step {
            Step::Call(ask) => ask.id,
            Step::Lease(tenancy) => tenancy.turns.iter().flatten().map(|ask| ask.id).max().unwrap_or_default(),
            _ => 0,
        });
        ids.max().unwrap_or_default()
    }
}

impl Shape {
    fn draw(random: &mut Random) -> Self {
        let (resp2, server_resp3, endpoints) = (random.chance(30), random.chance(85), random.pick(&[1, 1, 2]));
        Self {
            resp2,
            server_resp3,
            password: random.chance(40),
            database: random.pick(&[0, 0, 3]),
            endpoints,
            primary: endpoints > 1 && random.chance(60),
            quiet_after: if random.chance(15) { random.pick(&[150, 150, 600]) * MILLISECOND } else { NEVER },
            idle_timeout: random.pick(&[NEVER, NEVER, 30 * MILLISECOND, 400 * MILLISECOND]),
            inflight: random.pick(&[1, 2, 4, 16, 1000]),
            queued: random.pick(&[3, 1000]),
            inflight_bytes: random.pick(&[100, 1000, 1 << 20]),
            queued_bytes: random.pick(&[300, 1 << 20, 1 << 20]),
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

/// What those who block wait for.
pub const LISTS: [&str; 2] = ["list0", "list1"];

/// Where messages are published.
pub const CHANNELS: [&str; 4] = ["news", "nap", "weather", "wind"];
