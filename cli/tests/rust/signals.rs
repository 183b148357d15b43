//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;

use conformance::{Kind, Server, Signal};

use crate::on_servers;
use crate::program::Place;

on_servers! { a_subscription_ends_well what_is_not_done_says_so }

fn a_subscription_ends_well(kind: Kind) {
    let server = Server::start(kind).unwrap();
    for after in ["0", "end"] {
        let place = Place::new(&server, &format!("follow-{after}"));
        place.does(&["append", "--type", "A"]);
        let mut child = place.start(&["events", "subscribe", "--after", after, "--query", "type=A"]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.next().unwrap().starts_with("CURSOR "));
        place.does(&["append", "--type", "B"]);
        place.does(&["append", "--type", "A"]);
        if after == "0" {
            assert!(lines.next().unwrap().starts_with("1@"));
        }
        assert!(lines.next().unwrap().starts_with("3@"));
        assert_eq!(interrupted(child), (Some(0), String::new()));
        assert_eq!(lines.next(), None);
    }
}

fn what_is_not_done_says_so(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let place = Place::new(&server, "asked");
    let mut child = place.start(&["events", "rebuild"]);
    // It asks, and waits for the answer.
    let mut asked = [0; 16];
    child.stderr.as_mut().unwrap().read_exact(&mut asked).unwrap();
    let (code, told) = interrupted(child);
    assert_eq!(code, Some(1));
    assert!(told.contains("error: it was interrupted\n"), "{told}");
}

/// Sends it what Ctrl-C sends; gives the code, and what it says to the end.
fn interrupted(mut child: Child) -> (Option<i32>, String) {
    conformance::send(&child, Signal::INT).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap().code(), told)
}
