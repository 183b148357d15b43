//! What the cases are made of. Few words, so that they meet.

use coracle_events::event::{Event, Id};
use coracle_events::plan::append::{Condition, Marker};
use coracle_events::plan::page;
use coracle_events::query::{Item, Query};
use coracle_events::validate;

use crate::client::{Appending, Given, at};
use crate::model::Model;
use crate::random::Random;

const KINDS: [&str; 5] = ["Opened", "Closed", "1", "head", "A type {with} ünusual: bytes\0"];
const TAGS: [&str; 8] = ["a:1", "a:2", "b:1", "b:2", "c:1", "rare:1", "{x}:ü y", "n:\0\r\n"];

pub struct Draw {
    pub random: Random,
    /// Lists of many entries, rather than many small appends.
    pub large: bool,
}

impl Draw {
    pub fn appending(&mut self, model: &Model) -> Appending {
        let most = if self.large { 300 } else { 5 };
        let count = if self.random.one_in(6) { 0 } else { self.random.between(1, most) };
        let events: Vec<Given> = (0..count).map(|_| self.given()).collect();
        let command = count == 0 || self.random.one_in(3);
        let command = command.then(|| (self.id(), self.kind(), self.bytes(), self.bytes()));
        // From a few, so that some come again.
        let marker = self.random.one_in(3).then(|| Marker {
            id: Id(self.random.below(12).into()),
            fingerprint: if self.random.one_in(3) { self.random.wide() } else { 7 },
            ttl: if self.random.one_in(2) { 0 } else { 3_600_000 },
        });
        let condition = if self.random.one_in(3) { None } else { Some(self.condition(model)) };
        let budget = if self.random.one_in(3) { self.random.between(1, 20) as u32 } else { 0 };
        Appending { events, condition, marker, command, locks: Vec::new(), budget }
    }

    fn condition(&mut self, model: &Model) -> Condition {
        let head = model.head();
        let position = match self.random.below(8) {
            0 => 0,
            1 => head + self.random.between(0, 2),
            2..=4 => head,
            _ => self.random.between(0, head),
        };
        let id = if self.random.one_in(12) { self.id() } else { model.id(position) };
        Condition { query: self.query(), after: at(position, id) }
    }

    pub fn page<'a>(&mut self, query: &'a Query, from: u64, backwards: bool) -> page::Read<'a> {
        let random = &mut self.random;
        // Few pages of a large store.
        let scale = if self.large { 40 } else { 1 };
        page::Read {
            query,
            from,
            until: random.one_in(3).then(|| random.between(0, from + 30)),
            backwards,
            check: None,
            limit: if random.one_in(2) { random.between(1, 9 * scale) as u32 } else { 1000 },
            bytes: if random.one_in(3) { random.between(1, 300 * scale) as u32 } else { 1 << 20 },
            budget: if random.one_in(3) { random.between(scale, 40 * scale) as u32 } else { 1 << 20 },
        }
    }

    pub fn query(&mut self) -> Query {
        let most = if self.random.one_in(3) { 4 } else { 1 };
        let items = (0..self.random.between(1, most)).map(|_| self.item()).collect();
        validate::query("query", items).unwrap_or_default()
    }

    pub fn id(&mut self) -> Id {
        Id(self.random.wide())
    }

    fn item(&mut self) -> Item {
        let types = if self.random.one_in(2) { 0 } else { self.random.between(1, 3) };
        let tags = if self.random.one_in(4) { 0 } else { self.random.between(1, 3) };
        let unknown = self.random.one_in(15);
        let mut types: Vec<String> = (0..types).map(|_| self.kind()).collect();
        if unknown {
            types = vec!["Unknown".to_owned()];
        }
        let mut tags: Vec<String> = (0..tags).map(|_| self.tag()).collect();
        if self.random.one_in(15) {
            tags.push("not:there".to_owned());
        }
        Item { types, tags }
    }

    fn given(&mut self) -> Given {
        let mut tags: Vec<String> = (0..self.random.below(4)).map(|_| self.tag()).collect();
        tags.sort_unstable();
        tags.dedup();
        let (data, metadata) = (self.bytes(), self.bytes());
        let event =
            Event { id: self.id(), kind: self.kind(), tags, data: data.len() as u32, metadata: metadata.len() as u32 };
        Given { event, data, metadata }
    }

    fn kind(&mut self) -> String {
        pick(&mut self.random, &KINDS)
    }

    fn tag(&mut self) -> String {
        let tag = pick(&mut self.random, &TAGS);
        let rare = tag == "rare:1" && !self.random.one_in(20);
        if rare { "a:1".to_owned() } else { tag }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let most = match self.random.below(40) {
            0 => 6000,
            1..=9 => 200,
            _ => 12,
        };
        (0..self.random.below(most)).map(|_| self.random.any() as u8).collect()
    }
}

fn pick(random: &mut Random, words: &[&str]) -> String {
    words.get(random.below(words.len() as u64) as usize).copied().unwrap_or_default().to_owned()
}
