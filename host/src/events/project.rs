//! Projections: states made of events.

use super::cursor::{Condition, Cursor};
use super::error::EventError;
use super::event::Recorded;
use super::query::Query;
use super::read::Reader;
use super::{Decision, EventStore};

/// How a state is made of events: which ones, what it is before the first, and what each one does to it.
///
/// ```
/// use coracle::events::{Item, Projection, Query};
///
/// let subscribed = Projection::new(
///     Item::types(["StudentSubscribed"]).tag("course:c1").into(),
///     0,
///     |count: &mut u32, _| *count += 1,
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Projection<S, F> {
    query: Query,
    state: S,
    apply: F,
}

/// One or several projections that are made in one pass: a [`Projection`], a tuple of up to eight, or a `Vec`.
pub trait Projections {
    /// Their states, in the same shape.
    type States;

    /// Appends the query of each.
    fn queries(&self, into: &mut Vec<Query>);

    /// Applies an event to those that it is for. `next` is the number of the first one's query, and then of the one
    /// that follows the last.
    fn apply(&mut self, event: &Recorded, next: &mut usize);

    /// What has become of them.
    fn states(self) -> Self::States;
}

/// What was made of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Projected<S> {
    /// The states.
    pub states: S,
    /// That nothing was appended since that would change them.
    pub condition: Condition,
    /// The head of the log that was read up to.
    pub head: Cursor,
}

impl<S, F: FnMut(&mut S, &Recorded)> Projection<S, F> {
    /// The state of what `apply` makes of the events that match, one after the other.
    pub fn new(query: Query, state: S, apply: F) -> Self {
        Self { query, state, apply }
    }
}

impl<S, F: FnMut(&mut S, &Recorded)> Projections for Projection<S, F> {
    type States = S;

    fn queries(&self, into: &mut Vec<Query>) {
        into.push(self.query.clone());
    }

    fn apply(&mut self, event: &Recorded, next: &mut usize) {
        if event.is_of(*next) {
            (self.apply)(&mut self.state, event);
        }
        *next += 1;
    }

    fn states(self) -> S {
        self.state
    }
}

impl<P: Projections> Projections for Vec<P> {
    type States = Vec<P::States>;

    fn queries(&self, into: &mut Vec<Query>) {
        self.iter().for_each(|projection| projection.queries(into));
    }

    fn apply(&mut self, event: &Recorded, next: &mut usize) {
        self.iter_mut().for_each(|projection| projection.apply(event, next));
    }

    fn states(self) -> Self::States {
        self.into_iter().map(P::states).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        #[expect(non_snake_case, reason = "the names of types name the values too")]
        impl<$($name: Projections),*> Projections for ($($name,)*) {
            type States = ($($name::States,)*);

            fn queries(&self, into: &mut Vec<Query>) {
                let ($($name,)*) = self;
                $($name.queries(into);)*
            }

            fn apply(&mut self, event: &Recorded, next: &mut usize) {
                let ($($name,)*) = self;
                $($name.apply(event, next);)*
            }

            fn states(self) -> Self::States {
                let ($($name,)*) = self;
                ($($name.states(),)*)
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

impl EventStore {
    /// Makes projections, all in one pass, of at most 64 queries, and the condition for what was read.
    ///
    /// ```no_run
    /// # use coracle::events::*;
    /// # async fn example(store: EventStore) -> Result<(), EventError> {
    /// let exists = Projection::new(Query::tags(["course:c1"]), false, |exists: &mut bool, _| *exists = true);
    /// let projected = store.project(exists).await?;
    /// if !projected.states {
    ///     let event = Event::new("CourseDefined").tag("course:c1");
    ///     store.append([event], projected.condition).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn project<P: Projections>(&self, projections: P) -> Result<Projected<P::States>, EventError> {
        let mut queries = Vec::new();
        projections.queries(&mut queries);
        run(projections, Reader::new(&self.inner, queries, None)).await
    }
}

impl Decision {
    /// Makes projections, as [`EventStore::project`] does: the append depends on what was read for them.
    pub async fn project<P: Projections>(&self, projections: P) -> Result<P::States, EventError> {
        let mut queries = Vec::new();
        projections.queries(&mut queries);
        Ok(run(projections, self.reader(queries)).await?.states)
    }
}

async fn run<P: Projections>(mut projections: P, mut reader: Reader) -> Result<Projected<P::States>, EventError> {
    while let Some(event) = reader.next().await {
        projections.apply(&event?, &mut 0);
    }
    let (Some(condition), Some(head)) = (reader.condition(), reader.head()) else {
        return Err(EventError::core(true, "a read ended without saying where"));
    };
    Ok(Projected { states: projections.states(), condition, head })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Id, Item};

    fn event(position: u64, matches: u64) -> Recorded {
        Recorded {
            position,
            time: std::time::UNIX_EPOCH,
            command: 0,
            id: Id::NIL,
            type_: String::new(),
            tags: Vec::new(),
            data: bytes::Bytes::new(),
            metadata: bytes::Bytes::new(),
            matches,
        }
    }

    #[test]
    fn each_projection_sees_what_its_query_matches() {
        let seen = |tag: &str| {
            Projection::new(Query::tags([tag]), Vec::new(), |seen: &mut Vec<u64>, event: &Recorded| {
                seen.push(event.position);
            })
        };
        let mut all = (seen("a:1"), vec![seen("b:1"), seen("c:1")], (seen("d:1"),));
        let mut queries = Vec::new();
        all.queries(&mut queries);
        let expected: Vec<Query> = ["a:1", "b:1", "c:1", "d:1"].map(|tag| Item::tags([tag]).into()).into();
        assert_eq!(queries, expected);
        for (position, matches) in [(1, 0b0001), (2, 0b1010), (3, 0b0100), (4, 0b1111)] {
            all.apply(&event(position, matches), &mut 0);
        }
        assert_eq!(all.states(), (vec![1, 4], vec![vec![2, 4], vec![3, 4]], (vec![2, 4],)));
    }
}
