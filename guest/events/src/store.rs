//! A store: its settings, and the table of flows. One method for each function of the WIT.

use crate::event::{Cursor, Event};
use crate::flow::append::{Append, Appending, Command as Record};
use crate::flow::care::Care;
use crate::flow::checkpoint::Checkpoint;
use crate::flow::commands::ReadCommands;
use crate::flow::execute::{Execute, State as Executing};
use crate::flow::inspect::Inspect;
use crate::flow::listen::{Bell, Listen};
use crate::flow::lock::{Keep, Lock, Taking, Unlock, secrets};
use crate::flow::locked::{Locked, Locking};
use crate::flow::read::{Read, Reading};
use crate::flow::stats::Stats;
use crate::flow::subscribe::Subscribe;
use crate::flow::{Context, Flow, Fsyncs, Input, Refresh, Shared};

use crate::given::{Command, Durability, Retries, Selection, Settings, Since, invalid};
use crate::layout::{Layout, Segments};
use crate::plan::append::Condition;
use crate::query::{Item, Query};
use crate::random::Random;
use crate::reply::Reply;
use crate::step::{Fault, Lease, Lost, Step};
use crate::validate;

/// No deadline.
pub const NEVER: u64 = u64::MAX;
/// The most queries of one read: `Query::mask` has a bit for each.
const MOST_QUERIES: usize = 64;
/// For how long an append takes its locks: as long as it may take, but at least and at most so many milliseconds.
const APPEND_LEASE: (u64, u64) = (1000, 30_000);
/// The most leases that are renewed together.
const MOST_LEASES: usize = 64;

/// A store's flows.
pub struct Store {
    shared: Shared,
    /// Sorted by their ids, which mostly grow.
    flows: Vec<Entry>,
}

struct Entry {
    id: u64,
    flow: Box<dyn Flow>,
    expects: Expects,
    deadline: u64,
}

/// What the last step of a flow asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    Reply,
    Time,
    Resume,
    Decision,
}

type Made = Result<Box<dyn Flow>, Fault>;

impl Store {
    /// `open`.
    ///
    /// # Errors
    /// The setting, and why it can't be.
    pub fn open(settings: Settings) -> Result<Self, (String, String)> {
        settings.check()?;
        let (high, low) = settings.token_seed;
        Ok(Self {
            shared: Shared {
                layout: Layout::new(&settings.namespace),
                segments: Segments::default(),
                random: Random::new(settings.seed),
                tokens: (Random::new(high), Random::new(low)),
                fsyncs: Fsyncs::default(),
                bell: Bell::default(),
                decisions: Vec::new(),
                settings,
            },
            flows: Vec::new(),
        })
    }

    /// How many flows are under way.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows.len()
    }

    /// `append`.
    #[expect(clippy::too_many_arguments, reason = "they are the WIT's")]
    pub fn append(
        &mut self,
        now: u64,
        flow: u64,
        deadline: u64,
        events: Vec<Event>,
        condition: Option<(Vec<Item>, Cursor)>,
        command: Option<Command>,
        durability: Option<Durability>,
        held: Vec<Lease>,
    ) -> Step {
        let made = self.appending(deadline.saturating_sub(now), events, condition, command, durability, held);
        self.begin(now, flow, deadline, made)
    }

    /// `read`.
    pub fn read(&mut self, now: u64, flow: u64, deadline: u64, selection: Selection) -> Step {
        let made = self.reading(selection);
        self.begin(now, flow, deadline, made)
    }

    /// `subscribe`.
    pub fn subscribe(&mut self, now: u64, flow: u64, query: Vec<Item>, after: Cursor) -> Step {
        let made = validate::query("query", query)
            .map_err(Fault::from)
            .map(|query| Box::new(Subscribe::new(Reading::new(vec![query], after, false, 0))) as Box<dyn Flow>);
        self.begin(now, flow, NEVER, made)
    }

    /// `listen`. There is room for one beside all other flows.
    pub fn listen(&mut self, now: u64, flow: u64) -> Step {
        self.begin_beside(true, now, flow, NEVER, Ok(Box::new(Listen::default())))
    }

    /// `execute`.
    #[expect(clippy::too_many_arguments, reason = "they are the WIT's")]
    pub fn execute(
        &mut self,
        now: u64,
        flow: u64,
        deadline: u64,
        command: Command,
        retries: Retries,
        durability: Option<Durability>,
        held: Vec<Lease>,
    ) -> Step {
        let made = self.executing(command, retries, durability, held);
        self.begin(now, flow, deadline, made)
    }

    /// `decided`.
    pub fn decided(&mut self, now: u64, flow: u64, events: Vec<Event>) -> Step {
        self.go_on(now, flow, Expects::Decision, Input::Decided(Some(events)))
    }

    /// `declined`.
    pub fn declined(&mut self, now: u64, flow: u64) -> Step {
        self.go_on(now, flow, Expects::Decision, Input::Decided(None))
    }

    /// `keep`.
    pub fn keep(&mut self, now: u64, flow: u64, leases: Vec<Lease>, duration: u32) -> Step {
        let made = if leases.is_empty() || leases.len() > MOST_LEASES {
            Err(invalid("leases", "1 to 64 are renewed together"))
        } else {
            lasting(duration).map(|()| Box::new(Keep { leases, duration, until: 0, sent: 0 }) as Box<dyn Flow>)
        };
        self.begin(now, flow, NEVER, made)
    }

    /// `lock`.
    pub fn lock(&mut self, now: u64, flow: u64, deadline: u64, name: String, duration: u32) -> Step {
        let checked = validate::name("name", &name).map_err(Fault::from).and_then(|()| lasting(duration));
        let made = checked
            .map(|()| Box::new(Lock { taking: Taking::new(vec![name], duration), ending: None }) as Box<dyn Flow>);
        self.begin(now, flow, deadline, made)
    }

    /// `unlock`.
    pub fn unlock(&mut self, now: u64, flow: u64, deadline: u64, lease: Lease) -> Step {
        self.begin(now, flow, deadline, Ok(Box::new(Unlock(lease))))
    }

    /// `checkpoint`.
    pub fn checkpoint(&mut self, now: u64, flow: u64, deadline: u64, consumer: String) -> Step {
        self.place(now, flow, deadline, consumer, None)
    }

    /// `advance`.
    pub fn advance(
        &mut self,
        now: u64,
        flow: u64,
        deadline: u64,
        consumer: String,
        expected: Option<Cursor>,
        to: Cursor,
    ) -> Step {
        self.place(now, flow, deadline, consumer, Some((expected, to)))
    }

    /// `read-commands`.
    pub fn read_commands(&mut self, now: u64, flow: u64, deadline: u64, since: Since, limit: u64) -> Step {
        let left = if limit == 0 { u64::MAX } else { limit };
        let made = match since.counted() {
            Since::Position(0) => Err(invalid("since", "positions count from 1")),
            since => {
                Ok(Box::new(ReadCommands { since, left, end: false, refresh: Refresh::default() }) as Box<dyn Flow>)
            }
        };
        self.begin(now, flow, deadline, made)
    }

    /// `inspect`.
    pub fn inspect(&mut self, now: u64, flow: u64, deadline: u64) -> Step {
        self.begin(now, flow, deadline, Ok(Box::new(Inspect)))
    }

    /// `stats`.
    pub fn stats(&mut self, now: u64, flow: u64, deadline: u64) -> Step {
        self.begin(now, flow, deadline, Ok(Box::new(Stats)))
    }

    /// `verify`.
    pub fn verify(&mut self, now: u64, flow: u64, deadline: u64) -> Step {
        self.begin(now, flow, deadline, Ok(Box::new(Care::new(false))))
    }

    /// `rebuild`.
    pub fn rebuild(&mut self, now: u64, flow: u64, deadline: u64) -> Step {
        self.begin(now, flow, deadline, Ok(Box::new(Care::new(true))))
    }

    /// `replied`.
    pub fn replied(&mut self, now: u64, flow: u64, nodes: &[u64], texts: &[u8]) -> Step {
        self.go_on(now, flow, Expects::Reply, Input::Reply(Reply::new(nodes, texts)))
    }

    /// `unanswered`.
    pub fn unanswered(&mut self, now: u64, flow: u64, lost: Lost) -> Step {
        self.go_on(now, flow, Expects::Reply, Input::Lost(lost))
    }

    /// `elapsed`.
    pub fn elapsed(&mut self, now: u64, flow: u64) -> Step {
        self.go_on(now, flow, Expects::Time, Input::Go)
    }

    /// `resume`.
    pub fn resume(&mut self, now: u64, flow: u64) -> Step {
        self.go_on(now, flow, Expects::Resume, Input::Go)
    }

    /// `cancel`.
    pub fn cancel(&mut self, now: u64, flow: u64) -> Step {
        let Ok(at) = self.find(flow) else { return unknown() };
        let Some(entry) = self.flows.get_mut(at) else { return unknown() };
        let fault = Fault::Cancelled(entry.flow.unsure(entry.expects == Expects::Reply));
        let mut context = Context { shared: &mut self.shared, now, flow, deadline: entry.deadline };
        let step = entry.flow.give_up(&mut context, fault);
        self.note(at, step)
    }

    fn begin(&mut self, now: u64, flow: u64, deadline: u64, made: Made) -> Step {
        self.begin_beside(self.shared.bell.has_listener(), now, flow, deadline, made)
    }

    /// Begins a flow. `listener`: one of them listens.
    fn begin_beside(&mut self, listener: bool, now: u64, flow: u64, deadline: u64, made: Made) -> Step {
        let at = match self.find(flow) {
            Err(at) if flow != 0 => at,
            _ => return Step::Failed(Fault::Misuse("a flow's id is not 0, and no other's".to_owned())),
        };
        if self.flows.len() >= self.shared.settings.max_flows as usize + usize::from(listener) {
            return Step::Failed(Fault::TooManyFlows);
        }
        match made {
            Err(fault) => Step::Failed(fault),
            Ok(_) if deadline <= now => Step::Failed(Fault::Deadline(false)),
            Ok(made) => {
                self.flows.insert(at, Entry { id: flow, flow: made, expects: Expects::Reply, deadline });
                self.step(now, at, Input::Begin)
            }
        }
    }

    fn go_on(&mut self, now: u64, flow: u64, expected: Expects, input: Input<'_>) -> Step {
        let Ok(at) = self.find(flow) else { return unknown() };
        if self.flows.get(at).is_some_and(|entry| entry.expects != expected) {
            return Step::Failed(Fault::Misuse("the last step asked for another call".to_owned()));
        }
        self.step(now, at, input)
    }

    fn step(&mut self, now: u64, at: usize, input: Input<'_>) -> Step {
        let Some(entry) = self.flows.get_mut(at) else { return unknown() };
        let mut context = Context { shared: &mut self.shared, now, flow: entry.id, deadline: entry.deadline };
        // What is answered counts, however late.
        let late = entry.expects != Expects::Reply && now >= entry.deadline;
        let next = if late { Err(entry.flow.late()) } else { entry.flow.next(&mut context, input) };
        let step = next.unwrap_or_else(|fault| entry.flow.give_up(&mut context, fault));
        self.note(at, step)
    }

    /// Remembers what the host is to call next, unless the flow is over.
    fn note(&mut self, at: usize, step: Step) -> Step {
        let expects = match &step {
            Step::Send(_) => Expects::Reply,
            Step::Wait(_) | Step::Park(_) => Expects::Time,
            Step::Events(_) | Step::Commands(_) | Step::Progress(_) => Expects::Resume,
            Step::Decide(_) => Expects::Decision,
            Step::Done(_) | Step::Failed(_) => {
                self.flows.remove(at);
                return step;
            }
        };
        if let Some(entry) = self.flows.get_mut(at) {
            entry.expects = expects;
        }
        step
    }

    /// Its place, or the one that it would have.
    fn find(&self, flow: u64) -> Result<usize, usize> {
        self.flows.binary_search_by(|entry| entry.id.cmp(&flow))
    }

    fn appending(
        &self,
        left: u64,
        mut events: Vec<Event>,
        condition: Option<(Vec<Item>, Cursor)>,
        command: Option<Command>,
        durability: Option<Durability>,
        held: Vec<Lease>,
    ) -> Made {
        let settings = &self.shared.settings;
        let recorded = command.as_ref().is_some_and(|command| !command.kind.is_empty());
        let mut locks = validate::lock_tags(&mut events)?;
        validate::events(&mut events, recorded, settings.limits())?;
        let blob = (events.len() as u32).saturating_mul(2);
        let mut appending = Appending::new(events, 0, durability.unwrap_or(settings.durability));
        appending.durability.check()?;
        if let Some((items, after)) = condition {
            appending.condition = Some(Condition { query: validate::query("condition.query", items)?, after });
        }
        if let Some(mut command) = command {
            locks.append(&mut command.locks);
            appending.marker = Some(command.marker(settings));
            if recorded {
                command.check(settings)?;
                let Command { id, kind, metadata, .. } = command;
                appending.command = Some(Record { id, kind, metadata, blob });
            }
        }
        untaken("locks", &mut locks, &held)?;
        appending.locks = secrets(&held);
        let lease = (left / 1000).clamp(APPEND_LEASE.0, APPEND_LEASE.1) as u32;
        Ok(locked(Append(appending), locks, lease))
    }

    fn reading(&self, selection: Selection) -> Made {
        let Selection { queries, after, limit, backwards, decision } = selection;
        if queries.is_empty() || queries.len() > MOST_QUERIES {
            return Err(invalid("queries", "1 to 64 are read at once"));
        }
        if decision != 0 && self.shared.seen(decision).is_none() {
            return Err(Fault::Misuse("no handler of this flow runs".to_owned()));
        }
        let mut checked = Vec::with_capacity(queries.len());
        for query in queries {
            checked.push(validate::query("queries", query)?);
        }
        // Together they have the bounds of one.
        validate::query("queries", Query::union(&checked).items)?;
        Ok(Box::new(Read { reading: Reading::new(checked, after, backwards, limit), decision }))
    }

    fn executing(
        &self,
        mut command: Command,
        retries: Retries,
        durability: Option<Durability>,
        held: Vec<Lease>,
    ) -> Made {
        let settings = &self.shared.settings;
        command.check(settings)?;
        untaken("command.locks", &mut command.locks, &held)?;
        if retries.attempts == 0 {
            return Err(invalid("retries.attempts", "at least 1"));
        }
        let durability = durability.unwrap_or(settings.durability);
        durability.check()?;
        if !command.locks.is_empty() {
            lasting(retries.lease)?;
        }
        let locks = std::mem::take(&mut command.locks);
        let state = Executing::Deciding;
        let execute = Execute { command, retries, durability, held, taken: Vec::new(), attempt: 0, state };
        Ok(locked(execute, locks, retries.lease))
    }

    fn place(
        &mut self,
        now: u64,
        flow: u64,
        deadline: u64,
        consumer: String,
        advance: Option<(Option<Cursor>, Cursor)>,
    ) -> Step {
        let checked = validate::name("consumer", &consumer).map_err(Fault::from);
        let made = checked.map(|()| Box::new(Checkpoint { consumer, advance }) as Box<dyn Flow>);
        self.begin(now, flow, deadline, made)
    }
}

/// A flow that takes these locks first, for so many milliseconds, if there are any.
fn locked(flow: impl Locking + 'static, names: Vec<String>, lease: u32) -> Box<dyn Flow> {
    if names.is_empty() {
        return Box::new(flow);
    }
    Box::new(Locked::new(Taking::new(names, lease), Box::new(flow)))
}

/// The names of locks that are to be taken, where some are held already.
fn untaken(field: &str, names: &mut Vec<String>, held: &[Lease]) -> Result<(), Fault> {
    let mut holders: Vec<String> = held.iter().map(|lease| lease.name.clone()).collect();
    validate::locks("held", &mut holders)?;
    if holders.len() < held.len() {
        return Err(invalid("held", "has two leases of one lock"));
    }
    names.append(&mut holders);
    validate::locks(field, names)?;
    names.retain(|name| held.iter().all(|lease| lease.name != *name));
    Ok(())
}

fn lasting(duration: u32) -> Result<(), Fault> {
    if duration == 0 { Err(invalid("duration", "at least 1 ms")) } else { Ok(()) }
}

fn unknown() -> Step {
    Step::Failed(Fault::Misuse("there is no such flow".to_owned()))
}
