//! One server.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use tempfile::TempDir;

use crate::Kind;
use crate::process::{NOT_THERE, Signal, absent, send, spawn};

/// How long a server may take until it accepts connections.
const START: Duration = Duration::from_secs(20);
/// Another program may take the port between its choice and the server's start.
const PORTS: usize = 5;

/// How a server is to be, beside what all have in common.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments of its command line.
    pub arguments: Vec<String>,
    /// Also listen at a unix socket in its folder.
    pub unix: bool,
}

/// A running server. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    child: Child,
    port: u16,
    folder: TempDir,
    options: Options,
    said: mpsc::Receiver<String>,
}

impl Server {
    /// Starts a server of this kind, without persistence.
    ///
    /// # Errors
    /// The program is not installed, or does not start.
    pub fn start(kind: Kind) -> Result<Self> {
        Self::start_with(kind, &Options::default())
    }

    /// As `start`, with more options.
    ///
    /// # Errors
    /// As for `start`.
    pub fn start_with(kind: Kind, options: &Options) -> Result<Self> {
        let mut last = String::new();
        for _ in 0..PORTS {
            match Self::try_start(kind, options)? {
                Ok(server) => return Ok(server),
                Err(said) if said.contains("ddress already in use") => last = said,
                Err(said) => bail!("{} did not start; it said:\n{said}", kind.program()),
            }
        }
        bail!("{} found no free port; it said:\n{last}", kind.program())
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its URL for TCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The same with credentials.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Its URL for the unix socket.
    #[must_use]
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(&self.child, signal)
    }

    /// Kills it and waits until it is gone. Its port answers nobody from then on.
    ///
    /// # Errors
    /// It can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after `kill`, on the same port and with the files that it left. Does not wait: see
    /// `wait_until_ready`.
    ///
    /// # Errors
    /// The program does not run any more.
    pub fn relaunch(&mut self) -> Result<()> {
        (self.child, self.said) = spawn(self.kind, self.port, &self.folder, &self.options)?;
        Ok(())
    }

    /// Waits until it accepts connections and has loaded its data.
    ///
    /// # Errors
    /// It ended instead, or takes too long.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        self.listen()?.map_err(|said| anyhow!("{} did not start; it said:\n{said}", self.kind.program()))
    }

    /// Sets what it is started with from the next `relaunch` on.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// One try, on one port. The inner error is what the server said.
    fn try_start(kind: Kind, options: &Options) -> Result<Result<Self, String>> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let (child, said) = spawn(kind, port, &folder, options)?;
        let mut server = Self { kind, child, port, folder, options: options.clone(), said };
        Ok(server.listen()?.map(|()| server))
    }

    /// Listens to what the server says until it accepts connections.
    fn listen(&mut self) -> Result<Result<(), String>> {
        let deadline = Instant::now() + START;
        let mut said = String::new();
        loop {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains("eady to accept connections") => return Ok(Ok(())),
                Ok(line) => said = format!("{said}{line}\n"),
                Err(mpsc::RecvTimeoutError::Disconnected) if self.child.wait()?.code() == Some(NOT_THERE) => {
                    bail!(absent(self.kind))
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(Err(said)),
                Err(mpsc::RecvTimeoutError::Timeout) => bail!("the server is not ready after {START:?}:\n{said}"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.kill();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
