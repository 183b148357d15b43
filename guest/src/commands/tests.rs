//! The table as made, and what it says of calls.

use super::*;

fn known(name: &str) -> Command {
    find(name.as_bytes(), None).unwrap_or_else(|| panic!("{name} is unknown"))
}

/// How long the call that is written so may block.
fn blocks(call: &str) -> Option<u64> {
    let arguments: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let command = find(arguments[0], arguments.get(1).copied()).unwrap();
    command.blocks_for(arguments.len(), arguments.into_iter().map(Some))
}

/// The same, where one argument is not at hand.
fn blocks_without(missing: usize, call: &str) -> Option<u64> {
    let arguments: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let at_hand = arguments.iter().enumerate().map(|(index, argument)| (index != missing).then_some(*argument));
    known(call.split(' ').next().unwrap()).blocks_for(arguments.len(), at_hand)
}

#[test]
fn knows_what_came_after_debian_s_servers() {
    for name in ["HEXPIRE", "HGETEX", "HSETEX", "HGETDEL", "DELIFEQ", "MSETEX"] {
        assert!(known(name).flags.has(Flags::WRITE) && !known(name).flags.has(Flags::REPEATABLE), "{name}");
    }
    assert!(known("HTTL").flags.has(Flags::REPEATABLE));
    assert!(known("VADD").flags.has(Flags::WRITE) && known("VSIM").flags.has(Flags::REPEATABLE));
}

#[test]
fn tells_what_a_command_does() {
    let get = known("GET");
    assert_eq!(get.flags, Flags::all(&[Flags::READONLY, Flags::REPEATABLE]));
    assert_eq!(get.keys, Keys { first: 1, last: 1, step: 1 });
    assert_eq!(get.blocks, Blocks::Never);
    let set = known("SET");
    assert!(set.flags.has(Flags::WRITE) && !set.flags.has(Flags::READONLY));
    assert!(!set.flags.has(Flags::REPEATABLE), "it may be SET k v NX");
    assert!(known("SUBSCRIBE").flags.has(Flags::PUBSUB));
    assert!(known("HELLO").flags.has(Flags::CONNECTION));
    assert!(known("EXEC").flags.has(Flags::TRANSACTION));
    assert!(known("SHUTDOWN").flags.has(Flags::ADMIN));
    assert!(known("PING").flags.has(Flags::CONNECTION));
    assert!(known("EVAL").flags.has(Flags::MOVABLE_KEYS));
    assert!(known("INFO").flags.has(Flags::LOADING) && !known("GET").flags.has(Flags::LOADING));
    assert!(known("BLPOP").flags.has(Flags::all(&[Flags::BLOCKING, Flags::NOSCRIPT, Flags::WRITE])));
    assert_eq!(known("MSET").keys, Keys { first: 1, last: -1, step: 2 });
}

#[test]
fn repeats_only_what_does_no_harm() {
    for name in ["GET", "MGET", "XREAD", "SETEX", "MSET", "PFCOUNT"] {
        assert!(known(name).flags.has(Flags::REPEATABLE), "{name}");
    }
    for name in ["INCR", "DEL", "MSETNX", "XREADGROUP", "BITOP", "RESTORE", "COPY", "LPOP", "PUBLISH", "WATCH", "EVAL"]
    {
        assert!(!known(name).flags.has(Flags::REPEATABLE), "{name}");
    }
}

#[test]
fn knows_what_a_recorded_server_said() {
    for name in ["DELEX", "XACKDEL", "XDELEX", "XCFGSET"] {
        assert!(known(name).flags.has(Flags::WRITE) && !known(name).flags.has(Flags::REPEATABLE), "{name}");
    }
    assert!(known("DIGEST").flags.has(Flags::all(&[Flags::READONLY, Flags::REPEATABLE])));
}

#[test]
fn finds_names_in_any_case() {
    assert_eq!(find(b"get", None), Some(known("GET")));
    assert_eq!(find(b"gEt", Some(b"key")), Some(known("GET")));
    assert_ne!(find(b"BlPop", None).unwrap().blocks, Blocks::Never);
    assert_eq!(find(b"[GET", None), None);
    // Valkey alone has it.
    assert_eq!(known("waitaof").blocks, Blocks::Millis(3));
    for name in ["", "NOSUCH", "GETS", "GE", "GET ", "G\0T", "\u{e9}", "CLUSTER-COUNT-FAILURE-REPORTS-OF-ALL"] {
        assert_eq!(find(name.as_bytes(), None), None, "{name}");
    }
    assert_eq!(find(&[b'A'; 4096], Some(b"B")), None);
}

#[test]
fn finds_subcommands() {
    let client = known("CLIENT");
    assert!(client.flags.has(Flags::CONTAINER) && !client.flags.has(Flags::SUBCOMMAND));
    let reply = find(b"client", Some(b"Reply")).unwrap();
    assert!(reply.flags.has(Flags::all(&[Flags::CONNECTION, Flags::SUBCOMMAND])));
    assert!(find(b"CLIENT", Some(b"KILL")).unwrap().flags.has(Flags::ADMIN));
    assert_eq!(find(b"OBJECT", Some(b"ENCODING")).unwrap().keys.first, 2);
    for second in ["", "NOSUCH", "REPLY|", &"X".repeat(64)] {
        assert_eq!(find(b"CLIENT", Some(second.as_bytes())), None, "{second}");
    }
    // The bar is ours.
    assert_eq!(find(b"CLIENT|REPLY", None), None);
    assert_eq!(find(b"CLIENT|REPLY", Some(b"ON")), None);
}

/// All names and rows of the table.
fn records() -> Vec<(&'static str, Command)> {
    let mut records = table::RECORDS;
    let mut all = Vec::new();
    while let [length, row, rest @ ..] = records {
        let (name, rest) = rest.split_at(usize::from(*length));
        all.push((std::str::from_utf8(name).unwrap(), table::ROWS[usize::from(*row)]));
        records = rest;
    }
    all
}

#[test]
fn every_record_can_be_found() {
    let records = records();
    assert!(records.len() > 300, "{}", records.len());
    for (name, row) in records {
        let (name, second) = name.split_once('|').map_or((name, None), |(name, second)| (name, Some(second)));
        assert_eq!(find(name.as_bytes(), second.map(str::as_bytes)), Some(row), "{name} {second:?}");
        assert_eq!(row.flags.has(Flags::BLOCKING), row.blocks != Blocks::Never, "{name}");
        assert!(!row.flags.has(Flags::all(&[Flags::READONLY, Flags::WRITE])), "{name}");
    }
}

#[test]
fn subcommands_are_not_found_in_another_container() {
    let pairs: Vec<_> = records().into_iter().filter_map(|(name, _)| name.split_once('|')).collect();
    // Miri would take minutes over all.
    let step = if cfg!(miri) { 20 } else { 1 };
    for &(container, _) in pairs.iter().step_by(step) {
        for &(_, second) in pairs.iter().step_by(step) {
            let found = find(container.as_bytes(), Some(second.as_bytes()));
            assert_eq!(found.is_some(), pairs.contains(&(container, second)), "{container} {second}");
        }
    }
}

#[test]
fn tells_how_long_a_call_blocks() {
    const SECOND: Option<u64> = Some(1_000_000);
    assert_eq!(known("BLPOP").blocks, Blocks::Seconds(-1));
    assert_eq!(known("BLMPOP").blocks, Blocks::Seconds(1));
    assert_eq!(known("WAIT").blocks, Blocks::Millis(2));
    assert_eq!(known("XREAD").blocks, Blocks::Token("BLOCK"));
    assert_eq!(blocks("GET k"), None);
    assert_eq!(blocks("BLPOP a b 1"), SECOND);
    assert_eq!(blocks("BRPOP 7 0"), Some(u64::MAX));
    assert_eq!(blocks("BLMPOP 1 2 a b LEFT COUNT 9"), SECOND);
    assert_eq!(blocks("BLMOVE a b LEFT RIGHT 1"), SECOND);
    assert_eq!(blocks("BRPOPLPUSH a b 1"), SECOND);
    assert_eq!(blocks("BZMPOP 1 1 a MIN"), SECOND);
    assert_eq!(blocks("WAIT 3 1000"), SECOND);
    assert_eq!(blocks("WAIT 3 0"), Some(u64::MAX));
    assert_eq!(blocks("WAITAOF 1 3 1000"), SECOND);
}

#[test]
fn a_word_before_the_time_out_is_an_option() {
    assert_eq!(blocks("XREAD COUNT 1 STREAMS k 0"), None);
    assert_eq!(blocks("XREAD BLOCK 0 STREAMS k 0"), Some(u64::MAX));
    assert_eq!(blocks("xread count 1 block 20 streams k 0"), Some(20_000));
    assert_eq!(blocks("XREADGROUP GROUP g c COUNT 1 BLOCK 20 NOACK STREAMS k >"), Some(20_000));
    assert_eq!(blocks("XREADGROUP NOACK BLOCK 20 GROUP g c STREAMS k >"), Some(20_000));
    assert_eq!(blocks("XREADGROUP GROUP g c CLAIM BLOCK BLOCK 20 STREAMS k >"), Some(20_000), "Redis 8.4's");
    assert_eq!(blocks("XREAD STREAMS BLOCK 0"), None, "a key");
    assert_eq!(blocks("XREADGROUP GROUP BLOCK 0 STREAMS k >"), None, "a group");
    assert_eq!(blocks("XREAD BLOCK 1 BLOCK 2 STREAMS k 0"), Some(2000), "the last counts");
    assert_eq!(blocks("XREAD COUNT 1 BLOCK"), None);
    assert_eq!(blocks("XREAD BLOCK 20"), Some(20_000));
    assert_eq!(blocks("XREAD"), None);
}

#[test]
fn a_time_out_that_is_not_at_hand_is_for_ever() {
    assert_eq!(blocks_without(2, "BLPOP a 1"), Some(u64::MAX));
    assert_eq!(blocks_without(1, "BLPOP a 1"), Some(1_000_000));
    assert_eq!(blocks_without(2, "XREAD BLOCK 1 STREAMS k 0"), Some(u64::MAX));
    assert_eq!(blocks_without(3, "XREADGROUP GROUP g c BLOCK 1 STREAMS k >"), Some(1000));
}

#[test]
fn a_row_that_ends_before_its_command_says_no_more() {
    let blocks_of = |call: &str, first: usize| {
        let arguments: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
        let command = find(arguments[0], None).unwrap();
        command.blocks_for(arguments.len(), arguments.into_iter().take(first).map(Some))
    };
    assert_eq!(blocks_of("BLPOP a 1", 2), Some(u64::MAX));
    assert_eq!(blocks_of("XREAD BLOCK 1 STREAMS k 0", 2), Some(u64::MAX));
    assert_eq!(blocks_of("XREAD COUNT 1 BLOCK 1 STREAMS k 0", 3), None);
}

#[test]
fn a_time_out_that_the_server_refuses_is_none() {
    for call in ["BLPOP", "BLPOP a", "BLPOP a x", "BLPOP a -1", "BLPOP a .", "BLPOP a 1s", "BLPOP a inf", "BLPOP a "] {
        assert_eq!(blocks(call), Some(0), "{call}");
    }
    for call in ["WAIT", "WAIT 1", "WAIT 1 x", "WAIT 1 -5", "WAIT 1 1.5", "WAIT 1 ", "XREAD BLOCK x STREAMS k 0"] {
        assert_eq!(blocks(call), Some(0), "{call}");
    }
}

#[test]
fn reads_time_outs_as_the_server_does() {
    let times = [
        ("0.0", u64::MAX),
        ("-0", u64::MAX),
        ("-0.0009", u64::MAX),
        ("-0.5", 0),
        ("+2", 2_000_000),
        ("2.", 2_000_000),
        (".5", 500_000),
        ("0.25", 250_000),
        ("1.2345", 1_235_000),
        ("0.00010", 1000),
        ("0.0010", 1000),
        ("0.0000", u64::MAX),
        ("1.00000000000000000000000000001", 1_001_000),
        ("99999999999999999999", u64::MAX),
        ("1e-1", u64::MAX),
        ("0x10", u64::MAX),
        ("1.2.3", 0),
        ("exp", 0),
    ];
    for (text, time) in times {
        assert_eq!(timeout::seconds(text.as_bytes()), time, "{text}");
    }
    assert_eq!(timeout::milliseconds(b"99999999999999999999"), u64::MAX);
}
