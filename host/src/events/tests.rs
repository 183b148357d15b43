//! What this host makes of a core's steps, seen with a core that follows a script and a client that never connects.

mod traps;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::flow::{Flow, Turn};
use super::table::{Core, Factory};
use super::{Command, Event, EventError, EventStore, ExecuteError, ExecuteOptions, Options, Query};
use crate::engine::store::{Batch, Call, Instance, Lease, Opened, Outcome, Settings, Step, Template};
use crate::engine::{Binary, CodeCache, Trap};
use crate::rows::NEVER;
use crate::{Config, Connecting, Connector, Endpoint, Error};

const PATIENCE: Duration = Duration::from_secs(20);

/// Every connection takes for ever.
struct Nowhere;

impl Connector for Nowhere {
    fn connect(&self, _: &Endpoint) -> Connecting {
        Box::pin(std::future::pending())
    }
}

/// What the core is to answer, and what it was told. Clones are the same one.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    steps: VecDeque<Result<Step, Trap>>,
    /// Of the core's flows: which instance, which flow, what.
    told: Vec<(usize, u64, String)>,
    opened: Vec<Settings>,
}

struct Fake {
    script: Script,
    instance: usize,
}

impl Core for Fake {
    fn open(&mut self, _: u64, settings: &Settings) -> Result<Opened, Trap> {
        if settings.namespace.is_empty() {
            return Ok(Err(("namespace".into(), "it is empty".into())));
        }
        let mut state = self.script.0.lock().unwrap();
        state.opened.push(settings.clone());
        self.instance = state.opened.len();
        Ok(Ok(vec!["return 1".into()]))
    }

    fn call(&mut self, _: u64, flow: u64, call: &Call) -> Result<Step, Trap> {
        let mut state = self.script.0.lock().unwrap();
        let told = format!("{call:?}");
        state.told.push((self.instance, flow, told));
        match state.steps.pop_front() {
            Some(step) => step,
            None if matches!(call, Call::Keep { .. }) => Ok(Step::Wait(NEVER - 1)),
            // In a destructor, while a test fails.
            None if std::thread::panicking() => Ok(cancelled()),
            None => panic!("the script is over, but the core is told {call:?}"),
        }
    }
}

impl Script {
    fn steps(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().unwrap().steps.extend(steps.into_iter().map(Ok));
    }

    fn trap(&self) {
        self.0.lock().unwrap().steps.push_back(Err(Trap("out of fuel".into())));
    }

    /// What the core was told, by the names of the calls, and forgets it.
    fn told(&self) -> Vec<String> {
        let name = |call: String| call.split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned();
        self.0.lock().unwrap().told.drain(..).map(|(_, _, call)| name(call)).collect()
    }

    async fn store(&self, options: Options) -> Result<EventStore, EventError> {
        self.store_of("ns", options).await
    }

    async fn store_of(&self, namespace: &str, options: Options) -> Result<EventStore, EventError> {
        let client = Config::new("redis://nowhere:1").unwrap().connector(Nowhere).start().await.unwrap();
        let script = self.clone();
        let factory: Factory = Box::new(move || Ok(Box::new(Fake { script: script.clone(), instance: 0 })));
        EventStore::with_cores(&client, namespace, options, factory)
    }
}

fn flow(store: &EventStore) -> Flow {
    Flow::new(&store.inner, Call::Stats { deadline: NEVER }, Vec::new())
}

fn send(deadline: u64) -> Step {
    Step::Send(Batch {
        session: false,
        lengths: vec![1],
        arguments: vec![1],
        pieces: vec![4],
        bytes: b"PING".to_vec(),
        script: false,
        may_repeat: false,
        deadline,
    })
}

fn cancelled() -> Step {
    Step::Failed(crate::engine::store::Fault::Cancelled(false))
}

fn decide() -> Step {
    Step::Decide(crate::engine::store::Decision { attempt: 1, leases: Vec::new() })
}

fn appended() -> Step {
    let cursor = crate::engine::store::Cursor { position: 2, id: (1, 2) };
    Step::Done(Outcome::Appended(crate::engine::store::Appended {
        first: 1,
        last: 2,
        cursor,
        command: 1,
        repeated: false,
        attempts: 1,
    }))
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

#[tokio::test]
async fn steps_are_done_in_turn() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    let progress = Step::Progress(crate::engine::store::Progress { done: 1, total: 2 });
    script.steps([Step::Wait(0), progress, send(0), Step::Done(Outcome::Nothing)]);
    let mut flow = flow(&store);
    assert!(script.told().is_empty(), "nothing happens before it is polled");
    assert!(matches!(in_time(flow.turn()).await, Ok(Turn::Progress(1, 2))));
    assert!(matches!(in_time(flow.turn()).await, Ok(Turn::Done(Outcome::Nothing))));
    assert_eq!(script.told(), ["Stats", "Elapsed", "Resume", "Unanswered"]);
    assert!(matches!(flow.turn().await, Err(EventError::Misuse(_))), "it is over");
    drop(flow);
    assert!(script.told().is_empty(), "what is over is not cancelled");
}

#[tokio::test]
async fn a_setting_that_cannot_be_is_named() {
    let error = Script::default().store_of("", Options::new()).await.unwrap_err();
    assert_eq!(error, EventError::Invalid { field: "namespace".into(), why: "it is empty".into() });
}

#[tokio::test]
async fn what_is_left_of_a_dropped_flow_is_done() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([send(NEVER)]);
    let mut dropped = flow(&store);
    assert!(dropped.turn().now_or_never().is_none());
    script.steps([Step::Wait(0), send(0), cancelled()]);
    drop(dropped);
    until_told(&script, 4).await;
    assert_eq!(script.told(), ["Stats", "Cancel", "Elapsed", "Unanswered"]);
}

#[tokio::test]
async fn what_never_began_is_not_cancelled() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    drop(flow(&store));
    drop(store.read(Query::all()));
    drop(store.subscribe(Query::all(), Default::default()));
    assert!(script.told().is_empty());
}

#[tokio::test]
async fn a_trap_ends_all_flows_and_a_new_instance_serves_the_next() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    // One that has sent something, one that waits, and the one that breaks it.
    let soon = store.deadline(Some(Duration::from_millis(1)));
    script.steps([send(soon), Step::Wait(NEVER - 1)]);
    let (mut sent, mut waits, mut breaks) = (flow(&store), flow(&store), flow(&store));
    assert!(sent.turn().now_or_never().is_none());
    assert!(waits.turn().now_or_never().is_none());
    script.trap();
    let error = in_time(breaks.turn()).await.unwrap_err();
    assert!(matches!(&error, EventError::Transport(Error::Core { detail, .. }) if &**detail == "out of fuel"));
    assert!(!error.maybe_executed());
    // The script has no step for them: the new instance is not asked.
    assert!(in_time(sent.turn()).await.unwrap_err().maybe_executed());
    script.steps([Step::Done(Outcome::Nothing)]);
    assert!(in_time(flow(&store).outcome()).await.is_ok());
    let state = script.0.lock().unwrap();
    let flows: Vec<_> = state.told.iter().map(|(instance, flow, _)| (*instance, *flow)).collect();
    assert_eq!(flows, [(1, 1), (1, 2), (1, 3), (2, 4)], "ids are not used again");
    let [first, second] = state.opened.as_slice() else { panic!("two instances") };
    assert_eq!(first.namespace, second.namespace);
    assert!(first.token_seed != second.token_seed && first.seed != second.seed);
}

/// Until the core was told so many things.
async fn until_told(script: &Script, count: usize) {
    in_time(async {
        while script.0.lock().unwrap().told.len() < count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn parked_flows_wait_by_one_listener() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    let done = || Step::Done(Outcome::Nothing);
    script.steps([Step::Park(1), Step::Wait(0), Step::Park(1)]);
    let (mut one, mut two) = (flow(&store), flow(&store));
    assert!(one.turn().now_or_never().is_none() && two.turn().now_or_never().is_none());
    assert_eq!(script.told(), ["Stats", "Listen", "Stats"]);
    // However it ends, who is parked again has another, although the other one has not heard of it.
    script.steps([done(), Step::Park(2), Step::Wait(0), done(), done()]);
    assert!(matches!(in_time(one.turn()).await, Ok(Turn::Done(_))));
    assert_eq!(script.told(), ["Elapsed", "Elapsed", "Listen", "Elapsed", "Elapsed"]);
    script.steps([done()]);
    assert!(matches!(in_time(two.turn()).await, Ok(Turn::Done(_))));
    assert_eq!(script.told(), ["Elapsed"]);
}

/// A later one may wait for more than this flow has seen.
#[tokio::test]
async fn who_is_parked_waits_for_that_listener_and_no_other() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([Step::Park(1), Step::Wait(NEVER - 1)]);
    let mut one = flow(&store);
    assert!(one.turn().now_or_never().is_none());
    // The first is over, and the second listens; or the first could not be begun.
    script.steps([cancelled(), cancelled(), Step::Park(2), Step::Wait(NEVER - 1)]);
    drop(one);
    until_told(&script, 4).await;
    let mut two = flow(&store);
    assert!(two.turn().now_or_never().is_none());
    let fault = crate::engine::store::Fault::Misuse("there is none".into());
    script.steps([Step::Park(1), Step::Park(3), Step::Failed(fault), Step::Done(Outcome::Nothing)]);
    assert!(matches!(in_time(flow(&store).turn()).await, Ok(Turn::Done(_))));
    let told = ["Stats", "Listen", "Cancel", "Cancel", "Stats", "Listen", "Stats", "Elapsed", "Listen", "Elapsed"];
    assert_eq!(script.told(), told);
    script.steps([cancelled(), cancelled()]);
    drop(two);
    until_told(&script, 2).await;
}

#[tokio::test]
async fn a_listener_is_cancelled_with_the_last_who_is_parked() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([Step::Park(1), Step::Wait(NEVER - 1), Step::Park(1)]);
    let (mut one, mut two) = (flow(&store), flow(&store));
    assert!(one.turn().now_or_never().is_none() && two.turn().now_or_never().is_none());
    assert_eq!(script.told(), ["Stats", "Listen", "Stats"]);
    script.steps([cancelled(), cancelled(), cancelled()]);
    // Nobody polls it, and the other still waits.
    drop(one);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(script.told(), ["Cancel"]);
    drop(two);
    until_told(&script, 2).await;
    let told: Vec<_> = script.0.lock().unwrap().told.iter().map(|(_, flow, _)| *flow).collect();
    assert_eq!((told, script.told()), (vec![3, 2], vec!["Cancel".to_owned(); 2]));
}

/// By another executor, or in a thread of its own.
#[test]
fn what_is_polled_and_dropped_outside_of_the_runtime_goes_on_inside() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let script = Script::default();
    let store = runtime.block_on(script.store(Options::new())).unwrap();
    script.steps([Step::Wait(NEVER - 1), Step::Park(1), Step::Wait(NEVER - 1)]);
    let (mut waits, mut parked) = (flow(&store), flow(&store));
    assert!(waits.turn().now_or_never().is_none() && parked.turn().now_or_never().is_none());
    script.steps([Step::Wait(0), cancelled(), cancelled(), cancelled()]);
    drop(waits);
    runtime.block_on(until_told(&script, 5));
    assert_eq!(script.told(), ["Stats", "Stats", "Listen", "Cancel", "Elapsed"]);
    drop(parked);
    runtime.block_on(until_told(&script, 2));
    let factory: Factory = Box::new(|| Err(Error::config("it is not asked")));
    let opened = EventStore::with_cores(&store.inner.client, "ns", Options::new(), factory);
    assert!(matches!(opened, Err(EventError::Misuse(_))));
}

/// A timer of that runtime would panic.
#[test]
fn what_waits_ends_where_the_runtime_is_shut_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let script = Script::default();
    let store = runtime.block_on(script.store(Options::new())).unwrap();
    script.steps([Step::Wait(NEVER - 1), Step::Wait(NEVER - 1), cancelled(), cancelled()]);
    let (mut waits, mut begins) = (flow(&store), flow(&store));
    assert!(waits.turn().now_or_never().is_none());
    drop(runtime);
    for flow in [&mut waits, &mut begins] {
        let ended = futures_executor::block_on(flow.turn());
        assert!(matches!(&ended, Err(EventError::Transport(error)) if *error == Error::closed()), "{ended:?}");
    }
}

#[tokio::test]
async fn a_handlers_error_comes_back_unless_it_is_for_what_was_done_before() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([decide(), Step::Wait(0), cancelled()]);
    let executed = store.execute(Command::new("C"), ExecuteOptions::new(), async |_| Err("no")).await;
    assert_eq!(executed, Err(ExecuteError::Handler("no")));
    assert_eq!(script.told(), ["Execute", "Declined", "Elapsed"]);
    // Unless the command was executed before.
    script.steps([decide(), Step::Wait(0), appended()]);
    let executed = store.execute(Command::new("C"), ExecuteOptions::new(), async |_| Err("no")).await;
    assert_eq!(executed.unwrap().last, 2);
    // Or nobody knows whether it was.
    script.steps([decide(), Step::Wait(0), Step::Failed(crate::engine::store::Fault::Deadline(true))]);
    let executed = store.execute(Command::new("C"), ExecuteOptions::new(), async |_| Err("no")).await;
    assert_eq!(executed, Err(ExecuteError::Store(EventError::Deadline { maybe_executed: true })));
}

#[tokio::test]
async fn a_handler_that_is_late_is_ended() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    script.steps([decide(), cancelled()]);
    let options = ExecuteOptions::new().deadline(Duration::from_millis(1));
    let executed = store.execute(Command::new("C"), options, async |_| std::future::pending().await);
    let expected: Result<_, ExecuteError<Infallible>> =
        Err(ExecuteError::Store(EventError::Deadline { maybe_executed: false }));
    assert_eq!(in_time(executed).await, expected);
    assert_eq!(script.told(), ["Execute", "Cancel"]);
}

#[tokio::test]
async fn leases_are_kept_while_the_handler_runs_and_no_longer() {
    let script = Script::default();
    let store = script.store(Options::new()).await.unwrap();
    let lease = Lease { name: "l".into(), fence: 9, token: (1, 2), until: 0 };
    let decide = Step::Decide(crate::engine::store::Decision { attempt: 2, leases: vec![lease] });
    script.steps([decide]);
    let observed = script.clone();
    let executed = store.execute(Command::new("C").lock("l"), ExecuteOptions::new(), |decision| {
        let script = observed.clone();
        async move {
            assert_eq!((decision.attempt(), decision.fence("l"), decision.fence("x")), (2, Some(9), None));
            assert_eq!(script.told(), ["Execute", "Keep"]);
            script.steps([cancelled(), appended()]);
            Ok::<_, Infallible>(vec![])
        }
    });
    in_time(executed).await.unwrap();
    assert_eq!(script.told(), ["Cancel", "Decided"], "the keeper's end, and then the decision");
}

#[tokio::test]
async fn data_is_looked_at_where_it_is_to_be_json() {
    let script = Script::default();
    let store = script.store(Options::new().json_data(true)).await.unwrap();
    let events = [Event::new("E").data("{}"), Event::new("E").data(Bytes::from_static(b"{"))];
    let error = store.append(events.clone(), super::AppendOptions::new()).await.unwrap_err();
    assert_eq!(error, EventError::Invalid { field: "events[1].data".into(), why: "it is no JSON".into() });
    assert!(script.told().is_empty(), "nothing was begun");
    script.steps([decide(), cancelled()]);
    let executed = store.execute(Command::new("C"), ExecuteOptions::new(), async |_| {
        Ok::<_, Infallible>(vec![Event::new("E").data("no")])
    });
    assert!(matches!(executed.await, Err(ExecuteError::Store(EventError::Invalid { .. }))));
    script.steps([appended()]);
    let [good, _] = events;
    assert_eq!(store.append([good], super::AppendOptions::new()).await.unwrap().last, 2);
}

/// A function of the contract's `testing`, and what it is given.
type Fault = Option<(&'static str, Option<u64>)>;

/// The component for tests, and a fault that it has at the next call.
struct Faulty {
    instance: Instance,
    fault: Arc<Mutex<Fault>>,
}

impl Core for Faulty {
    fn open(&mut self, now: u64, settings: &Settings) -> Result<Opened, Trap> {
        self.instance.open(now, settings)
    }

    fn call(&mut self, now: u64, flow: u64, call: &Call) -> Result<Step, Trap> {
        if let Some((function, argument)) = self.fault.lock().unwrap().take() {
            self.instance.testing(function, argument)?;
        }
        self.instance.call(now, flow, call)
    }
}

#[tokio::test]
async fn no_fault_of_the_component_is_more_than_an_error() {
    const MEMORY: usize = 4 << 20;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/components/coracle-testing.wasm");
    let component = Bytes::from(std::fs::read(path).expect("cargo xtask component writes the component for tests"));
    let template = Template::load(&Binary::new(component), &CodeCache::Nowhere).unwrap();
    let fault = Arc::new(Mutex::new(None));
    let made = Arc::clone(&fault);
    let factory: Factory = Box::new(move || {
        let instance = Instance::new(&template, MEMORY)?;
        Ok(Box::new(Faulty { instance, fault: Arc::clone(&made) }))
    });
    let client = Config::new("redis://nowhere:1").unwrap().connector(Nowhere).start().await.unwrap();
    let store = EventStore::with_cores(&client, "ns", Options::new(), factory).unwrap();
    for (function, argument) in [("trap", None), ("spin", None), ("hoard", Some(8 << 20))] {
        *fault.lock().unwrap() = Some((function, argument));
        let error = in_time(store.stats()).await.unwrap_err();
        assert!(matches!(error, EventError::Transport(Error::Core { .. })), "{function}: {error:?}");
        assert!(!error.maybe_executed(), "nothing was sent");
        // The next instance is well: it asks for something to be sent.
        assert!(flow(&store).turn().now_or_never().is_none(), "{function}");
    }
    *fault.lock().unwrap() = Some(("hoard", Some(1 << 20)));
    assert!(flow(&store).turn().now_or_never().is_none(), "within its limit it may have memory");
}

/// By a client whose connection is never made.
async fn store_nowhere(options: Options) -> Result<EventStore, EventError> {
    let config = Config::new("redis://nowhere:1").unwrap().connector(Nowhere).deadline(Some(Duration::from_secs(3)));
    EventStore::open(&config.start().await.unwrap(), "ns", options).await
}

/// A server that can't be looked at is one that can't be warned of.
#[tokio::test(start_paused = true)]
async fn a_store_opens_where_the_server_can_not_be_inspected() {
    let begun = tokio::time::Instant::now();
    let store = store_nowhere(Options::new()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(3), "it was tried, and took no longer than a call may");
    assert!(store.inspect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn records_of_commands_are_waited_for_until_their_own_deadline() {
    let store = store_nowhere(Options::new().inspect(false)).await.unwrap();
    let begun = tokio::time::Instant::now();
    let error = store.commands(super::Since::Number(1)).deadline(Duration::from_secs(1)).all().await.unwrap_err();
    assert!(!error.maybe_executed(), "{error:?}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(2), "{took:?}");
}
