//! Every key that a script touches is among its KEYS: else it dies half-way when its slot moves.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use conformance::Kind;
use events::check;
use events::link::Link;
use events::target::Target;
use events::traps::{self, TRAPS};

#[test]
fn are_all_declared() -> Result<()> {
    let target = Target::start(Kind::Redis, &[])?;
    let address = target.url().strip_prefix("redis://").context("no address")?;
    let mut monitor = TcpStream::connect(address)?;
    monitor.write_all(b"MONITOR\r\n")?;
    let mut lines = BufReader::new(monitor).lines();
    ensure!(lines.next().context("no reply")?? == "+OK", "no MONITOR");
    let watch = std::thread::spawn(move || watched(lines));
    check::run(target.url(), 3, 1000, &|_| {})?;
    let others = ["lock", "checkpoint", "bell", "keys"];
    for trap in TRAPS.iter().filter(|trap| others.iter().any(|word| trap.0.contains(word))) {
        traps::run(target.url(), *trap, &|_| {})?;
    }
    Link::open(target.url())?.query(&["ECHO", "that is all"])?;
    let touched = watch.join().map_err(|_| anyhow::anyhow!("the watch ended early"))??;
    // All commands of the scripts were seen, so that this test means something.
    let expected = "DEL GET HDEL HGET HINCRBY HLEN HMGET HSET HSETNX HSTRLEN LINDEX LLEN LRANGE PEXPIRE PTTL RPOP RPUSH \
                    SET TIME XADD";
    ensure!(touched == expected.split(' ').map(str::to_owned).collect(), "{touched:?}");
    Ok(())
}

/// Reads until the end, and gives the commands that scripts ran.
fn watched(lines: impl Iterator<Item = std::io::Result<String>>) -> Result<BTreeSet<String>> {
    let (mut keys, mut touched) = (BTreeSet::new(), BTreeSet::new());
    for line in lines {
        let line = line?;
        let (from, arguments) = line.split_once("] ").context("no source")?;
        let mut arguments = quoted(arguments).into_iter();
        let name = arguments.next().context("no command")?.to_uppercase();
        if from.ends_with(" lua") {
            let key = arguments.next();
            ensure!(name == "TIME" || key.is_some_and(|key| keys.contains(key)), "not in {keys:?}: {line}");
            touched.insert(name);
        } else if name.starts_with("EVAL") {
            let count: usize = arguments.nth(1).context("no number of keys")?.parse()?;
            keys = arguments.take(count).map(ToOwned::to_owned).collect();
        } else if name == "ECHO" {
            return Ok(touched);
        }
    }
    anyhow::bail!("the server ended")
}

/// What is between quotes, with its escapes.
fn quoted(line: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut escaped) = (Vec::new(), None, false);
    for (at, byte) in line.bytes().enumerate() {
        match (byte, begin) {
            _ if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', None) => begin = Some(at + 1),
            (b'"', Some(from)) => {
                parts.extend(line.get(from..at));
                begin = None;
            }
            _ => {}
        }
    }
    parts
}
