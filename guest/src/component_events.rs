//! The shell of the event store: translates between the WIT's types and those of `coracle-events`, and holds no logic.

use std::cell::{Cell, RefCell};

use coracle_events::event::{Cursor, Event, Id, Ordered};
use coracle_events::given::{Acknowledgements, Command, Durability, Retries, Selection, Settings, Since};
use coracle_events::plan::lock::Token;
use coracle_events::query::Item;
use coracle_events::scripts;
use coracle_events::step::{self, Failure, Fault, Lease, Lost, Outcome, Step};
use coracle_events::store::Store;

use super::coracle::client::types;
use super::exports::coracle::client::event_store as wit;

thread_local! {
    /// One store an instance.
    static STORE: RefCell<Option<Store>> = const { RefCell::new(None) };
    /// What the last call came to, until it is asked for.
    static NEXT: Cell<Option<Step>> = const { Cell::new(None) };
}

/// Calls the store; before `open` there is none. What the step is, `next` tells: one function that lowers it, as it is
/// large.
fn with_store(call: impl FnOnce(&mut Store) -> Step) {
    let step = STORE.with_borrow_mut(|store| match store {
        Some(store) => call(store),
        None => Step::Failed(Fault::Misuse("open was not called".to_owned())),
    });
    NEXT.set(Some(step));
}

impl wit::Guest for super::Shell {
    fn open(_now: u64, settings: wit::Settings) -> Result<Vec<String>, (String, String)> {
        STORE.with_borrow_mut(|store| {
            if store.is_some() {
                return Err((String::new(), "open was called before".to_owned()));
            }
            *store = Some(Store::open(to_settings(settings))?);
            Ok(scripts::ALL.iter().map(|script| script.source()).collect())
        })
    }

    fn append(
        now: u64,
        flow: u64,
        deadline: u64,
        events: Vec<wit::Event>,
        condition: Option<wit::Condition>,
        command: Option<wit::Command>,
        durability: Option<wit::Durability>,
        held: Vec<wit::Lease>,
    ) {
        let events = to_events(events);
        let condition = condition.map(|condition| (to_query(condition.query), to_cursor(condition.after)));
        let command = command.map(to_command);
        let durability = durability.map(to_durability);
        let held = to_leases(held);
        with_store(|store| store.append(now, flow, deadline, events, condition, command, durability, held))
    }

    fn read(now: u64, flow: u64, deadline: u64, selection: wit::Selection) {
        let wit::Selection { queries, after, limit, backwards, decision } = selection;
        let queries = queries.into_iter().map(to_query).collect();
        let selection = Selection { queries, after: to_cursor(after), limit, backwards, decision };
        with_store(|store| store.read(now, flow, deadline, selection))
    }

    fn subscribe(now: u64, flow: u64, query: wit::Query, after: wit::Cursor) {
        with_store(|store| store.subscribe(now, flow, to_query(query), to_cursor(after)))
    }

    fn listen(now: u64, flow: u64) {
        with_store(|store| store.listen(now, flow))
    }

    fn execute(
        now: u64,
        flow: u64,
        deadline: u64,
        command: wit::Command,
        retries: wit::Retries,
        durability: Option<wit::Durability>,
        held: Vec<wit::Lease>,
    ) {
        let wit::Retries { attempts, backoff, max_backoff, lease } = retries;
        let retries = Retries { attempts, backoff, max_backoff, lease };
        let (command, durability) = (to_command(command), durability.map(to_durability));
        let held = to_leases(held);
        with_store(|store| store.execute(now, flow, deadline, command, retries, durability, held))
    }

    fn declined(now: u64, flow: u64) {
        with_store(|store| store.declined(now, flow));
    }

    fn decided(now: u64, flow: u64, events: Vec<wit::Event>) {
        with_store(|store| store.decided(now, flow, to_events(events)))
    }

    fn keep(now: u64, flow: u64, leases: Vec<wit::Lease>, duration: u32) {
        let leases = to_leases(leases);
        with_store(|store| store.keep(now, flow, leases, duration))
    }

    fn lock(now: u64, flow: u64, deadline: u64, name: String, duration: u32) {
        with_store(|store| store.lock(now, flow, deadline, name, duration))
    }

    fn unlock(now: u64, flow: u64, deadline: u64, lease: wit::Lease) {
        with_store(|store| store.unlock(now, flow, deadline, to_lease(lease)))
    }

    fn checkpoint(now: u64, flow: u64, deadline: u64, consumer: String) {
        with_store(|store| store.checkpoint(now, flow, deadline, consumer))
    }

    fn advance(now: u64, flow: u64, deadline: u64, consumer: String, expected: Option<wit::Cursor>, to: wit::Cursor) {
        with_store(|store| store.advance(now, flow, deadline, consumer, expected.map(to_cursor), to_cursor(to)))
    }

    fn read_commands(now: u64, flow: u64, deadline: u64, since: wit::Since, limit: u64) {
        let since = match since {
            wit::Since::Number(number) => Since::Number(number),
            wit::Since::Time(time) => Since::Time(time),
            wit::Since::Position(position) => Since::Position(position),
        };
        with_store(|store| store.read_commands(now, flow, deadline, since, limit))
    }

    fn inspect(now: u64, flow: u64, deadline: u64) {
        with_store(|store| store.inspect(now, flow, deadline))
    }

    fn stats(now: u64, flow: u64, deadline: u64) {
        with_store(|store| store.stats(now, flow, deadline))
    }

    fn verify(now: u64, flow: u64, deadline: u64) {
        with_store(|store| store.verify(now, flow, deadline))
    }

    fn rebuild(now: u64, flow: u64, deadline: u64) {
        with_store(|store| store.rebuild(now, flow, deadline))
    }

    fn replied(now: u64, flow: u64, nodes: Vec<u64>, texts: Vec<u8>) {
        with_store(|store| store.replied(now, flow, &nodes, &texts))
    }

    fn unanswered(now: u64, flow: u64, failure: types::Failure, cause: types::Cause, text: String) {
        let failure = match failure {
            types::Failure::NotSent => Failure::NotSent,
            types::Failure::MaybeExecuted => Failure::MaybeExecuted,
            types::Failure::Refused => Failure::Refused,
            types::Failure::Limit => Failure::Limit,
            types::Failure::Misuse => Failure::Misuse,
        };
        with_store(|store| store.unanswered(now, flow, Lost { failure, cause: cause as u8, text }))
    }

    fn elapsed(now: u64, flow: u64) {
        with_store(|store| store.elapsed(now, flow))
    }

    fn resume(now: u64, flow: u64) {
        with_store(|store| store.resume(now, flow))
    }

    fn cancel(now: u64, flow: u64) {
        with_store(|store| store.cancel(now, flow))
    }

    fn next() -> wit::Step {
        let unasked = || Step::Failed(Fault::Misuse("there is no step to be told".to_owned()));
        from_step(NEXT.take().unwrap_or_else(unasked))
    }
}

fn to_settings(given: wit::Settings) -> Settings {
    Settings {
        namespace: given.namespace,
        seed: given.seed,
        token_seed: given.token_seed,
        max_batch_events: given.max_batch_events,
        max_batch_bytes: given.max_batch_bytes,
        scan_budget: given.scan_budget,
        page_events: given.page_events,
        segment_bytes: given.segment_bytes,
        marker_ttl: given.marker_ttl,
        durability: to_durability(given.durability),
        max_flows: given.max_flows,
    }
}

fn to_durability(given: wit::Durability) -> Durability {
    let wanted = |wit::Acknowledgements { count, timeout }| Acknowledgements { count, timeout };
    match given {
        wit::Durability::None => Durability::None,
        wit::Durability::Replicas(given) => Durability::Replicas(wanted(given)),
        wit::Durability::Fsynced((local, given)) => Durability::Fsynced(local, wanted(given)),
    }
}

fn to_id((high, low): (u64, u64)) -> Id {
    Id::from_halves(high, low)
}

fn to_wide((high, low): (u64, u64)) -> u128 {
    to_id((high, low)).0
}

fn to_cursor(given: wit::Cursor) -> Cursor {
    Cursor { position: given.position, id: to_id(given.id) }
}

fn to_query(given: wit::Query) -> Vec<Item> {
    given.into_iter().map(|wit::Item { types, tags }| Item { types, tags }).collect()
}

fn to_events(given: Vec<wit::Event>) -> Vec<Event> {
    let event = |given: wit::Event| {
        let wit::Event { id, type_, tags, data, metadata } = given;
        Event { id: to_id(id), kind: type_, tags, data, metadata }
    };
    given.into_iter().map(event).collect()
}

fn to_command(given: wit::Command) -> Command {
    let wit::Command { id, type_, data, metadata, fingerprint, locks, permanent } = given;
    Command { id: to_id(id), kind: type_, data, metadata, fingerprint: to_wide(fingerprint), locks, permanent }
}

fn to_leases(given: Vec<wit::Lease>) -> Vec<Lease> {
    given.into_iter().map(to_lease).collect()
}

fn to_lease(given: wit::Lease) -> Lease {
    let wit::Lease { name, fence, token, until } = given;
    Lease { name, fence, token: Token(to_wide(token)), until }
}

fn from_step(step: Step) -> wit::Step {
    match step {
        Step::Send(batch) => wit::Step::Send(from_batch(batch)),
        Step::Wait(until) => wit::Step::Wait(until),
        Step::Park(number) => wit::Step::Park(number),
        Step::Events(step::Page { rows, lengths, texts, cursor }) => {
            wit::Step::Events(wit::Page { rows, lengths, texts, cursor: from_cursor(cursor) })
        }
        Step::Commands(commands) => wit::Step::Commands(commands.into_iter().map(from_ordered).collect()),
        Step::Progress(step::Progress { done, total }) => wit::Step::Progress(wit::Progress { done, total }),
        Step::Decide(step::Decision { attempt, leases }) => {
            let leases = leases.into_iter().map(from_lease).collect();
            wit::Step::Decide(wit::Decision { attempt, leases })
        }
        Step::Done(outcome) => wit::Step::Done(from_outcome(outcome)),
        Step::Failed(fault) => wit::Step::Failed(from_fault(fault)),
    }
}

fn from_batch(batch: step::Batch) -> wit::Batch {
    let step::Batch { commands, session, deadline } = batch;
    wit::Batch {
        session,
        lengths: commands.lengths,
        arguments: commands.arguments,
        pieces: commands.pieces,
        bytes: commands.bytes,
        script: commands.script,
        may_repeat: commands.may_repeat,
        deadline,
    }
}

fn from_cursor(cursor: Cursor) -> wit::Cursor {
    wit::Cursor { position: cursor.position, id: cursor.id.halves() }
}

fn from_lease(lease: Lease) -> wit::Lease {
    let Lease { name, fence, token, until } = lease;
    wit::Lease { name, fence, token: Id(token.0).halves(), until }
}

fn from_ordered(command: Ordered) -> wit::Recorded {
    let Ordered { number, time, id, kind, first, last, body } = command;
    let metadata = (body.from, body.metadata);
    wit::Recorded { number, time, id: id.halves(), type_: kind, first, last, body: body.string, metadata }
}

fn from_appended(appended: step::Appended) -> wit::Appended {
    let step::Appended { first, last, cursor, command, repeated, attempts } = appended;
    wit::Appended { first, last, cursor: from_cursor(cursor), command, repeated, attempts }
}

fn from_outcome(outcome: Outcome) -> wit::Outcome {
    match outcome {
        Outcome::Nothing => wit::Outcome::Nothing,
        Outcome::Appended(appended) => wit::Outcome::Appended(from_appended(appended)),
        Outcome::Read(head) => wit::Outcome::Read(from_cursor(head)),
        Outcome::Locked(lease) => wit::Outcome::Locked(from_lease(lease)),
        Outcome::Checkpoint(cursor) => wit::Outcome::Checkpoint(cursor.map(from_cursor)),
        Outcome::Inspected(warnings) => {
            let warning = |step::Warning { about, text }| wit::Warning { about, text };
            wit::Outcome::Inspected(warnings.into_iter().map(warning).collect())
        }
        Outcome::Stats(step::Totals { head, commands, types, segments, segment_bytes }) => {
            wit::Outcome::Stats(wit::Totals { head, commands, types, segments, segment_bytes })
        }
        Outcome::Verified(step::Verified { events, faults, texts }) => {
            wit::Outcome::Verified(wit::Verified { events, faults, texts })
        }
    }
}

fn from_fault(fault: Fault) -> wit::Fault {
    match fault {
        Fault::Invalid(field, why) => wit::Fault::Invalid((field, why)),
        Fault::Conflict(head, position) => wit::Fault::Conflict((head, position)),
        Fault::Ahead(head) => wit::Fault::Ahead(head),
        Fault::Rewritten(position) => wit::Fault::Rewritten(position),
        Fault::Duplicate(first, last) => wit::Fault::Duplicate((first, last)),
        Fault::IdReused(id) => wit::Fault::IdReused(id.halves()),
        Fault::TooBroad => wit::Fault::TooBroad,
        Fault::TooManyTypes => wit::Fault::TooManyTypes,
        Fault::LockTimeout(name) => wit::Fault::LockTimeout(name),
        Fault::LockLost(name) => wit::Fault::LockLost(name),
        Fault::TooFewAcknowledgements(files, replicas, appended) => {
            wit::Fault::TooFewAcknowledgements((files, replicas, from_appended(appended)))
        }
        Fault::CheckpointMoved(cursor) => wit::Fault::CheckpointMoved(cursor.map(from_cursor)),
        Fault::Corrupt(key, what) => wit::Fault::Corrupt((key, what)),
        Fault::Rebuilding => wit::Fault::Rebuilding,
        Fault::Server(text) => wit::Fault::Server(text),
        Fault::Transport(lost) => wit::Fault::Transport(from_lost(lost)),
        Fault::Cancelled(unsure) => wit::Fault::Cancelled(unsure),
        Fault::Deadline(unsure) => wit::Fault::Deadline(unsure),
        Fault::TooManyFlows => wit::Fault::TooManyFlows,
        Fault::Misuse(text) => wit::Fault::Misuse(text),
    }
}

fn from_lost(lost: Lost) -> wit::Transport {
    let failure = match lost.failure {
        Failure::NotSent => types::Failure::NotSent,
        Failure::MaybeExecuted => types::Failure::MaybeExecuted,
        Failure::Refused => types::Failure::Refused,
        Failure::Limit => types::Failure::Limit,
        Failure::Misuse => types::Failure::Misuse,
    };
    let cause = CAUSES.get(usize::from(lost.cause)).copied().unwrap_or(types::Cause::None);
    wit::Transport { failure, cause, text: lost.text }
}

/// By their numbers, which is what a flow keeps.
const CAUSES: [types::Cause; 14] = [
    types::Cause::None,
    types::Cause::Deadline,
    types::Cause::Cancelled,
    types::Cause::Lost,
    types::Cause::Unreachable,
    types::Cause::Denied,
    types::Cause::Protocol,
    types::Cause::TooLarge,
    types::Cause::Closing,
    types::Cause::Unsupported,
    types::Cause::Usage,
    types::Cause::Silent,
    types::Cause::Loading,
    types::Cause::Replica,
];
