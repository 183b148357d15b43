//! Checking the indexes and the records of commands against the log, and making the indexes anew.

use crate::event::{Cursor, Ordered, Recorded};
use crate::layout::Segments;
use crate::pieces::Commands;
use crate::plan::care::{self as plan, Body, Field, Index, Way};
use crate::plan::{bodies, meta};
use crate::reply::Reply;
use crate::step::{Fault, Outcome, Progress, Step, Verified};

use super::{Context, Flow, Input, Refresh, unasked};
use records::Records;

mod records;

/// Events of one page.
const PAGE: u64 = 256;
/// Bytes of bodies that are enough for one page.
const PAGE_BYTES: u32 = 1 << 20;
/// Faults that are told in words.
const SHOWN: usize = 100;

/// `verify`, and `rebuild`: the log is read from its first event on, and its indexes are compared, or made. What is
/// kept of it is a page, a count, the last position of each type, and what a page says of commands.
pub(crate) struct Care {
    /// Indexes are made.
    making: bool,
    /// First it is looked whether that can be done, as those that are there are thrown away.
    looking: bool,
    state: State,
    /// The position that is next.
    at: u64,
    /// The head at the beginning.
    head: u64,
    /// Of its id.
    head_tail: u64,
    /// The last one's number.
    commands: u64,
    /// Where a rebuild that was left goes on. What is before is read only to be the last event, if no other is there.
    from: u64,
    /// Of the last event that was there.
    last: Cursor,
    page: Vec<Recorded>,
    /// Last positions by type, sorted by that. There are 4096 at most.
    lasts: Vec<(String, u64)>,
    /// Tags of all events.
    tags: u64,
    /// What the events say of commands, to be held against their records.
    records: Records,
    /// Entries of all lists of tags.
    entries: u64,
    /// Of the search for these lists.
    cursor: String,
    /// That was done once more.
    again: bool,
    keys: Vec<String>,
    found: Verified,
    refresh: Refresh,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// How the store is, is asked.
    Meta,
    /// A rebuild begins, or goes on.
    Start,
    /// How the store is, is asked once more: nobody can append any longer.
    Closed,
    /// Lists of tags are looked for.
    Scan,
    /// Those that were found are counted, or thrown away.
    Lists,
    /// All other indexes are thrown away.
    Clear,
    /// Events are read.
    Bodies,
    /// Their indexes are compared, or made.
    Page,
    /// The records of their commands are compared.
    Records,
    /// What is said of types is compared.
    Types,
    /// A rebuild ends.
    Finish,
}

impl Flow for Care {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => Ok(self.send(context)),
            Input::Reply(mut reply) => {
                if self.refresh.answered(context, &mut reply)? {
                    return Ok(self.send(context));
                }
                self.replied(context, &mut reply)
            }
            Input::Go => Ok(self.send(context)),
            Input::Lost(lost) => Err(lost.fault(false)),
            Input::Decided(_) => Err(unasked()),
        }
    }

    fn unsure(&self, sent: bool) -> bool {
        self.making && sent
    }
}

impl Care {
    pub(crate) fn new(making: bool) -> Self {
        Self {
            making,
            looking: false,
            state: State::Meta,
            at: 1,
            from: 1,
            head: 0,
            head_tail: 0,
            commands: 0,
            last: Cursor::default(),
            page: Vec::new(),
            lasts: Vec::new(),
            tags: 0,
            records: Records::default(),
            entries: 0,
            cursor: "0".to_owned(),
            again: false,
            keys: Vec::new(),
            found: Verified::default(),
            refresh: Refresh::default(),
        }
    }

    fn send(&self, context: &Context<'_>) -> Step {
        let (layout, segments) = (&context.shared.layout, &context.shared.segments);
        let way = if self.making { Way::Make } else { Way::Check };
        context.send(match self.state {
            State::Meta | State::Closed => meta::plan(layout),
            State::Start => plan::start(layout, segments),
            State::Scan => plan::scan(layout, &self.cursor),
            State::Lists if self.making => plan::clear(layout, segments, &self.keys),
            State::Lists => plan::count(&self.keys, self.head),
            State::Clear => plan::clear(layout, segments, &plan::indexes(layout, segments)),
            State::Bodies => self.bodies(context, segments),
            State::Page => plan::page(layout, segments, way, &self.page),
            State::Records => plan::records(layout, segments, &self.numbers(segments), PAGE_BYTES),
            State::Types => plan::types(layout),
            State::Finish => plan::finish(layout, segments, self.last, self.commands),
        })
    }

    fn go(&mut self, context: &Context<'_>, state: State) -> Step {
        self.state = state;
        self.send(context)
    }

    fn replied(&mut self, context: &mut Context<'_>, reply: &mut Reply<'_>) -> Result<Step, Fault> {
        match self.state {
            State::Meta => {
                let rebuilding = self.known(context, reply)?;
                if self.making && rebuilding {
                    return Ok(self.go(context, State::Start));
                }
                if rebuilding {
                    return Err(Fault::Rebuilding);
                }
                self.looking = self.making;
                Ok(self.walk())
            }
            State::Closed => {
                self.known(context, reply)?;
                // Nothing is made yet: what is there may be of a rebuild that had only begun to clear.
                if self.from <= 1 {
                    return Ok(self.go(context, State::Scan));
                }
                self.at = self.from.saturating_sub(1);
                Ok(self.walk())
            }
            State::Scan => {
                (self.cursor, self.keys) = plan::scanned(reply)?;
                let next = if self.keys.is_empty() { self.scanned() } else { State::Lists };
                self.turn(context, next)
            }
            State::Lists if !self.making => {
                let number = plan::counted(reply)?;
                self.entries = self.entries.saturating_add(number);
                let next = self.scanned();
                self.turn(context, next)
            }
            State::Bodies => self.read(context, reply),
            State::Records => {
                let numbers = self.numbers(&context.shared.segments);
                self.compare_records(plan::recorded(&numbers, reply)?)
            }
            State::Types => {
                self.compare_types(&plan::fields(reply)?);
                if self.last.position == self.head && self.last.id.tail() != self.head_tail {
                    self.fault(self.head, "it is the head, which is said to have another id");
                }
                Ok(self.go(context, State::Scan))
            }
            State::Start | State::Lists | State::Clear | State::Page | State::Finish => match plan::read(reply)? {
                plan::Outcome::Done(number, found) => {
                    self.refresh.fresh();
                    self.done(context, number, &found)
                }
                plan::Outcome::Stale => Ok(context.send(self.refresh.ask(context)?)),
                plan::Outcome::TooManyTypes => Err(Fault::TooManyTypes),
            },
        }
    }

    /// How the store is; whether a rebuild is under way.
    fn known(&mut self, context: &mut Context<'_>, reply: &mut Reply<'_>) -> Result<bool, Fault> {
        let meta = meta::read(&context.shared.layout, reply)?;
        context.shared.segments = meta.segments;
        (self.head, self.head_tail) = (meta.head.position, meta.head.id.tail());
        self.commands = meta.commands;
        self.records = Records::new(meta.commands);
        Ok(meta.rebuilding.is_some())
    }

    fn done(&mut self, context: &Context<'_>, number: u64, found: &[plan::Found]) -> Result<Step, Fault> {
        match self.state {
            State::Start => {
                self.from = number;
                Ok(self.go(context, State::Closed))
            }
            State::Lists | State::Clear if number != 1 => Err(Fault::Rebuilding),
            State::Lists => {
                let next = self.scanned();
                self.turn(context, next)
            }
            State::Clear => Ok(self.walk()),
            State::Finish => Ok(Step::Done(Outcome::Verified(std::mem::take(&mut self.found)))),
            _ => {
                let count = self.page.len() as u64;
                let next = self.page.last().map_or(self.at, |event| event.position.saturating_add(1));
                if self.making && number != next {
                    return Err(Fault::Rebuilding);
                }
                if !self.making {
                    self.found.faults = self.found.faults.saturating_add(number);
                    found.iter().for_each(|found| self.tell(found.position, words(found.index)));
                }
                self.found.events = self.found.events.saturating_add(count);
                if !self.making {
                    self.note_types();
                    self.note_commands();
                }
                self.tags =
                    self.page.iter().fold(self.tags, |tags, event| tags.saturating_add(event.tags.len() as u64));
                if let Some(event) = self.page.pop() {
                    self.pass(&event);
                }
                self.page.clear();
                Ok(self.walk())
            }
        }
    }

    /// The next page, or what comes behind the last one.
    fn walk(&mut self) -> Step {
        let more = self.at <= self.head;
        let done = if self.looking { 0 } else { self.at.saturating_sub(1).min(self.head) };
        self.state = match (more, self.making) {
            (_, false) if self.records.known(more) > 0 => State::Records,
            (true, _) => State::Bodies,
            (false, true) if self.looking => self.looked(),
            (false, true) => State::Finish,
            (false, false) => State::Types,
        };
        Step::Progress(Progress { done, total: self.head })
    }

    /// All events are there, but for some at the end.
    fn looked(&mut self) -> State {
        (self.looking, self.at, self.last) = (false, 1, Cursor::default());
        self.found = Verified::default();
        State::Start
    }

    fn note_types(&mut self) {
        for event in &self.page {
            match self.lasts.binary_search_by(|(kind, _)| kind.cmp(&event.kind)) {
                Ok(at) => self.lasts.get_mut(at).into_iter().for_each(|(_, last)| *last = event.position),
                Err(at) => self.lasts.insert(at, (event.kind.clone(), event.position)),
            }
        }
    }

    fn note_commands(&mut self) {
        let found: Vec<(u64, String)> =
            self.page.iter().filter_map(|event| Some((event.position, self.records.note(event)?))).collect();
        found.iter().for_each(|(position, what)| self.fault(*position, what));
    }

    /// The next records whose events are known.
    fn numbers(&self, segments: &Segments) -> Vec<u64> {
        let from = self.records.next();
        let known = self.records.known(self.at <= self.head).min(PAGE);
        (from..from.saturating_add(known))
            .take_while(|number| *number <= plan::end_of_commands(segments, from))
            .collect()
    }

    fn compare_records(&mut self, records: Vec<Body<Ordered>>) -> Result<Step, Fault> {
        if records.is_empty() {
            return Err(Fault::Server("it gave no records".to_owned()));
        }
        for record in records {
            if let Some((position, what)) = self.records.compare(record) {
                self.fault(position.unwrap_or(self.head), &what);
            }
        }
        Ok(self.walk())
    }

    fn last_of(&self, kind: &str) -> Option<u64> {
        let at = self.lasts.binary_search_by(|(each, _)| each.as_str().cmp(kind)).ok()?;
        self.lasts.get(at).map(|(_, last)| *last)
    }

    /// What was appended meanwhile, nobody has looked at.
    fn compare_types(&mut self, fields: &[Field]) {
        let mut numbers = [false; 4096];
        for field in fields {
            let (position, what) = match field {
                Field::Number(number) => {
                    let seen = numbers.get_mut(*number as usize);
                    if !seen.is_some_and(|seen| std::mem::replace(seen, true)) {
                        continue;
                    }
                    (self.head, format!("two types have the number {number}"))
                }
                Field::Last(kind, last) if *last > self.head || self.last_of(kind) == Some(*last) => continue,
                Field::Last(kind, last) => (*last, format!("the last event of type {kind:?} is said to be this one")),
                Field::Strange(name) => (self.head, format!("among the types there is {name:?}")),
            };
            self.fault(position, &what);
        }
    }

    fn pass(&mut self, event: &Recorded) {
        self.last = Cursor { position: event.position, id: event.id };
        self.at = event.position.saturating_add(1);
    }

    fn bodies(&self, context: &Context<'_>, segments: &Segments) -> Commands {
        bodies::plan(&context.shared.layout, segments, None, &self.positions(segments), PAGE_BYTES)
    }

    fn positions(&self, segments: &Segments) -> Vec<u64> {
        let to = self.head.min(plan::end_of_segment(segments, self.at)).min(self.at.saturating_add(PAGE - 1));
        (self.at..=to).collect()
    }

    fn read(&mut self, context: &Context<'_>, reply: &mut Reply<'_>) -> Result<Step, Fault> {
        let positions = self.positions(&context.shared.segments);
        let bodies = plan::bodies(&positions, reply)?;
        if bodies.is_empty() {
            return Err(Fault::Server("it gave no events".to_owned()));
        }
        for body in bodies {
            match body {
                Body::There(event) if self.page.is_empty() && self.behind_gap(event.position) => {
                    return Err(self.gap(context));
                }
                Body::There(event) if self.looking || event.position < self.from => self.pass(&event),
                Body::There(event) => self.page.push(event),
                _ if !self.page.is_empty() => break,
                Body::Missing => self.miss("the event is not there"),
                Body::Broken if self.making => return Err(self.gap(context)),
                Body::Broken => self.miss("the event is not what an append writes"),
            }
        }
        if self.page.is_empty() {
            return Ok(self.walk());
        }
        Ok(self.go(context, State::Page))
    }

    /// Whether events that are not there have one behind them: a rebuild can leave out the end, but nothing else.
    fn behind_gap(&self, position: u64) -> bool {
        self.making && self.found.faults > 0 && position == self.at
    }

    fn gap(&self, context: &Context<'_>) -> Fault {
        let key = context.shared.layout.key("e:*");
        Fault::Corrupt(key, ["lacks events before ", &self.at.saturating_add(1).to_string()].concat())
    }

    fn miss(&mut self, what: &str) {
        self.fault(self.at, what);
        self.at = self.at.saturating_add(1);
    }

    fn fault(&mut self, position: u64, what: &str) {
        self.found.faults = self.found.faults.saturating_add(1);
        self.tell(position, what);
    }

    fn tell(&mut self, position: u64, what: &str) {
        if self.found.texts.len() < SHOWN {
            self.found.texts.push([&position.to_string(), ": ", what].concat());
        }
    }

    /// What follows when the keys that were found are dealt with.
    fn scanned(&mut self) -> State {
        self.keys.clear();
        match (self.cursor == "0", self.making) {
            (false, _) => State::Scan,
            (true, true) => State::Clear,
            (true, false) => State::Finish,
        }
    }

    /// Goes on; a check is at its end when all lists are counted.
    fn turn(&mut self, context: &Context<'_>, state: State) -> Result<Step, Fault> {
        if self.making || state != State::Finish {
            return Ok(self.go(context, state));
        }
        let ghosts = self.entries > self.tags;
        // A search may find a list twice; it will not do so again.
        if ghosts && !std::mem::replace(&mut self.again, true) {
            self.entries = 0;
            return Ok(self.go(context, State::Scan));
        }
        // If there are fewer, each was told.
        if ghosts {
            self.found.faults = self.found.faults.saturating_add(self.entries.saturating_sub(self.tags));
            self.tell(self.head, "lists of tags have entries of events that do not have them");
        }
        Ok(Step::Done(Outcome::Verified(std::mem::take(&mut self.found))))
    }
}

fn words(index: Index) -> &'static str {
    match index {
        Index::Log => "the list of all events has another one",
        Index::Type => "the last event of its type is said to be an earlier one, or behind the head",
        Index::Tag => "the list of one of its tags lacks it",
        Index::Behind => "it is the head, but there are events, or entries of the list of all events, behind it",
        Index::Pair => "the last event of its type and one of its tags is said to be another one",
    }
}
