//! What fails is told alike by both programs.

use conformance::{Kind, Server, Signal};

use crate::both::programs;
use crate::on_servers;

on_servers! { whom_the_server_refuses_is_told_so what_stands_still_is_waited_for_no_longer_than_was_said
files_are_named }

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
