//! Running the program.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;

use conformance::Server;

/// A program, and the store that it works on.
pub struct Place {
    program: OsString,
    url: String,
    namespace: String,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Place {
    /// This package's program.
    pub fn new(server: &Server, namespace: &str) -> Self {
        Self::of(env!("CARGO_BIN_EXE_coracle").into(), server, namespace)
    }

    pub fn of(program: OsString, server: &Server, namespace: &str) -> Self {
        Self { program, url: server.url(), namespace: namespace.to_owned() }
    }

    /// Runs `coracle events`.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Ended {
        self.run_any(&[&["events"], arguments].concat(), input)
    }

    /// Runs `coracle events`, which has to end well, and gives its output.
    pub fn does(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments, b"");
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        ended.out
    }

    pub fn run_any(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.start(arguments);
        let mut into = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read it all may end before.
        let writer = thread::spawn(move || drop(into.write_all(&input)));
        let mut err = child.stderr.take().unwrap();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).map(|_| text)
        });
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let code = child.wait().unwrap().code().expect("it ended by itself");
        writer.join().unwrap();
        Ended { out, err: reader.join().unwrap().unwrap(), code }
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdin(Stdio::piped()).spawn().unwrap()
    }

    /// How it is run, with nothing as input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("CORACLE_URL", &self.url).env("CORACLE_NAMESPACE", &self.namespace);
        command.env_remove("CORACLE_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

pub fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}
