//! Random appends and reads on a store, each compared with the model.

mod draw;

use anyhow::{Context, Result, ensure};
use coracle_events::plan::append::Outcome;
use coracle_events::plan::commands::Since;
use coracle_events::plan::page;
use coracle_events::query::Query;

use crate::client::{Appending, Client, Missed, Whole, at};
use crate::link::Link;
use crate::model::Model;
use crate::random::Random;

use draw::Draw;

/// How many cases a seed has.
pub const CASES: u64 = 5000;

/// Runs the cases of one seed, over several stores. `prepare` may change what a link sends.
///
/// # Errors
/// The first case where the store does what the model does not.
pub fn run(url: &str, seed: u64, cases: u64, prepare: &dyn Fn(&mut Link)) -> Result<()> {
    let mut done = 0;
    let mut number = 0;
    while done < cases {
        number += 1;
        let name = format!("{}-{seed}-{number}-{}", std::process::id(), unique());
        let mut store = Store::open(url, &name, seed.wrapping_mul(1_000_003).wrapping_add(number), prepare)?;
        store.live(&mut done).with_context(|| format!("seed {seed}, store {number}, case {done}"))?;
    }
    Ok(())
}

/// A number that no other store of this process has.
#[must_use]
pub fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

struct Store {
    /// What one appends, the others have to learn.
    clients: Vec<Client>,
    model: Model,
    draw: Draw,
}

impl Store {
    fn open(url: &str, name: &str, seed: u64, prepare: &dyn Fn(&mut Link)) -> Result<Self> {
        let mut random = Random::new(seed);
        let large = random.one_in(4);
        let most = if large { 40_000 } else { 3000 };
        let segment_bytes = random.between(100, most);
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = Client::open(url, name)?;
            client.segment_bytes = segment_bytes;
            prepare(&mut client.link);
            clients.push(client);
        }
        Ok(Self { clients, model: Model::default(), draw: Draw { random, large } })
    }

    fn live(&mut self, done: &mut u64) -> Result<()> {
        for _ in 0..if self.draw.large { 15 } else { self.draw.random.between(30, 120) } {
            match self.draw.random.below(10) {
                0..=5 => self.append()?,
                6 => self.commands()?,
                _ => self.read()?,
            }
            *done += 1;
        }
        // The same question from every place.
        let query = self.draw.query();
        let step = self.model.head() / 40 + 1;
        for from in (0..=self.model.head()).step_by(step as usize) {
            for backwards in [false, true] {
                let read = self.draw.page(&query, from, backwards);
                self.all_pages(&read).with_context(|| format!("{read:?}"))?;
                *done += 1;
            }
        }
        Ok(())
    }

    fn client(&mut self) -> Result<&mut Client> {
        let index = self.draw.random.below(self.clients.len() as u64) as usize;
        self.clients.get_mut(index).context("no client")
    }

    fn append(&mut self) -> Result<()> {
        let appending = self.draw.appending(&self.model);
        // What is too broad is not written.
        let before = (appending.budget > 0).then(|| self.model.clone());
        let expected = self.model.append(&appending);
        let outcome = self.client()?.append(&appending)?.map_err(crate::client::fault)?;
        let right = match (&outcome, &expected) {
            (Outcome::TooBroad, Outcome::Conflict { .. } | Outcome::Appended(_)) => {
                self.model = before.unwrap_or_default();
                may_be_broad(&appending)
            }
            (Outcome::Conflict { head, position }, Outcome::Conflict { .. }) => {
                *head == self.model.head() && is_last_of_an_item(&appending, &self.model, *position)
            }
            _ => outcome == expected,
        };
        ensure!(right, "{appending:?}\ngave {outcome:?},\nnot {expected:?}\nat head {}", self.model.head());
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let query = self.draw.query();
        let head = self.model.head();
        let (from, backwards) = (self.draw.random.between(0, head + 1), self.draw.random.one_in(2));
        let mut read = self.draw.page(&query, from, backwards);
        if self.draw.random.one_in(4) {
            let position = self.draw.random.between(0, head + 2);
            let right = self.draw.random.one_in(2);
            let id = if right { self.model.id(position) } else { self.draw.id() };
            read.check = Some(at(position, id));
            let expected = match position {
                0 => None,
                _ if position > head => Some(Missed::Ahead(head)),
                _ if id.tail() != self.model.id(position).tail() => Some(Missed::Rewritten(position)),
                _ => None,
            };
            if let Some(missed) = expected {
                let outcome = self.client()?.page(&read)?;
                ensure!(outcome == Err(missed.clone()), "{read:?}\ngave {outcome:?},\nnot {missed:?}");
                return Ok(());
            }
        }
        self.all_pages(&read).with_context(|| format!("{read:?}"))
    }

    /// Reads page after page, and appends in between, which must not be seen.
    fn all_pages(&mut self, first: &page::Read<'_>) -> Result<()> {
        let until = first.until.unwrap_or(u64::MAX).min(self.model.head());
        let expected = if first.backwards {
            let before = if first.from == 0 { u64::MAX } else { first.from - 1 };
            let mut positions = self.model.matching(first.query, 1, until.min(before));
            positions.reverse();
            positions
        } else {
            self.model.matching(first.query, first.from + 1, until)
        };
        let (mut read, mut found) = (*first, Vec::new());
        loop {
            let page = self.client()?.page(&read)?.map_err(|missed| anyhow::anyhow!("{missed:?}"))?;
            let looked = page.looked;
            ensure!(page.events.len() <= read.limit as usize, "the page has {} events", page.events.len());
            for event in &page.events {
                self.same(event)?;
                let position = event.event.position;
                ensure!(
                    if read.backwards { position >= looked } else { position <= looked },
                    "looked up to {looked} only"
                );
            }
            found.extend(page.events.iter().map(|event| event.event.position));
            ensure!(expected.starts_with(&found), "found {found:?},\nnot {expected:?}");
            if read.until.is_none() {
                let (head, id) = (self.model.head(), self.model.id(self.model.head()).tail());
                ensure!(page.head == at(head, coracle_events::event::Id(id.into())), "the head is {:?}", page.head);
            }
            if page.end {
                break;
            }
            let on = if read.backwards { read.from == 0 || looked < read.from } else { looked > read.from };
            ensure!(on, "looked up to {looked} from {}", read.from);
            let behind = if read.backwards {
                expected.iter().filter(|position| **position >= looked).count()
            } else {
                expected.iter().filter(|position| **position <= looked).count()
            };
            ensure!(behind == found.len(), "up to {looked} there are {behind}, not {}: {found:?}", found.len());
            (read.from, read.check, read.until) = (looked, None, Some(until));
            if self.draw.random.one_in(if self.draw.large { 40 } else { 8 }) {
                self.append()?;
            }
        }
        ensure!(found == expected, "found {found:?},\nnot {expected:?}");
        Ok(())
    }

    fn same(&self, whole: &Whole) -> Result<()> {
        let position = whole.event.position;
        let (given, command) = self.model.events.get(position as usize - 1).context("no such event")?;
        let same = whole.event.id == given.event.id
            && whole.event.kind == given.event.kind
            && whole.event.tags == given.event.tags
            && whole.event.command == *command
            && whole.data == given.data
            && whole.metadata == given.metadata;
        ensure!(same, "read {whole:?},\nnot {given:?} of command {command}");
        Ok(())
    }

    fn commands(&mut self) -> Result<()> {
        let count = self.model.commands.len() as u64;
        let (limit, bytes) = (self.draw.random.between(1, 7) as u32, self.draw.random.between(1, 500) as u32);
        let mut number = self.draw.random.between(1, count + 1);
        let mut since = Since::Number(number);
        let mut first = true;
        loop {
            let (commands, next, end) = self.client()?.commands(since, limit, bytes)?;
            ensure!(
                commands.len() <= limit as usize && (end || !commands.is_empty()),
                "{since:?} of {count}: {commands:?}"
            );
            for (command, data, metadata) in &commands {
                let record = self.model.commands.get(number as usize - 1).context("no such command")?;
                let given = (command.id, command.kind.clone(), data.clone(), metadata.clone());
                let same = command.number == number && given == record.command;
                ensure!(
                    same && (command.first, command.last) == (record.first, record.last),
                    "{command:?}\nnot {record:?}"
                );
                number += 1;
            }
            if first && let Some((command, ..)) = commands.first() {
                self.since(command.time)?;
            }
            first = false;
            ensure!(next == number, "the next is {next}, not {number}");
            if end {
                break;
            }
            since = Since::Number(next);
        }
        ensure!(number == count + 1, "ended before {number} of {count}");
        Ok(())
    }

    /// The first command of this time is the first that is not older.
    fn since(&mut self, time: u64) -> Result<()> {
        let (commands, next, _) = self.client()?.commands(Since::Time(time), 1, 1)?;
        let (command, ..) = commands.first().context("none since a command's time")?;
        ensure!(command.time == time && next == command.number + 1, "since {time}: {command:?}");
        if command.number > 1 {
            let (before, ..) = self.client()?.commands(Since::Number(command.number - 1), 1, 1)?;
            let (before, ..) = before.first().context("none before")?;
            ensure!(before.time < time, "{before:?} is not older than {time}");
        }
        let (none, next, end) = self.client()?.commands(Since::Time(u64::from(u32::MAX) * 1_000_000), 1, 1)?;
        ensure!(none.is_empty() && end && next == self.model.commands.len() as u64 + 1, "since ever: {none:?}, {next}");
        Ok(())
    }
}

/// Only for items with several tags, and a small budget.
fn may_be_broad(appending: &Appending) -> bool {
    let condition = appending.condition.as_ref();
    appending.budget > 0
        && condition.is_some_and(|condition| condition.query.items.iter().any(|item| item.tags.len() > 1))
}

fn is_last_of_an_item(appending: &Appending, model: &Model, position: u64) -> bool {
    let Some(condition) = &appending.condition else { return false };
    condition.query.items.iter().any(|item| {
        let query = Query { items: vec![item.clone()] };
        model.matching(&query, condition.after.position + 1, model.head()).last() == Some(&position)
    })
}
