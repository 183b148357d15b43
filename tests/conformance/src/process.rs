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

/// What `setpriv` ends with when it can't run what it is to run.
pub(crate) const NOT_THERE: i32 = 127;

/// Starts the program. What it says comes out of the channel, which ends with it.
///
/// On Linux the system kills it when the thread ends that started it, as a test that is killed drops nothing. So that
/// thread is one that reads to the program's end.
pub(crate) fn spawn(
    kind: Kind,
    port: u16,
    folder: &TempDir,
    options: &Options,
) -> Result<(Child, mpsc::Receiver<String>)> {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", kind.program()]);
        command
    } else {
        Command::new(kind.program())
    };
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
    let (sender, said) = mpsc::channel();
    let (started, child) = mpsc::channel();
    thread::spawn(move || {
        let mut child = command.spawn();
        let stdout = child.as_mut().ok().and_then(|child| child.stdout.take());
        // Who waits for it does so without an end.
        let _ = started.send(child);
        // Reads on to the end, so that the server never waits for somebody to do so.
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n')).map_while(Result::ok) {
            // Nobody listens once it is ready.
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    let child = child.recv()?.with_context(|| absent(kind))?;
    Ok((child, said))
}

/// Says how to get it.
pub(crate) fn absent(kind: Kind) -> String {
    format!("{} can't be run: scripts/install-servers.sh installs the servers for the tests", kind.program())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpStream;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::{Kind, Server};

    /// Set where this is the program that is to be killed.
    const KILLED: &str = "CORACLE_TEST_KILLED";

    #[test]
    fn a_server_ends_with_the_program_and_with_no_thread_of_it() {
        if std::env::var_os(KILLED).is_some() {
            let server = thread::spawn(|| Server::start(Kind::Redis)).join().unwrap().unwrap();
            println!("\nport {}", server.port());
            loop {
                thread::park();
            }
        }
        // It leaves the server's folder, as it is killed.
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "process::tests::a_server_ends_with_the_program_and_with_no_thread_of_it"])
            .env(KILLED, "1")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = lines.find_map(|line| line.strip_prefix("port ")?.parse::<u16>().ok()).unwrap();
        let there = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!((0..100).all(|_| there()));
        program.kill().unwrap();
        program.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while there() {
            assert!(Instant::now() < until, "the server outlives the program");
            thread::yield_now();
        }
    }
}
