//! The program against real servers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in a test, a panic is how it fails"
)]

mod both;
mod dialogues;
mod failures;
mod program;
mod signals;

use std::io::{BufRead as _, BufReader};

use conformance::{Kind, Server};
use coracle::Client;
use coracle::events::{self, AppendOptions, Event, EventStore, Options};
use dialogues::timeless;
use program::{Place, lines};

/// Tests that are to be run on both kinds of server.
macro_rules! on_servers {
    ($($name:ident)*) => {
        mod redis {
            $(#[test] fn $name() { super::$name(conformance::Kind::Redis) })*
        }
        mod valkey {
            $(#[test] fn $name() { super::$name(conformance::Kind::Valkey) })*
        }
    };
}
use on_servers;

on_servers! {
    the_head_of_a_query_is_for_a_conditional_append a_line_of_a_query_is_that_of_an_export settings_are_warned_of
        nothing_is_said_where_nobody_reads an_output_that_is_full_is_named
        an_export_takes_the_place_of_another_once_it_is_whole what_is_logged_is_said_well faults_are_found_and_mended records_of_commands_are_printed a_server_that_is_there_answers
}

fn the_head_of_a_query_is_for_a_conditional_append(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "head");
    place.does(&["append", "--type", "A"]);
    let found = place.does(&["query", "--query", "type=B"]);
    let (_, head) = lines(&found)[0].split_once("the head is ").unwrap();
    place.does(&["append", "--type", "A", "--fail-if", "type=B", "--after", head]);
    place.does(&["append", "--type", "B", "--fail-if", "type=B", "--after", head]);
    assert_eq!(place.run(&["append", "--type", "B", "--fail-if", "type=B", "--after", head], b"").code, 3);
}

fn a_line_of_a_query_is_that_of_an_export(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "lines");
    for data in [&b""[..], b"\r\t\x1f\x7f", b"<&>", b"\xff", b"\"\\/", "\u{feff}😀".as_bytes()] {
        let text = String::from_utf8_lossy(data);
        let (type_, tag) = (format!("A{text}"), format!("x:1{text}"));
        let arguments = ["append", "--type", &type_, "--tag", &tag, "--data", "-", "--metadata", &text];
        assert_eq!(place.run(&arguments, data).code, 0);
    }
    assert_eq!(place.does(&["export"]), place.does(&["query", "--json"]));
}

fn settings_are_warned_of(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "inspect");
    assert!(place.does(&["inspect"]).contains("appendonly: "));
    assert!(place.does(&["inspect", "--json"]).contains("{\"about\":\"appendonly\",\"text\":\""));
}

fn nothing_is_said_where_nobody_reads(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for place in both::programs(&server, "unread") {
        nothing_is_said_by(&place);
    }
}

fn nothing_is_said_by(place: &Place) {
    place.does(&["append", "--type", "A"]);
    let many = "x".repeat(30 << 10);
    (0..10).for_each(|_| drop(place.does(&["append", "--type", "A", "--data", &many])));
    // The reader goes after a line, as `head -1` does, while there is more than a pipe takes.
    let mut child = place.start(&["events", "export"]);
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"position\":1,"), "{line}");
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(141) && !told.contains("error"), "how far it was may be told: {told}");
    for arguments in [["events", "query"], ["events", "stats"], ["events", "export"]] {
        let mut child = place.start(&arguments);
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code() == Some(141) && !told.contains("error"), "{arguments:?}: {told}");
    }
}

#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_named(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for place in both::programs(&server, "full") {
        place.does(&["append", "--type", "A"]);
        for command in ["export", "query", "stats"] {
            names_an_output_that_is_full(&place, command);
        }
    }
}

#[cfg(target_os = "linux")]
fn names_an_output_that_is_full(place: &Place, command: &str) {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = place.command(&["events", command]).stdout(full).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert_eq!(told, "error: the output: no space left on device\n");
    let ended = place.run(&["export", "--out", "/dev/full"], b"");
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(ended.err, "error: --out \"/dev/full\": no space left on device\n");
}

#[cfg(not(target_os = "linux"))]
fn an_output_that_is_full_is_named(_: Kind) {}

fn an_export_takes_the_place_of_another_once_it_is_whole(kind: Kind) {
    let mut server = Server::start(kind).unwrap();
    let place = Place::new(&server, "whole");
    place.does(&["append", "--type", "A"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let out = path.to_str().unwrap();
    assert_eq!(place.does(&["export", "--out", out]), "1 event exported\n");
    let first = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines(&first).len(), 1);
    place.does(&["append", "--type", "B"]);
    assert_eq!(place.does(&["export", "--out", out]), "2 events exported\n");
    let second = std::fs::read_to_string(&path).unwrap();
    assert!(second.starts_with(&first) && lines(&second).len() == 2, "{second}");
    // An export that can't end leaves what is there.
    command(&server, async |client| client.command(["DEL", "{whole}:e:0", "{whole}:e"]).await.map(drop));
    command(&server, async |client| client.command(["SET", "{whole}:s", "nonsense"]).await.map(drop));
    let ended = place.run(&["export", "--out", out], b"");
    assert_eq!(ended.code, 1, "{}", ended.err);
    server.kill().unwrap();
    assert_eq!(place.run(&["export", "--out", out], b"").code, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), second);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

fn what_is_logged_is_said_well(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "");
    let run = |level: &str| place.command(&["ping"]).env("CORACLE_LOG", level).output().unwrap();
    for level in ["", "off", "error", "trace"] {
        assert_eq!(run(level).status.code(), Some(0), "{level}");
    }
    let wrong = run("loud");
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let wanted = "error: CORACLE_LOG \"loud\": it can't be\nhint: it is off, error, warn, info, debug, trace\n";
    assert_eq!(told, wanted);
    assert!(place.run_any(&["--help"], b"").out.contains("CORACLE_LOG says"));
}

fn faults_are_found_and_mended(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "faults");
    place.does(&["append", "--type", "A", "--tag", "x:1"]);
    command(&server, async |client| client.command(["DEL", "{faults}:g:x:1"]).await.map(drop));
    let found = place.run(&["verify"], b"");
    assert_eq!(found.code, 1);
    assert!(found.out.starts_with("1 event looked at, 1 fault"), "{}", found.out);
    assert!(found.err.contains("hint: coracle events rebuild"), "{}", found.err);
    assert!(place.run(&["rebuild"], b"y\n").out.contains(" mended"));
    assert_eq!(place.does(&["verify"]), "1 event looked at, 0 faults\n");
}

fn records_of_commands_are_printed(kind: Kind) {
    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8001";
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "records");
    command(&server, async |client| {
        let store = EventStore::open(&client, "records", Options::new()).await.unwrap();
        let command = events::Command::new("Enroll").id(ID.parse().unwrap()).data("{}").metadata(&b"\xff"[..]);
        store.append([Event::new("A"), Event::new("B")], AppendOptions::new().command(command)).await.unwrap();
        let command = AppendOptions::new().command(events::Command::new("Leave"));
        store.append([Event::new("A")], command).await.unwrap();
        Ok(())
    });
    let want = format!(
        "{{\"number\":1,\"id\":\"{ID}\",\"type\":\"Enroll\",\"first\":1,\"last\":2,\"time\":<time>,\"data\":\"{{}}\",\
         \"metadata_base64\":\"/w==\"}}\n"
    );
    let all = timeless(&place.does(&["commands", "--json"]));
    let second = timeless(&place.does(&["commands", "--json", "--since", "position=3"]));
    assert_eq!((lines(&second).len(), all), (1, format!("{want}{second}")));
    for since in ["number=1", "position=2", "time=2020-01-31T12:00:00Z"] {
        assert_eq!(timeless(&place.does(&["commands", "--json", "--limit", "1", "--since", since])), want, "{since}");
    }
    assert_eq!(place.does(&["commands", "--json", "--since", "time=2999-01-31T12:00:00.5Z"]), "");
    let table = timeless(&place.does(&["commands", "--limit", "1"]));
    let row = format!("1           {:<24}  {ID}  Enroll                1           2           {{}}", "<time>");
    assert_eq!(lines(&table)[1..], [&row, "1 command"]);
}

/// Does something through the library.
fn command(server: &Server, what: impl AsyncFnOnce(Client) -> Result<(), coracle::Error>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { what(Client::connect(&server.url()).await.unwrap()).await.unwrap() });
}

fn a_server_that_is_there_answers(kind: Kind) {
    let mut server = Server::start(kind).unwrap();
    let place = Place::new(&server, "");
    assert_eq!(place.run_any(&["ping"], b"").out, "PONG\n");
    server.kill().unwrap();
    let gone = place.run_any(&["ping"], b"");
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("hint: see that --url names a server that runs"), "{}", gone.err);
    let address = server.url().replace("redis://", "");
    let told = format!("error: it was not executed: {address}: can't be reached (Connection refused (os error 111)); ");
    assert!(gone.err.starts_with(&told) || !cfg!(target_os = "linux"), "{}", gone.err);
    let wrong = place.run_any(&["ping", "--url", "127.0.0.1"], b"");
    assert_eq!(wrong.code, 2, "{}", wrong.err);
}
