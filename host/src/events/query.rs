//! Which events are meant.

use crate::engine::store as wire;

/// Which events: those that match any of its items.
///
/// ```
/// use coracle::events::{Item, Query};
///
/// // What is known of a course, or of this student's subscriptions.
/// let query = Query::tags(["course:c1"]).or(Item::types(["StudentSubscribed"]).tag("student:s1"));
/// assert_eq!(query.items().len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    items: Vec<Item>,
}

/// Events of any of these types *and* with all of these tags. None of either means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    types: Vec<String>,
    tags: Vec<String>,
}

impl Query {
    /// All events.
    #[must_use]
    pub fn all() -> Self {
        Self { items: vec![Item::default()] }
    }

    /// Events with all of these tags.
    pub fn tags<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Item::tags(tags).into()
    }

    /// Events of any of these types.
    pub fn types<T: Into<String>>(types: impl IntoIterator<Item = T>) -> Self {
        Item::types(types).into()
    }

    /// Those that this item means too.
    #[must_use]
    pub fn or(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    /// Its items. A query without any is refused.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn wire(&self) -> Vec<wire::Item> {
        self.items.iter().map(|item| wire::Item { types: item.types.clone(), tags: item.tags.clone() }).collect()
    }
}

impl Item {
    /// Events of any of these types.
    pub fn types<T: Into<String>>(types: impl IntoIterator<Item = T>) -> Self {
        Self { types: types.into_iter().map(Into::into).collect(), tags: Vec::new() }
    }

    /// Events with all of these tags.
    pub fn tags<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self { types: Vec::new(), tags: tags.into_iter().map(Into::into).collect() }
    }

    /// Only those that have this tag too.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Only those of this type, or of another one that was named.
    #[must_use]
    pub fn of_type(mut self, type_: impl Into<String>) -> Self {
        self.types.push(type_.into());
        self
    }
}

impl From<Item> for Query {
    fn from(item: Item) -> Self {
        Self { items: vec![item] }
    }
}

impl FromIterator<Item> for Query {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_apart() {
        let query = Query::tags(["a:1", "b:2"]).or(Item::types(["T"]).of_type("U").tag("c:3"));
        let wire = query.wire();
        assert_eq!((wire[0].types.len(), &wire[0].tags), (0, &vec!["a:1".to_owned(), "b:2".to_owned()]));
        assert_eq!((&wire[1].types, &wire[1].tags), (&vec!["T".to_owned(), "U".to_owned()], &vec!["c:3".to_owned()]));
        assert_eq!(Query::all().wire().len(), 1);
        assert_eq!(Query::default().wire().len(), 0, "all is said, not assumed");
        assert_eq!(query.items().iter().cloned().collect::<Query>(), query);
    }
}
