//! The types and tags of one step, each once; in a script's plan they are known by their places, from 1.

use crate::layout::Layout;
use crate::pieces::Commands;
use crate::query::Query;

/// Before a type's name, in the state's hash: the field of its number.
pub(crate) const TYPE_NUMBER: u8 = b'n';
/// Likewise of its last position.
pub(crate) const TYPE_LAST: u8 = b'p';

/// Writes the fields of the types, as a script's first arguments.
pub(crate) fn fields(commands: &mut Commands, types: &Terms<'_>) {
    for kind in types.iter() {
        commands.prefixed(TYPE_NUMBER, kind.as_bytes());
        commands.prefixed(TYPE_LAST, kind.as_bytes());
    }
}

/// Some strings, sorted, none twice.
pub(crate) struct Terms<'a> {
    sorted: Vec<&'a str>,
}

impl<'a> Terms<'a> {
    pub(crate) fn new(mut terms: Vec<&'a str>) -> Self {
        terms.sort_unstable();
        terms.dedup();
        Self { sorted: terms }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.sorted.iter().copied()
    }

    fn place(&self, term: &str) -> u16 {
        // All terms that are asked for are there.
        self.sorted.binary_search(&term).map_or(0, |index| index.saturating_add(1) as u16)
    }
}

/// Most plans are not longer.
const USUAL_WORDS: usize = 32;

/// What a script's plan is written into: numbers of 16 bits.
pub(crate) struct Spec(Vec<u8>);

impl Spec {
    /// Of a script that is told so many fields of the state's hash, by the arguments behind the plan.
    pub(crate) fn new(fields: usize) -> Self {
        let mut spec = Self(Vec::with_capacity(USUAL_WORDS));
        spec.word(fields);
        spec
    }

    /// A byte, or 255 and two.
    pub(crate) fn word(&mut self, word: usize) {
        if word < 255 {
            self.0.push(word as u8);
        } else {
            self.0.push(255);
            self.0.extend_from_slice(&(word as u16).to_be_bytes());
        }
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.word(flag.into());
    }

    pub(crate) fn places<'a>(&mut self, of: &[String], among: &Terms<'a>) {
        self.word(of.len());
        for term in of {
            self.word(among.place(term).into());
        }
    }

    pub(crate) fn place(&mut self, of: &str, among: &Terms<'_>) {
        self.word(among.place(of).into());
    }

    pub(crate) fn items(&mut self, query: &Query, types: &Terms<'_>, tags: &Terms<'_>) {
        self.word(query.items.len());
        for item in &query.items {
            self.places(&item.types, types);
            self.places(&item.tags, tags);
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An append of one event with two tags has as many.
const USUAL_KEYS: usize = 12;

/// Keys of a script's call, collected before they are written, as their number comes first.
pub(crate) struct Keys<'a> {
    layout: &'a Layout,
    keys: Vec<String>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        Self { layout, keys: Vec::with_capacity(USUAL_KEYS) }
    }

    pub(crate) fn one(&mut self, suffix: &str) {
        self.keys.push(self.layout.key(suffix));
    }

    pub(crate) fn whole(&mut self, key: String) {
        self.keys.push(key);
    }

    pub(crate) fn begin(&self, commands: &mut Commands, script: &crate::scripts::Script) {
        commands.make_room(self.keys.len(), self.keys.iter().map(String::len).sum());
        commands.call(script, self.keys.len());
        for key in &self.keys {
            commands.text(key.as_bytes());
        }
    }
}
