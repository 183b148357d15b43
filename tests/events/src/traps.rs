//! What scripts of this kind went wrong at, one by one. What the model's cases meet anyway is not repeated here.

use anyhow::{Context, Result, ensure};
use coracle_events::event::{Cursor, Event, Id};
use coracle_events::fault::Fault;
use coracle_events::plan::append::{Condition, Marker, Outcome};
use coracle_events::plan::{bell, checkpoint, lock, page};
use coracle_events::query::{Item, Query};
use redis::Value;

use crate::check::unique;
use crate::client::{Appending, Client, Given, at, everything, fault};
use crate::link::Link;

mod large;
mod leases;
mod wrong;

/// A trap, on a store of its own.
pub type Trap = fn(&mut Client) -> Result<()>;

/// All of them, by name.
pub const TRAPS: &[(&str, Trap)] = &[
    ("two identical conditional appends", identical),
    ("markers live as long as asked", markers),
    ("time never goes back", time),
    ("large positions", large::positions),
    ("the 4097th type", large::types),
    ("1000 events with 32 tags", large::batch),
    ("an event of 1 MiB, and empty ones", large::event),
    ("disjoint tags of many events", large::disjoint),
    ("what a budget buys", large::budget),
    ("several chunks of one list", large::chunks),
    ("bytes end a page", large::bytes),
    ("full segments", large::segments),
    ("an append needs its locks", leases::needed),
    ("a lock has one holder", leases::one),
    ("a checkpoint moves from where it is", leases::moves),
    ("another layout", layout),
    ("the bell rings while somebody listens", rings),
    ("keys of another kind", wrong::kinds),
    ("keys of another kind in a new store", wrong::new),
    ("keys that its user may not write all", wrong::refused),
    ("keys that lost their end", wrong::ends),
];

/// Runs one on a store of its own.
///
/// # Errors
/// It went wrong.
pub fn run(url: &str, (name, trap): (&str, Trap), prepare: &dyn Fn(&mut Link)) -> Result<()> {
    let mut client = Client::open(url, &format!("trap-{}-{}", std::process::id(), unique()))?;
    prepare(&mut client.link);
    trap(&mut client).with_context(|| name.to_owned())
}

fn identical(client: &mut Client) -> Result<()> {
    let query = Query { items: vec![item(&["Claimed"], &["name:x"])] };
    let claim = Appending {
        events: vec![given(1, "Claimed", &["name:x"])],
        condition: Some(Condition { query, after: Cursor::default() }),
        ..Appending::default()
    };
    let first = client.append(&claim)?.map_err(fault)?;
    ensure!(matches!(first, Outcome::Appended(_)), "{first:?}");
    let second = client.append(&claim)?.map_err(fault)?;
    ensure!(second == Outcome::Conflict { head: 1, position: 1 }, "{second:?}");
    Ok(())
}

fn markers(client: &mut Client) -> Result<()> {
    for (id, ttl) in [(1, 0), (2, 100_000)] {
        let marker = Some(Marker { id: Id(id), fingerprint: 5, ttl });
        let appending = Appending { events: vec![given(1, "A", &[])], marker, ..Appending::default() };
        client.append(&appending)?.map_err(fault)?;
        let key = String::from_utf8(client.link.keys().get(4).context("no key")?.clone())?;
        let Value::Int(left) = client.link.query(&["PTTL", &key])? else { anyhow::bail!("no PTTL") };
        ensure!(if ttl == 0 { left == -1 } else { (50_000..=100_000).contains(&left) }, "{left} for {ttl}");
    }
    Ok(())
}

fn time(client: &mut Client) -> Result<()> {
    append(client, vec![given(1, "A", &[])])?;
    let future = 4_000_000_000_000_u64;
    let state = format!("3 1 1 0 {future} 1 0 100 1 0");
    let key = client.layout.bell().replace(":b", ":h");
    client.link.query(&["HSET", &key, "s", &state])?;
    append(client, vec![given(2, "A", &[])])?;
    let events = all(client)?.events;
    ensure!(events.last().is_some_and(|event| event.event.time == future), "{events:?}");
    Ok(())
}

/// A store of an earlier version is neither read nor written, and the error says what can be done.
fn layout(client: &mut Client) -> Result<()> {
    let key = client.layout.bell().replace(":b", ":h");
    client.link.query(&["HSET", &key, "s", "1 1 1 0 1700000000000 1 0 100 1 0", "o0", "1 1 1700000000000"])?;
    let said = |fault: Fault| matches!(fault, Fault::Corrupt(at, what) if at == key && what.contains("export"));
    let appended = client.append(&Appending { events: vec![given(2, "A", &[])], ..Appending::default() })?;
    ensure!(appended.is_err_and(said), "it was written to");
    ensure!(read(client, &reading(&everything())).is_err(), "it was read");
    ensure!(client.meta().is_err_and(|error| format!("{error:#}").contains("export")), "its state was read");
    Ok(())
}

fn rings(client: &mut Client) -> Result<()> {
    let bell = client.layout.bell();
    let rung = |client: &mut Client| -> Result<Value> {
        append(client, vec![given(1, "A", &[]), given(2, "A", &[])])?;
        client.link.query(&["XLEN", &bell])
    };
    ensure!(rung(client)? == Value::Int(1), "there is none");
    ensure!(rung(client)? == Value::Int(1), "it rang for nobody");
    client.link.send(&bell::listen(&client.layout, 60_000), &[])?;
    ensure!(rung(client)? == Value::Int(2), "it does not ring");
    // Who listens for longer counts.
    client.link.send(&bell::listen(&client.layout, 0), &[])?;
    ensure!(rung(client)? == Value::Int(3), "it rings no more");
    let key = client.layout.bell().replace(":b", ":h");
    client.link.query(&["HSET", &key, "w", "1600000000000"])?;
    ensure!(rung(client)? == Value::Int(3), "it rings for who left");
    Ok(())
}

fn given(id: u128, kind: &str, tags: &[&str]) -> Given {
    let mut tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
    tags.sort_unstable();
    let event = Event { id: Id(id), kind: kind.to_owned(), tags, data: 0, metadata: 0 };
    Given { event, data: Vec::new(), metadata: Vec::new() }
}

fn item(types: &[&str], tags: &[&str]) -> Item {
    let sorted = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(ToString::to_string).collect();
        words.sort_unstable();
        words
    };
    Item { types: sorted(types), tags: sorted(tags) }
}

fn append(client: &mut Client, events: Vec<Given>) -> Result<()> {
    let outcome = client.append(&Appending { events, ..Appending::default() })?.map_err(fault)?;
    ensure!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
    Ok(())
}

fn reading(query: &Query) -> page::Read<'_> {
    page::Read {
        query,
        from: 0,
        until: None,
        backwards: false,
        check: None,
        limit: 1000,
        bytes: 1 << 24,
        budget: 1 << 24,
    }
}

fn read(client: &mut Client, read: &page::Read<'_>) -> Result<crate::client::Read> {
    client.page(read)?.map_err(|missed| anyhow::anyhow!("{missed:?}"))
}

fn all(client: &mut Client) -> Result<crate::client::Read> {
    read(client, &reading(&everything()))
}
