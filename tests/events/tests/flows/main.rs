//! The flows of a store against real servers.
#![expect(clippy::panic, clippy::unwrap_used, reason = "clippy allows them in tests, but not in what tests share")]

mod appending;
mod executing;
mod following;
mod parallel;
mod server;

use std::sync::{Arc, Barrier, Mutex};

use anyhow::Result;
use conformance::Kind;
use coracle_events::event::{Cursor, Id};
use coracle_events::given::{Acknowledgements, Durability, Selection, Since};
use coracle_events::query::Item;
use coracle_events::step::{Decision, Fault, Outcome, Step};
use coracle_events::store::Store;
use events::host::{
    Caller, Decided, Host, Keeper, Mishap, Nobody, Seen, command, event, item, retries, selection, settings,
};
use events::target::Target;

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

fn cursor(seen: &Seen) -> Cursor {
    Cursor { position: seen.position, id: seen.id }
}

fn places(ending: &Result<Outcome, Fault>) -> (u64, u64, bool) {
    match ending {
        Ok(Outcome::Appended(appended)) => (appended.first, appended.last, appended.repeated),
        other => panic!("{other:?}"),
    }
}

fn positions(seen: &[Seen]) -> Vec<u64> {
    seen.iter().map(|event| event.position).collect()
}
