//! What is sent behind something else is executed behind it.

use coracle_core::config::Limits;
use coracle_core::wire::{Cause, EventKind, Failure, option};

use crate::bench::{Bench, Row};

fn script(id: u64, hash: &str, source: &str) -> Row {
    Row { options: option::SCRIPT, ..Row::command(id, &["EVALSHA", hash, source, "0"]) }
}

/// What the call wrote to the link that all share.
fn written(bench: &mut Bench, rows: &[Row]) -> String {
    let from = bench.output(1).len();
    bench.submit(rows);
    bench.output(1)[from..].escape_ascii().to_string().replace(r"\r\n", " ")
}

#[test]
fn a_script_goes_by_its_source_first_and_then_by_its_hash() {
    let mut bench = Bench::ready();
    let get = Row::command(2, &["GET", "k"]);
    let first = written(&mut bench, &[script(1, "aa", "return 1"), get.clone(), script(3, "aa", "return 1")]);
    assert_eq!(first, "*3 $4 EVAL $8 return 1 $1 0 *2 $3 GET $1 k *3 $7 EVALSHA $2 aa $1 0 ");
    bench.received(1, b":1\r\n$1\r\nv\r\n:1\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [1, 2, 3]);
    assert_eq!(written(&mut bench, &[script(4, "bb", "return 2")]), "*3 $4 EVAL $8 return 2 $1 0 ");
}

#[test]
fn a_script_that_the_server_has_forgotten_goes_by_its_source_again() {
    let mut bench = Bench::ready();
    bench.submit(&[script(1, "aa", "return 1"), script(2, "bb", "return 2")]);
    bench.received(1, b":1\r\n:2\r\n");
    assert!(written(&mut bench, &[script(3, "aa", "return 1")]).contains("EVALSHA"));
    bench.received(1, b"-NOSCRIPT No matching script.\r\n");
    assert_eq!(bench.resubmits(), [(3, false)]);
    let again = written(&mut bench, &[script(3, "aa", "return 1"), script(4, "bb", "return 2")]);
    assert_eq!(again, "*3 $4 EVAL $8 return 1 $1 0 *3 $4 EVAL $8 return 2 $1 0 ");
    bench.received(1, b"-NOSCRIPT from within\r\n");
    assert_eq!(bench.ids(EventKind::Reply), [3]);
}

#[test]
fn another_link_sends_the_source_anew() {
    let mut bench = Bench::ready();
    bench.submit(&[script(1, "aa", "return 1")]);
    bench.lease(7, u64::MAX);
    bench.greet(2);
    bench.submit(&[Row { session: 7, ..script(2, "aa", "return 1") }]);
    assert!(bench.output(2).ends_with(b"*3\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n"));
}

#[test]
fn what_a_transaction_carries_may_not_be_executed_and_counts_for_nothing() {
    let mut bench = Bench::ready();
    bench.submit(&[Row { options: option::SCRIPT | option::LONE, ..script(1, "aa", "return 1") }]);
    assert!(written(&mut bench, &[script(2, "aa", "return 1")]).contains("EVAL $8"));
}

#[test]
fn as_many_scripts_as_are_remembered_go_by_their_hash() {
    let mut bench = Bench::ready();
    let names: Vec<String> = (0..65).map(|number| format!("{number:02}{:038}", 0)).collect();
    for name in &names {
        assert!(written(&mut bench, &[script(1, name, "return 1")]).contains("EVAL $8"));
    }
    assert!(written(&mut bench, &[script(1, &names[1], "return 1")]).contains("EVALSHA"));
    assert!(written(&mut bench, &[script(1, &names[0], "return 1")]).contains("EVAL $8"), "the oldest is forgotten");
}

#[test]
fn a_module_s_command_keeps_its_place() {
    let mut bench = Bench::ready();
    let rows = [Row::command(1, &["JSON.SET", "d", "$", "1"]), Row::command(2, &["EXPIRE", "d", "60"])];
    assert_eq!(written(&mut bench, &rows), "*4 $8 JSON.SET $1 d $1 $ $1 1 *3 $6 EXPIRE $1 d $2 60 ");
    // Also on the long way.
    let raw = Row { options: option::RAW, ..Row::command(3, &["JSON.GET", "d"]) };
    assert_eq!(written(&mut bench, &[raw]), "*2 $8 JSON.GET $1 d ");
    assert_eq!(bench.opening(), []);
}

#[test]
fn what_would_change_or_ask_about_the_link_that_all_share_is_refused() {
    for args in [
        &["REPLCONF", "ACK", "0"][..],
        &["SCRIPT", "DEBUG", "YES"],
        &["WAIT", "1", "100"],
        &["WAITAOF", "1", "0", "100"],
        &["CLIENT", "SETNAME", "x"],
        &["READONLY"],
    ] {
        let mut bench = Bench::ready();
        bench.submit(&[Row::command(1, args), Row::command(2, &["GET", "k"])]);
        assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)], "{args:?}");
        assert!(bench.output(1).ends_with(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n") && bench.opening().is_empty());
    }
    for name in ["SCRIPT", "CLIENT", "CLUSTER"] {
        let mut bench = Bench::ready_with(Limits { hold_above: 16, ..Limits::default() });
        let words = [1, u64::MAX, 2, 2 << 32];
        bench.submit_words(&words, &[name.len() as u32, 40 | coracle_core::wire::HELD], name.as_bytes());
        assert_eq!(bench.failed(), [(1, Failure::Misuse, Cause::Usage)], "{name}");
    }
}

#[test]
fn a_session_may_wait_for_what_it_wrote() {
    let mut bench = Bench::ready();
    bench.lease(7, u64::MAX);
    bench.greet(2);
    bench.submit(&[Row { session: 7, ..Row::command(1, &["WAIT", "1", "100"]) }]);
    assert!(bench.output(2).ends_with(b"WAIT\r\n$1\r\n1\r\n$3\r\n100\r\n"));
}
