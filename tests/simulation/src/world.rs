//! One run: virtual time, and everything that happens in it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use coracle_core::Core;

use crate::host::Host;
use crate::net::Conn;
use crate::plan::{CALM, LAST, MILLISECOND, Plan, RECOVERY};
use crate::random::Random;
use crate::server::Server;

/// More events within a second are a core and a host that keep each other busy.
const MOST_A_SECOND: u64 = 5_000;
const SECOND: u64 = 1000 * MILLISECOND;

/// What a check gives: an error is a violated invariant.
pub type Check<T = ()> = Result<T, String>;

/// Something that is due. Connections are counted over all instances of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Step(usize),
    Dial(usize),
    Flush(usize),
    Up(usize),
    Down(usize),
    Hangup(usize),
    Break(usize),
    /// The server gives up to wait for what this request asked for.
    Unblock(usize, u64),
    /// The server refuses passwords before this one.
    Outdated(u32),
    /// By now, the core must have seen that nothing passes.
    Frozen(usize),
    Wake,
    Submit,
    Deadline(u64),
    Overdue(u64),
    /// A session may lease again.
    Lease(u32),
    /// A session goes on.
    Tenant(u32),
    /// A session's deadline has passed, in its lease of this number.
    Unhoused(u32, u32),
    Drained,
    Heal(Mode),
    Calm,
    Probe,
    End,
}

/// A mode of the server that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Down,
    Refusing,
    Hanging,
    Loading,
    Readonly,
    Denying,
}

/// What a run counted.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Faults that took place, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How requests and subscriptions fared.
    pub ends: BTreeMap<&'static str, u64>,
    /// Events of the run.
    pub events: u64,
}

/// All there is.
pub struct World {
    pub now: u64,
    pub plan: Plan,
    pub core: Core,
    pub host: Host,
    pub conns: Vec<Conn>,
    pub server: Server,
    pub random: Random,
    pub calm: bool,
    pub stats: Stats,
    pub trace: Option<Vec<String>>,
    queue: BinaryHeap<Due>,
    sequence: u64,
    /// The plan's next.
    step: usize,
}

/// An event and its place in time: the key has the time above, and who was first below.
struct Due {
    key: u64,
    event: Event,
}

impl Ord for Due {
    /// The earliest is the greatest, as a heap gives that.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Due {}

/// Notes a line, if the run is to be told.
macro_rules! note {
    ($world:expr, $($what:tt)*) => {
        if let Some(trace) = &mut $world.trace {
            trace.push(format!("{:>10} µs  {}", $world.now, format_args!($($what)*)));
        }
    };
}
pub(crate) use note;

impl World {
    /// The world before anything happened.
    pub fn new(plan: Plan, traced: bool) -> Check<Self> {
        let host = Host::new(&plan);
        let core = host.new_core(&plan, 0)?;
        let (knows_resp3, password) = (plan.shape.server_resp3, plan.shape.password);
        let primary = plan.shape.primary.then_some((plan.seed & 1) as usize);
        let mut server = Server { primary, knows_resp3, password, oldest: 1, newest: 1, ..Server::default() };
        server.users.database = plan.shape.database;
        server.users.callers.resize(host.requests.len(), None);
        Ok(Self {
            now: 0,
            core,
            host,
            conns: Vec::new(),
            server,
            random: Random::new(plan.seed, 3),
            calm: false,
            stats: Stats::default(),
            trace: traced.then(Vec::new),
            queue: BinaryHeap::new(),
            sequence: 0,
            step: 0,
            plan,
        })
    }

    /// Runs to the end.
    pub fn run(&mut self) -> Check {
        note!(self, "{:?}", self.plan.shape);
        self.at(CALM, Event::Calm);
        self.at(CALM + RECOVERY, Event::Probe);
        self.at(CALM + RECOVERY + LAST, Event::End);
        self.after_call(None)?;
        let (mut second, mut events) = (0, 0);
        while let Some(event) = self.next() {
            self.stats.events += 1;
            if self.now / SECOND > second {
                (second, events) = (self.now / SECOND, 0);
            }
            // Bytes that move may be many, and end by themselves.
            events += u64::from(!matches!(event, Event::Flush(_) | Event::Up(_) | Event::Down(_)));
            if events > MOST_A_SECOND {
                return Err("the run does not come to its end: events follow, and hardly any time passes".into());
            }
            if event == Event::End {
                return self.check_end();
            }
            self.happen(event)?;
        }
        Err("the run had no end".into())
    }

    /// Something is due at a time.
    pub fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        // No run takes so long as its key has room for.
        let at = at.max(self.now).min(u64::from(u32::MAX));
        let key = at << 32 | self.sequence;
        self.queue.push(Due { key, event });
    }

    /// What is due next, at its time. The plan's steps are first.
    fn next(&mut self) -> Option<Event> {
        let due = self.queue.peek().map(|due| due.key >> 32)?;
        if let Some((at, _)) = self.plan.steps.get(self.step).filter(|(at, _)| *at <= due) {
            (self.now, self.step) = (*at, self.step + 1);
            return Some(Event::Step(self.step - 1));
        }
        self.now = due;
        self.queue.pop().map(|due| due.event)
    }

    /// Something is due after a while.
    pub fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Counts how something ended.
    pub fn count(&mut self, what: &'static str) {
        *self.stats.ends.entry(what).or_default() += 1;
    }

    fn happen(&mut self, event: Event) -> Check {
        match event {
            Event::Step(at) => self.step(at),
            Event::Dial(conn) => self.dial(conn),
            Event::Flush(conn) => self.flush(conn),
            Event::Up(conn) => self.deliver_up(conn),
            Event::Down(conn) => self.deliver_down(conn),
            Event::Hangup(conn) => self.hang_up(conn),
            Event::Break(conn) => self.break_conn(conn),
            Event::Unblock(conn, request) => self.unblock(conn, request),
            Event::Outdated(generation) => {
                self.server.oldest = generation;
                Ok(())
            }
            Event::Frozen(conn) => self.check_frozen(conn),
            Event::Wake => self.wake(),
            Event::Submit => self.submit(),
            Event::Deadline(id) => self.pass_deadline(id),
            Event::Overdue(id) => self.check_ended(id),
            Event::Lease(session) => self.lease_again(session),
            Event::Tenant(session) => self.tenant(session),
            Event::Unhoused(session, lease) => self.check_housed(session, lease),
            Event::Drained => self.check_drained(),
            Event::Heal(mode) => {
                self.heal(mode);
                Ok(())
            }
            Event::Calm => self.calm_down(),
            Event::Probe => self.probe(),
            Event::End => Ok(()),
        }
    }
}
