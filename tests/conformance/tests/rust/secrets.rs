//! Credentials: renewed in place, and never in the sandbox.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use coracle::{Cause, Credentials};
use redis::Value;

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: new_passwords_are_taken_in_place refused_passwords_are_told secrets_stay_out_of_the_sandbox
}

/// A gap in the address space that only linear memories have behind them.
const RESERVED: u64 = 1 << 30;

async fn new_passwords_are_taken_in_place(target: Target) {
    let client = target.client().await;
    let id = in_time(client.command(["CLIENT", "ID"])).await.unwrap();
    in_time(client.command(["CONFIG", "SET", "requirepass", "second"])).await.unwrap();
    in_time(client.renew(Credentials::new("", "second"))).await.unwrap();
    in_time(client.command(["ACL", "SETUSER", "ann", "on", ">third", "~*", "&*", "+@all"])).await.unwrap();
    in_time(client.renew(Credentials::new("ann", "third"))).await.unwrap();
    assert_eq!(in_time(client.command(["ACL", "WHOAMI"])).await, Ok(Value::BulkString(b"ann".to_vec())));
    assert_eq!(in_time(client.command(["CLIENT", "ID"])).await, Ok(id), "it is another connection");
    // Links to come use them too.
    let session = in_time(client.session()).await.unwrap();
    assert_eq!(in_time(session.command(["ACL", "WHOAMI"])).await, Ok(Value::BulkString(b"ann".to_vec())));
    assert_eq!(client.stats().renewals, 2);
}

async fn refused_passwords_are_told(target: Target) {
    let client = target.client().await;
    in_time(client.command(["CONFIG", "SET", "requirepass", "right"])).await.unwrap();
    let error = in_time(client.renew(Credentials::new("", "wrong"))).await.unwrap_err();
    assert_eq!(error.cause(), Cause::Denied, "{error}");
    assert_eq!(client.stats().renewals_failed, 1);
    // The connection goes on with what it had.
    assert!(in_time(client.command(["PING"])).await.is_ok());
}

/// Searches the linear memories of the process for the passwords. The client's name is in the sandbox by right: finding
/// it shows that the search finds what is there.
async fn secrets_stay_out_of_the_sandbox(target: Target) {
    let unique = |what: &str| format!("{what}-{:?}-{}", target.server().kind(), target.server().port());
    let (first, second, name) = (unique("first"), unique("second"), unique("name"));
    let admin = target.client().await;
    in_time(admin.command(["ACL", "SETUSER", "sam", "on", &format!(">{first}"), "~*", "&*", "+@all"])).await.unwrap();
    in_time(admin.command(["ACL", "SETUSER", "sam", &format!(">{second}")])).await.unwrap();
    // Its instance has seen the passwords as arguments.
    admin.close(Duration::from_secs(1)).await;
    drop(admin);
    let config = target.config().credentials("sam", &first).name(&name);
    let client = in_time(config.connect()).await.unwrap();
    in_time(client.command(["SET", "k", "v"])).await.unwrap();
    in_time(client.renew(Credentials::new("sam", &second))).await.unwrap();
    let session = in_time(client.session()).await.unwrap();
    in_time(session.command(["GET", "k"])).await.unwrap();
    in_time(async {
        // The admin's instance goes when its task does.
        while count_in_sandboxes(&first).unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(count_in_sandboxes(&name).unwrap() > 0, "the search finds nothing");
    assert_eq!(count_in_sandboxes(&second).unwrap(), 0);
}

/// How often these bytes are in linear memories of this process: mappings that can be written to, before a gap that is
/// reserved so that no access can leave them.
fn count_in_sandboxes(needle: &str) -> io::Result<usize> {
    let memory = fs::File::open("/proc/self/mem")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    let mappings: Vec<(u64, u64, bool)> = maps.lines().filter_map(mapping).collect();
    let mut count = 0;
    for (place, &(start, end, writable)) in mappings.iter().enumerate() {
        if !writable || !before_gap(&mappings[place..]) {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // A mapping may have gone meanwhile, with the instance that it was of.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            count += bytes.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count();
        }
    }
    Ok(count)
}

/// Whether the mapping at the front, and those that follow it without a gap, end at a large reserved range.
fn before_gap(mappings: &[(u64, u64, bool)]) -> bool {
    let touching = mappings.windows(2).take_while(|pair| pair[0].1 == pair[1].0);
    let next = touching.map(|pair| pair[1]).find(|(.., writable)| !writable);
    next.is_some_and(|(start, end, _)| end - start >= RESERVED)
}

/// Start, end, and whether it can be written to.
fn mapping(line: &str) -> Option<(u64, u64, bool)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, rest.starts_with("rw")))
}
