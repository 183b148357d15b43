//! Keys that are not as the store left them.

use std::collections::BTreeMap;

use coracle_events::fault::Fault;
use coracle_events::plan::lock::Token;

use super::*;

/// An append that meets a key of another kind says so, and writes nothing.
pub(super) fn kinds(client: &mut Client) -> Result<()> {
    client.link.send(&bell::listen(&client.layout, 60_000), &[])?;
    append(client, vec![given(1, "A", &["a:1", "b:1"]), given(9, "Z", &[])])?;
    client.link.send(&lock::take(&client.layout, "x", Token(1), 60_000), &[])?;
    let query = Query { items: vec![item(&["A"], &["c:1"]), item(&["B"], &[])] };
    let appending = Appending {
        // The first tag that is written to is not the first that the append knows.
        events: vec![given(2, "A", &["b:1"]), given(3, "B", &["a:1"])],
        condition: Some(Condition { query, after: at(1, Id(1)) }),
        command: Some((Id(4), "Do".to_owned(), Vec::new(), Vec::new())),
        marker: Some(Marker { id: Id(4), fingerprint: 4, ttl: 0 }),
        locks: vec![("x".to_owned(), Token(1))],
        ..Appending::default()
    };
    // Which keys it has: as it is sent, and then as if it had not been.
    let before = contents(client)?;
    let done = client.append(&appending)?.map_err(fault)?;
    ensure!(matches!(done, Outcome::Appended(_)), "{done:?}");
    let keys: Vec<String> = client.link.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    for key in keys {
        restore(client, &before)?;
        let string = key.contains(":d:") || key.contains(":k:");
        client.link.query(&["DEL", &key])?;
        if string {
            client.link.query(&["RPUSH", &key, "1"])?;
        } else {
            client.link.query(&["SET", &key, "1"])?;
        }
        let with = contents(client)?;
        match client.append(&appending)? {
            Err(Fault::Server(line)) => ensure!(line.contains("WRONGTYPE"), "{key}: {line}"),
            other => anyhow::bail!("{key}: {other:?}"),
        }
        ensure!(contents(client)? == with, "{key}: something was written");
    }
    Ok(())
}

/// Likewise the first append of all: there is no store behind it.
pub(super) fn new(client: &mut Client) -> Result<()> {
    let list = client.layout.bell().replace(":b", ":g:a:1");
    client.link.query(&["SET", &list, "1"])?;
    client.link.send(&bell::listen(&client.layout, 60_000), &[])?;
    let before = contents(client)?;
    let appending = Appending { events: vec![given(1, "A", &["a:1"])], ..Appending::default() };
    let outcome = client.append(&appending)?;
    ensure!(matches!(outcome, Err(Fault::Server(_))), "{outcome:?}");
    ensure!(contents(client)? == before, "something was written");
    client.link.query(&["DEL", &list])?;
    let outcome = client.append(&appending)?.map_err(fault)?;
    ensure!(matches!(&outcome, Outcome::Appended(done) if done.last == 1), "{outcome:?}");
    Ok(())
}

/// A command that the server refuses in the middle of an append has it taken back.
pub(super) fn refused(client: &mut Client) -> Result<()> {
    client.link.send(&bell::listen(&client.layout, 60_000), &[])?;
    append(client, vec![given(1, "A", &["a:1", "b:1"])])?;
    let appending = Appending {
        events: vec![given(2, "A", &["a:1", "b:1"]), given(3, "B", &["b:1"])],
        command: Some((Id(4), "Do".to_owned(), Vec::new(), Vec::new())),
        marker: Some(Marker { id: Id(4), fingerprint: 4, ttl: 0 }),
        ..Appending::default()
    };
    let before = contents(client)?;
    for command in ["hset", "xadd", "hsetnx", "rpush", "set"] {
        let but = format!("-{command}");
        client.link.query(&["ACL", "SETUSER", "part", "reset", "on", ">part", "~*", "+@all", &but])?;
        client.link.query(&["AUTH", "part", "part"])?;
        let outcome = client.append(&appending)?;
        ensure!(matches!(outcome, Err(Fault::Server(_))), "{command}: {outcome:?}");
        client.link.query(&["AUTH", "default", "any"])?;
        ensure!(contents(client)? == before, "{command}: something was written");
    }
    let outcome = client.append(&appending)?.map_err(fault)?;
    ensure!(matches!(&outcome, Outcome::Appended(done) if done.last == 3), "{outcome:?}");
    Ok(())
}

/// The log must end at the head, and nothing be behind it.
pub(super) fn ends(client: &mut Client) -> Result<()> {
    append(client, vec![given(1, "A", &["a:1"]), given(2, "A", &["a:1"])])?;
    let before = contents(client)?;
    let events = client.layout.bell().replace(":b", ":e:0");
    let log = client.layout.bell().replace(":b", ":t:0");
    for damage in [["RPOP", &log].as_slice(), &["RPUSH", &log, "1"], &["HSET", &events, "3", "x"]] {
        restore(client, &before)?;
        client.link.query(damage)?;
        let with = contents(client)?;
        let outcome = client.append(&Appending { events: vec![given(3, "A", &["a:1"])], ..Appending::default() })?;
        ensure!(matches!(outcome, Err(Fault::Corrupt(..))), "{damage:?}: {outcome:?}");
        ensure!(contents(client)? == with, "{damage:?}: something was written");
    }
    restore(client, &before)?;
    client.link.query(&["HDEL", &events, "2"])?;
    let outcome = all(client);
    ensure!(outcome.is_err(), "{outcome:?}");
    Ok(())
}

/// All keys of the store, as the server dumps them.
fn contents(client: &mut Client) -> Result<BTreeMap<String, Vec<u8>>> {
    let pattern = client.layout.bell().replace(":b", ":*");
    let Value::Array(keys) = client.link.query(&["KEYS", &pattern])? else { anyhow::bail!("no KEYS") };
    let mut all = BTreeMap::new();
    for key in keys {
        let Value::BulkString(key) = key else { continue };
        let key = String::from_utf8(key)?;
        let Value::BulkString(dump) = client.link.query_bytes(&[b"DUMP", key.as_bytes()])? else { continue };
        all.insert(key, dump);
    }
    Ok(all)
}

fn restore(client: &mut Client, to: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for key in contents(client)?.keys() {
        client.link.query(&["DEL", key])?;
    }
    for (key, dump) in to {
        client.link.query_bytes(&[b"RESTORE", key.as_bytes(), b"0", dump])?;
    }
    Ok(())
}
