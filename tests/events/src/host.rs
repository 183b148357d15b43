//! A host of `coracle-events`: does what the steps of a flow say, over a plain connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use coracle_events::event::{Cursor, Event, Id, Ordered};
use coracle_events::given::{Command, Durability, Retries, Selection, Settings};
use coracle_events::query::Item;
use coracle_events::step::{Batch, Decision, Failure, Fault, Lost, Outcome, Page, Step};
use coracle_events::store::Store;

use crate::client::Given;
use crate::link::{Link, Replies};

/// One caller of a store that may have others.
pub struct Host {
    /// The store.
    pub store: Arc<Mutex<Store>>,
    /// Its connection.
    pub link: Link,
    /// Where to.
    pub url: String,
    /// What befalls the next batches.
    pub mishaps: VecDeque<Mishap>,
    /// What somebody else does before the batch of this number is sent, counted from 0.
    pub intruder: Option<(usize, Intrude)>,
    /// How many batches were sent, or were to be.
    pub sent: usize,
    /// How often a flow waited.
    pub waited: usize,
    /// Whether its clock is put on where it would wait.
    pub hurried: bool,
    /// By how much it was, in microseconds.
    ahead: u64,
    blobs: Vec<Vec<u8>>,
    replies: Replies,
    start: Instant,
    next: u64,
}

/// What somebody else does at this server.
pub type Intrude = fn(&str);

/// What befalls a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// It is not sent.
    NotSent,
    /// It is lost on its way, and the host can't know.
    Lost,
    /// Its answer is.
    Unheard,
}

/// An event that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the WIT")]
pub struct Seen {
    pub position: u64,
    pub time: u64,
    pub command: u64,
    pub id: Id,
    pub matches: u64,
    pub kind: String,
    pub tags: Vec<String>,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
}

/// What a handler decides: events, or to give up.
pub type Decided = Result<Vec<Given>>;

/// What a caller does with the steps that are his.
pub trait Caller {
    /// His handler.
    ///
    /// # Errors
    /// It gives up.
    fn decide(&mut self, _host: &mut Host, _flow: u64, _decision: &Decision) -> Decided {
        bail!("no handler")
    }
    /// Events came; whether he wants more.
    fn events(&mut self, _host: &mut Host, _events: Vec<Seen>, _cursor: Cursor) -> bool {
        true
    }
    /// Commands came: with data and metadata.
    fn commands(&mut self, _commands: Vec<(Ordered, Vec<u8>, Vec<u8>)>) {}
    /// How far it is; whether it is to go on.
    fn progress(&mut self, _host: &mut Host, _done: u64, _total: u64) -> bool {
        true
    }
}

/// One who is told nothing.
pub struct Nobody;

impl Caller for Nobody {}

/// One who keeps what comes.
#[derive(Default)]
pub struct Keeper {
    /// All events.
    pub events: Vec<Seen>,
    /// The cursor of each page.
    pub cursors: Vec<Cursor>,
    /// All commands.
    pub commands: Vec<(Ordered, Vec<u8>, Vec<u8>)>,
    /// Each progress.
    pub progress: Vec<(u64, u64)>,
    /// Cancels when it has as many events, or was told as often how far it is, unless 0.
    pub enough: usize,
}

impl Caller for Keeper {
    fn events(&mut self, _: &mut Host, events: Vec<Seen>, cursor: Cursor) -> bool {
        self.events.extend(events);
        self.cursors.push(cursor);
        self.enough == 0 || self.events.len() < self.enough
    }

    fn commands(&mut self, commands: Vec<(Ordered, Vec<u8>, Vec<u8>)>) {
        self.commands.extend(commands);
    }

    fn progress(&mut self, _: &mut Host, done: u64, total: u64) -> bool {
        self.progress.push((done, total));
        self.enough == 0 || self.progress.len() < self.enough
    }
}

/// How a flow ended.
pub type Ending = Result<Outcome, Fault>;

/// Settings that tests begin with.
#[must_use]
pub fn settings(namespace: &str) -> Settings {
    Settings {
        namespace: namespace.to_owned(),
        seed: 7,
        token_seed: (random(), random()),
        max_batch_events: 1000,
        max_batch_bytes: 1 << 20,
        scan_budget: 100_000,
        page_events: 100,
        segment_bytes: 1 << 20,
        marker_ttl: 60_000,
        durability: Durability::None,
        max_flows: 1000,
    }
}

/// Different in each process and call.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// A command of no locks, whose fingerprint is made of its data.
#[must_use]
pub fn command(id: u128, kind: &str, data: &[u8]) -> Command {
    Command {
        id: Id(id),
        kind: kind.to_owned(),
        data: data.len() as u32,
        metadata: 0,
        fingerprint: data.iter().fold(1, |print, byte| print * 257 + u128::from(*byte)),
        locks: Vec::new(),
        permanent: false,
    }
}

/// Many attempts, quickly.
#[must_use]
pub fn retries(attempts: u32) -> Retries {
    Retries { attempts, backoff: 1, max_backoff: 20, lease: 10_000 }
}

/// An item.
#[must_use]
pub fn item(types: &[&str], tags: &[&str]) -> Item {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Item { types: owned(types), tags: owned(tags) }
}

/// An event.
#[must_use]
pub fn event(id: u128, kind: &str, tags: &[&str], data: &str) -> Given {
    let event = Event {
        id: Id(id),
        kind: kind.to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        data: data.len() as u32,
        metadata: 2,
    };
    Given { event, data: data.into(), metadata: b"{}".to_vec() }
}

/// What is read: these items as one query, all of it.
#[must_use]
pub fn selection(items: Vec<Item>) -> Selection {
    Selection { queries: vec![items], after: Cursor::default(), limit: 0, backwards: false, decision: 0 }
}

impl Host {
    /// Of a store of its own.
    ///
    /// # Errors
    /// The server does not accept, or the settings can't be.
    pub fn open(url: &str, settings: Settings) -> Result<Self> {
        let store = Store::open(settings).map_err(|(name, why)| anyhow::anyhow!("{name}: {why}"))?;
        Self::share(url, Arc::new(Mutex::new(store)), 1)
    }

    /// Of a store that others have too; flows are counted from `first`.
    ///
    /// # Errors
    /// The server does not accept.
    pub fn share(url: &str, store: Arc<Mutex<Store>>, first: u64) -> Result<Self> {
        Ok(Self {
            store,
            link: Link::open(url)?,
            url: url.to_owned(),
            mishaps: VecDeque::new(),
            intruder: None,
            sent: 0,
            waited: 0,
            hurried: false,
            ahead: 0,
            blobs: Vec::new(),
            replies: Replies::default(),
            start: Instant::now(),
            next: first,
        })
    }

    /// Microseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64 + self.ahead
    }

    /// So many milliseconds from now.
    #[must_use]
    pub fn within(&self, milliseconds: u64) -> u64 {
        self.now() + milliseconds * 1000
    }

    /// Begins a flow and runs it to its end. `begin` is given the time, the flow's id and a deadline that is far.
    ///
    /// # Errors
    /// The host can't do what a step says.
    pub fn run(
        &mut self,
        caller: &mut dyn Caller,
        begin: impl FnOnce(&mut Store, u64, u64, u64) -> Step,
    ) -> Result<Ending> {
        let flow = self.next;
        self.next += 1;
        let (now, deadline) = (self.now(), self.within(20_000));
        let step = begin(&mut *self.lock()?, now, flow, deadline);
        self.go_on(flow, step, caller)
    }

    /// Appends these.
    ///
    /// # Errors
    /// The host can't do what a step says.
    pub fn append(
        &mut self,
        given: Vec<Given>,
        condition: Option<(Vec<Item>, Cursor)>,
        command: Option<(Command, Vec<u8>)>,
    ) -> Result<Ending> {
        self.append_with(given, condition, command, None)
    }

    /// Appends these, to be acknowledged so.
    ///
    /// # Errors
    /// The host can't do what a step says.
    pub fn append_with(
        &mut self,
        given: Vec<Given>,
        condition: Option<(Vec<Item>, Cursor)>,
        command: Option<(Command, Vec<u8>)>,
        durability: Option<Durability>,
    ) -> Result<Ending> {
        let events = self.hold(given, Vec::new());
        let command = command.map(|(command, data)| {
            self.blobs.extend([data, Vec::new()]);
            command
        });
        self.run(&mut Nobody, |store, now, flow, deadline| {
            store.append(now, flow, deadline, events, condition, command, durability, Vec::new())
        })
    }

    /// Executes a command.
    ///
    /// # Errors
    /// The host can't do what a step says.
    pub fn execute(
        &mut self,
        command: Command,
        data: &[u8],
        retries: Retries,
        caller: &mut dyn Caller,
    ) -> Result<Ending> {
        self.blobs = vec![data.to_vec(), Vec::new()];
        self.run(caller, |store, now, flow, deadline| {
            store.execute(now, flow, deadline, command, retries, None, Vec::new())
        })
    }

    /// Reads all of a selection.
    ///
    /// # Errors
    /// The host can't do what a step says.
    pub fn read(&mut self, selection: Selection) -> Result<(Vec<Seen>, Ending)> {
        let mut keeper = Keeper::default();
        let ending = self.run(&mut keeper, |store, now, flow, deadline| store.read(now, flow, deadline, selection))?;
        Ok((keeper.events, ending))
    }

    /// Reads all of a selection, as it is to be.
    ///
    /// # Errors
    /// It fails.
    pub fn seen(&mut self, selection: Selection) -> Result<(Vec<Seen>, Cursor)> {
        match self.read(selection)? {
            (seen, Ok(Outcome::Read(head))) => Ok((seen, head)),
            (_, other) => bail!("{other:?}"),
        }
    }

    fn go_on(&mut self, flow: u64, mut step: Step, caller: &mut dyn Caller) -> Result<Ending> {
        loop {
            step = match step {
                Step::Send(batch) => self.send(flow, &batch)?,
                Step::Wait(until) => {
                    self.waited += 1;
                    let left = until.saturating_sub(self.now());
                    if self.hurried {
                        self.ahead += left;
                    } else {
                        std::thread::sleep(Duration::from_micros(left));
                    }
                    self.lock()?.elapsed(self.now(), flow)
                }
                Step::Park(_) => {
                    self.listen()?;
                    self.lock()?.elapsed(self.now(), flow)
                }
                Step::Events(page) => {
                    let events = self.unpack(&page)?;
                    if caller.events(self, events, page.cursor) {
                        self.lock()?.resume(self.now(), flow)
                    } else {
                        self.lock()?.cancel(self.now(), flow)
                    }
                }
                Step::Commands(commands) => {
                    let mut whole = Vec::new();
                    for command in commands {
                        let (metadata, data) =
                            self.parts(command.body.string, command.body.from, command.body.metadata)?;
                        whole.push((command, data, metadata));
                    }
                    caller.commands(whole);
                    self.lock()?.resume(self.now(), flow)
                }
                Step::Progress(progress) => {
                    if caller.progress(self, progress.done, progress.total) {
                        self.lock()?.resume(self.now(), flow)
                    } else {
                        self.lock()?.cancel(self.now(), flow)
                    }
                }
                Step::Decide(decision) => {
                    let held = std::mem::take(&mut self.blobs);
                    let decided = caller.decide(self, flow, &decision);
                    let command = held.into_iter().take(2).collect();
                    match decided {
                        Ok(given) => {
                            let events = self.hold(given, command);
                            self.lock()?.decided(self.now(), flow, events)
                        }
                        Err(_) => self.lock()?.declined(self.now(), flow),
                    }
                }
                Step::Done(outcome) => return Ok(Ok(outcome)),
                Step::Failed(fault) => return Ok(Err(fault)),
            };
        }
    }

    /// Waits for news, for a flow that is parked.
    fn listen(&mut self) -> Result<()> {
        let ending = self.run(&mut Nobody, |store, now, flow, _| store.listen(now, flow))?;
        anyhow::ensure!(ending == Ok(Outcome::Nothing), "{ending:?}");
        Ok(())
    }

    fn send(&mut self, flow: u64, batch: &Batch) -> Result<Step> {
        if let Some((_, intrude)) = self.intruder.take_if(|(at, _)| *at == self.sent) {
            intrude(&self.url);
        }
        self.sent += 1;
        let mishap = self.mishaps.pop_front().unwrap_or(Mishap::None);
        if matches!(mishap, Mishap::None | Mishap::Unheard) {
            self.replies = self.link.send(&batch.commands, &self.blobs)?;
        }
        let failure = match mishap {
            Mishap::None => {
                let (nodes, texts) = self.replies.columns();
                let now = self.now();
                let mut store = self.store.lock().map_err(|_| anyhow::anyhow!("the store is poisoned"))?;
                return Ok(store.replied(now, flow, nodes, texts));
            }
            Mishap::NotSent => Failure::NotSent,
            Mishap::Lost | Mishap::Unheard => Failure::MaybeExecuted,
        };
        let lost = Lost { failure, cause: 3, text: "the link broke".to_owned() };
        Ok(self.lock()?.unanswered(self.now(), flow, lost))
    }

    /// Keeps data and metadata behind what is held already; gives the store's part.
    fn hold(&mut self, given: Vec<Given>, held: Vec<Vec<u8>>) -> Vec<Event> {
        self.blobs = held;
        let mut events = Vec::new();
        for Given { event, data, metadata } in given {
            self.blobs.extend([data, metadata]);
            events.push(event);
        }
        events
    }

    fn unpack(&self, page: &Page) -> Result<Vec<Seen>> {
        let (mut lengths, mut texts) = (page.lengths.iter(), page.texts.as_str());
        let mut text = || -> Result<String> {
            let length = *lengths.next().context("too few lengths")?;
            let (text, rest) = texts.split_at_checked(length as usize).context("too little text")?;
            texts = rest;
            Ok(text.to_owned())
        };
        let mut seen = Vec::new();
        let (rows, rest) = page.rows.as_chunks::<8>();
        anyhow::ensure!(rest.is_empty(), "a row of {}", rest.len());
        for [position, time, command, high, low, matches, string, metadata] in rows {
            let (metadata, data) = self.parts(*string as u32, *metadata as u32, (*metadata >> 32) as u32)?;
            seen.push(Seen {
                position: *position,
                time: *time,
                command: *command,
                id: Id::from_halves(*high, *low),
                matches: *matches,
                kind: text()?,
                tags: (0..*string >> 32).map(|_| text()).collect::<Result<_>>()?,
                data,
                metadata,
            });
        }
        Ok(seen)
    }

    fn parts(&self, string: u32, from: u32, length: u32) -> Result<(Vec<u8>, Vec<u8>)> {
        let rest = self.replies.string(string)?.get(from as usize..).context("metadata is not there")?;
        let (metadata, data) = rest.split_at_checked(length as usize).context("metadata is too long")?;
        Ok((metadata.to_vec(), data.to_vec()))
    }

    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Store>> {
        self.store.lock().map_err(|_| anyhow::anyhow!("the store is poisoned"))
    }
}
