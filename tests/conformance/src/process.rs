//! The process of a server, and signals for it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use crate::{Kind, Options};

/// A signal, such as `Signal::STOP`.
pub use rustix::process::Signal;

/// Sends it to a process that has not been waited for.
///
/// # Errors
/// It is gone.
pub fn send(child: &Child, signal: Signal) -> Result<()> {
    kill_process(Pid::from_child(child), signal).with_context(|| format!("sending {signal:?}"))
}

/// Starts the program. What it says comes out of the channel, which ends with it.
pub(crate) fn spawn(
    kind: Kind,
    port: u16,
    folder: &TempDir,
    options: &Options,
) -> Result<(Child, mpsc::Receiver<String>)> {
    let mut command = Command::new(kind.program());
    command
        .current_dir(folder.path())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--logfile", ""])
        .args(&options.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.path().join("stderr"))?);
    if options.unix {
        command.arg("--unixsocket").arg(folder.path().join("socket"));
    }
    let mut child = command.spawn().with_context(|| {
        format!("{} can't be run: scripts/install-servers.sh installs the servers for the tests", kind.program())
    })?;
    let stdout = child.stdout.take().context("the server has no output")?;
    let (sender, said) = mpsc::channel();
    // Goes on to the end, so that the server never waits for somebody to read.
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens once it is ready.
            let _ = sender.send(line);
        }
    });
    Ok((child, said))
}
