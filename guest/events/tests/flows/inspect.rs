//! What the store says of a server's version. `tests/events` looks at the settings of real ones.

use coracle_events::step::{Outcome, Step};

use crate::bench::{DEADLINE, FLOW, store};

/// What is said of the version of a server that describes itself so, and tells none of its settings.
fn said(info: &str) -> Vec<String> {
    let mut store = store();
    store.inspect(0, FLOW, DEADLINE);
    let mut nodes = vec![7 | (info.len() as u64) << 16, 0];
    nodes.extend([0; 10]);
    let step = store.replied(0, FLOW, &nodes, info.as_bytes());
    let warnings = match step {
        Step::Done(Outcome::Inspected(warnings)) => warnings,
        _ => Vec::new(),
    };
    // Of the settings, which are not told, it warns in any case.
    assert_eq!(warnings.first().map(|warning| warning.about.as_str()), Some("config"));
    warnings.into_iter().filter(|warning| warning.about == "version").map(|warning| warning.text).collect()
}

#[test]
fn says_what_an_old_server_lacks() {
    let lacks = |info: &str, what: &str| said(info).iter().any(|text| text.contains(what));
    assert!(lacks("# Server\r\nredis_version:6.2.14\r\n", "EVALSHA_RO"));
    assert!(lacks("redis_version:7.0.15\r\n", "WAITAOF"));
    assert!(lacks("", "WAITAOF"));
    assert_eq!(said("redis_version:7.2.0\r\n"), [""; 0]);
    assert_eq!(said("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"), [""; 0]);
}
