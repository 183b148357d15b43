//! Which events.

/// Events that match any of its items. Made by `validate::query`, which sorts it and takes out what adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// None match nothing; one without types and tags matches all.
    pub items: Vec<Item>,
}

/// Events of any of these types *and* with all of these tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Sorted, none twice. None for any type.
    pub types: Vec<String>,
    /// Sorted, none twice. None for any tags.
    pub tags: Vec<String>,
}

impl Query {
    /// Whether an event of this type with these sorted tags matches.
    #[must_use]
    pub fn matches(&self, kind: &str, tags: &[impl AsRef<str>]) -> bool {
        self.items.iter().any(|item| item.matches(kind, tags))
    }

    /// Events that match any of the queries: what is read for several at once, and the condition of what was read.
    #[must_use]
    pub fn union(queries: &[Self]) -> Self {
        let mut items: Vec<Item> = queries.iter().flat_map(|query| query.items.iter().cloned()).collect();
        items.sort_unstable();
        items.dedup();
        Self { items }.simplified()
    }

    /// Which of these queries an event matches: bit i for the query i, of which there are at most 64.
    #[must_use]
    pub fn mask(queries: &[Self], kind: &str, tags: &[impl AsRef<str>]) -> u64 {
        let bits = queries.iter().zip(0_u32..64).filter(|(query, _)| query.matches(kind, tags));
        bits.fold(0, |mask, (_, bit)| mask | (1 << bit))
    }

    /// One item for all that have no tags, and that one alone if it matches everything. Items must be sorted.
    pub(crate) fn simplified(self) -> Self {
        if self.items.iter().all(|item| !item.tags.is_empty()) {
            return self;
        }
        let (bare, mut items): (Vec<Item>, Vec<Item>) = self.items.into_iter().partition(|item| item.tags.is_empty());
        if bare.iter().any(|item| item.types.is_empty()) {
            return Self { items: vec![Item::default()] };
        }
        let mut types: Vec<String> = bare.into_iter().flat_map(|item| item.types).collect();
        if !types.is_empty() {
            types.sort_unstable();
            types.dedup();
            items.insert(0, Item { types, tags: Vec::new() });
        }
        Self { items }
    }
}

impl Item {
    /// Whether an event of this type with these sorted tags matches.
    #[must_use]
    pub fn matches(&self, kind: &str, tags: &[impl AsRef<str>]) -> bool {
        let has = |tag: &str| tags.binary_search_by(|own| own.as_ref().cmp(tag)).is_ok();
        (self.types.is_empty() || self.types.iter().any(|own| own == kind)) && self.tags.iter().all(|tag| has(tag))
    }
}
