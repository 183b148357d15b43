//! What fails is told alike by both programs.

use conformance::{Kind, Server, Signal};

use crate::both::programs;
use crate::on_servers;

on_servers! { what_was_given_is_told_as_json whom_the_server_refuses_is_told_so what_stands_still_is_waited_for_no_longer_than_was_said
files_are_named what_is_not_text_is_not_passed_over }

fn whom_the_server_refuses_is_told_so(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let url = server.url().replace("redis://", "redis://nobody:secret@");
    for place in programs(&server, "refused") {
        let ended = place.run(&["stats", "--json", "--url", &url], b"");
        assert_eq!(ended.code, 1);
        let start = format!(
            "{{\"error\":\"refused\",\"text\":\"it was refused: {}: WRONGPASS ",
            server.url().replace("redis://", "")
        );
        let end = "\"hint\":\"see that --url has the right user, password and database\"}\n";
        assert!(ended.err.starts_with(&start) && ended.err.ends_with(end), "{}", ended.err);
    }
}

fn what_stands_still_is_waited_for_no_longer_than_was_said(kind: Kind) {
    let server = Server::start(kind).unwrap();
    server.signal(Signal::STOP).unwrap();
    for place in programs(&server, "still") {
        let ended = place.run(&["append", "--type", "A", "--timeout", "300ms"], b"");
        let told = "error: it was not executed: the deadline passed\nhint: see that --url names a server that runs\n";
        assert_eq!((ended.code, ended.err.as_str()), (1, told));
    }
    server.signal(Signal::CONT).unwrap();
}

/// Also where what can't be stands before the flag that asks for JSON.
fn what_was_given_is_told_as_json(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for place in programs(&server, "json") {
        for arguments in [
            &["stats", "--nonsense", "--json"][..],
            &["stats", "nonsense", "--json"],
            &["nonsense", "--json"],
            &["--json", "stats", "--timeout"],
            &["--json", "query", "--limit", "x"],
        ] {
            let ended = place.run(arguments, b"");
            assert_eq!((ended.code, ended.out.as_str()), (2, ""));
            let told: serde_json::Value = serde_json::from_str(&ended.err).expect(&ended.err);
            assert_eq!(told["error"], "input", "{}", ended.err);
        }
        let ended = place.run(&["stats", "--nonsense", "--", "--json"], b"");
        assert!(ended.err.starts_with("error: "), "{}", ended.err);
    }
}

#[cfg(unix)]
fn what_is_not_text_is_not_passed_over(kind: Kind) {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let server = Server::start(kind).unwrap();
    let bytes = OsStr::from_bytes(b"\xff");
    for place in programs(&server, "bytes") {
        for variable in ["CORACLE_URL", "CORACLE_NAMESPACE"] {
            let ended = place.command(&["events", "stats"]).env(variable, bytes).output().unwrap();
            assert_eq!(ended.status.code(), Some(2), "{variable}: {}", String::from_utf8_lossy(&ended.stderr));
        }
        let mut append = place.command(&["events", "append", "--type", "A", "--data"]);
        assert!(append.arg(bytes).arg("--metadata").arg(bytes).status().unwrap().success());
        let line = place.does(&["query", "--json"]);
        assert!(line.contains("\"data_base64\":\"/w==\",\"metadata_base64\":\"/w==\""), "{line}");
    }
}

#[cfg(not(unix))]
fn what_is_not_text_is_not_passed_over(_: Kind) {}

fn files_are_named(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let name = folder.path().to_str().unwrap();
    let below = format!("{name}/file/none");
    for place in programs(&server, "files") {
        let told = |arguments: &[&str]| {
            let ended = place.run(arguments, b"");
            (ended.code, ended.err)
        };
        let is_folder = format!("error: --in \"{name}\": is a directory\n");
        assert_eq!(told(&["import", "--in", name]), (1, is_folder));
        let is_none = format!("error: --data-file \"{below}\": not a directory\n");
        assert_eq!(told(&["append", "--type", "A", "--data-file", &below]), (2, is_none));
        for arguments in [["events", "import"], ["events", "rebuild"]] {
            let folder = std::fs::File::open(name).unwrap();
            let ended = place.command(&arguments).stdin(folder).output().unwrap();
            let told = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(1), "{told}");
            assert!(told.ends_with("error: the input: is a directory\n"), "{told}");
        }
    }
}
