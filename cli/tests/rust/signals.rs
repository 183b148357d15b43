//! Ctrl-C, and others who end it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;

use conformance::{Kind, Server, Signal};

use crate::both::programs;
use crate::on_servers;
use crate::program::Place;

on_servers! { a_subscription_ends_well what_is_not_done_says_so a_rebuild_goes_on_though_nobody_hears_of_it }

fn a_subscription_ends_well(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for (after, signal) in [("0", Signal::INT), ("end", Signal::TERM)] {
        for place in programs(&server, &format!("follow-{after}")) {
            ends_well(&place, after, signal);
            place.does(&["append", "--type", "B"]);
        }
    }
}

fn ends_well(place: &Place, after: &str, signal: Signal) {
    let head = || place.does(&["query", "--json"]).lines().count();
    let arguments = ["events", "subscribe", "--after", after, "--query", "type=A"];
    let before = head();
    place.does(&["append", "--type", "A"]);
    let mut child = place.start(&arguments);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("CURSOR "));
    place.does(&["append", "--type", "B"]);
    place.does(&["append", "--type", "A"]);
    let last = format!("{}@", before + 3);
    let seen = lines.by_ref().find(|line| line.starts_with(&last));
    assert!(seen.is_some());
    assert_eq!(ended_by(child, signal), (Some(0), String::new()));
    assert_eq!(lines.next(), None);
}

fn what_is_not_done_says_so(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for place in programs(&server, "asked") {
        for signal in [Signal::INT, Signal::TERM] {
            let mut child = place.start(&["events", "rebuild"]);
            // It asks, and waits for the answer.
            let mut asked = [0; 16];
            child.stderr.as_mut().unwrap().read_exact(&mut asked).unwrap();
            let (code, told) = ended_by(child, signal);
            assert_eq!(code, Some(1));
            let end = "[y/N] \nerror: it was interrupted\nhint: a rebuild that is begun again goes on where it was\n";
            assert!(told.ends_with(end), "{told}");
        }
    }
}

fn a_rebuild_goes_on_though_nobody_hears_of_it(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let many: String = (0..5000).map(|number| format!("{{\"type\":\"A\",\"data\":\"{number}\"}}\n")).collect();
    for place in programs(&server, "unheard") {
        assert_eq!(place.run(&["import"], many.as_bytes()).code, 0);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = place.command(&["events", "rebuild", "--yes"]).stderr(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
        place.does(&["append", "--type", "B"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = place.command(&["events", "export"]).stderr(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
    }
}

/// Sends it a signal; gives the code, and what it says to the end.
fn ended_by(mut child: Child, signal: Signal) -> (Option<i32>, String) {
    conformance::send(&child, signal).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap().code(), told)
}
