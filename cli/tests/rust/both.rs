//! This program and the Go host's.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use conformance::{Kind, Server};

use crate::dialogues::timeless;
use crate::on_servers;
use crate::program::Place;

on_servers! { what_one_exported_the_other_imports both_append_to_one_store }

/// The Go host's program: built from the sources beside this package.
static GO: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("coracle-go");
    let mut build = Command::new("go");
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../go-host")).env("CGO_ENABLED", "0");
    let status = build.args(["build", "-o"]).arg(&program).arg("./cmd/coracle").status();
    assert!(status.expect("Go builds the other host's program").success());
    program
});

/// This program and the Go host's, on one store.
pub fn programs(server: &Server, namespace: &str) -> [Place; 2] {
    [Place::new(server, namespace), go(server, namespace)]
}

fn go(server: &Server, namespace: &str) -> Place {
    Place::of(GO.clone().into(), server, namespace)
}

fn what_one_exported_the_other_imports(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let (first, second, third) = (go(&server, "first"), Place::new(&server, "second"), go(&server, "third"));
    for (type_, tag, data) in [
        ("StudentEnrolled", "course:c1", &b"{\"n\":1}"[..]),
        ("Bytes", "x:1", b"\x00\xff\n"),
        ("Empty", "x:<&>", b""),
        ("Lettres é", "é:\"\\\t", "😀\u{7f}\u{1b}".as_bytes()),
    ] {
        let arguments = ["append", "--type", type_, "--tag", tag, "--data", "-", "--metadata", type_];
        assert_eq!(first.run(&arguments, data).code, 0);
        // So that positions differ.
        first.does(&["append", "--type", "Other"]);
    }
    let some = ["export", "--query", "type=StudentEnrolled|Bytes|Empty|Lettres é"];
    let exported = first.does(&some);
    assert_eq!(second.run(&["import"], exported.as_bytes()).out, "4 events imported, 0 were there already\n");
    let again = second.does(&["export"]);
    assert_eq!(placeless(&again), placeless(&exported));
    assert_eq!(third.run(&["import", "--json"], again.as_bytes()).out, "{\"events\":4,\"repeated\":0}\n");
    let last = third.does(&["export"]);
    assert_eq!(timeless(&last), timeless(&again));
    // Each remembers what the other imported.
    let (second_by_go, third_by_rust) = (go(&server, "second"), Place::new(&server, "third"));
    assert_eq!(second_by_go.run(&["import"], exported.as_bytes()).out, "0 events imported, 4 were there already\n");
    assert_eq!(third_by_rust.run(&["import"], again.as_bytes()).out, "0 events imported, 4 were there already\n");
}

fn both_append_to_one_store(kind: Kind) {
    let server = Server::start(kind).unwrap();
    let (rust, go) = (Place::new(&server, "shared"), go(&server, "shared"));
    let unique = |name| ["append", "--type", "Named", "--tag", name, "--fail-if", name].map(str::to_owned);
    for (name, first, second) in [("name:ada", &rust, &go), ("name:bob", &go, &rust)] {
        let mut arguments = unique(name);
        arguments[6] = format!("tag={name}");
        let arguments = arguments.each_ref().map(String::as_str);
        first.does(&arguments);
        let refused = second.run(&arguments, b"");
        assert_eq!((refused.code, refused.out.as_str()), (3, ""));
        assert_eq!(refused, first.run(&arguments, b""));
    }
    for arguments in
        [&["query"][..], &["query", "--json"], &["stats"], &["stats", "--json"], &["inspect"], &["commands"]]
    {
        assert_eq!(rust.run(arguments, b""), go.run(arguments, b""), "{arguments:?}");
    }
}

/// Without positions and times.
fn placeless(lines: &str) -> Vec<String> {
    let places = lines.lines().enumerate().map(|(number, line)| {
        let (place, rest) = line.split_once(",\"id\":").unwrap();
        let position: u64 = place.strip_prefix("{\"position\":").unwrap().parse().unwrap();
        assert!(position > number as u64);
        timeless(rest)
    });
    places.collect()
}
