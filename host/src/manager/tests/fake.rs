//! A server in memory that knows just enough for the tests beside this file.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::{Connecting, Connector, Endpoint, Transport};

/// A command that gets no answer. One that clients know, as they would lend another link else.
pub(super) const HANG: &str = "HGETALL";

/// The server. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    /// Commands, and on which connection each came.
    seen: Vec<(String, usize)>,
    refusing: bool,
    /// Connections take no more than their handshake.
    handshakes_only: bool,
    wakers: Vec<Waker>,
}

#[derive(Default)]
struct Connection {
    to_client: VecDeque<u8>,
    from_client: Vec<u8>,
    deaf: bool,
    /// Broken, from the server's side.
    broken: bool,
    closed: bool,
}

struct Pipe {
    shared: Arc<Shared>,
    /// Which connection it is.
    place: usize,
}

impl Server {
    /// Says this on the connection on which this command came last.
    pub(super) fn say_after(&self, name: &str, text: &str) {
        let mut state = self.0.state();
        let place = state.seen.iter().rfind(|(seen, _)| seen == name).expect("the command came").1;
        state.connections[place].to_client.extend(text.as_bytes());
        state.wake();
    }

    /// Says this on this connection, counted from 0.
    pub(super) fn say_on(&self, place: usize, text: &str) {
        let mut state = self.0.state();
        state.connections[place].to_client.extend(text.as_bytes());
        state.wake();
    }

    /// Waits for a command of this name.
    pub(super) async fn seen(&self, name: &str) {
        loop {
            let changed = self.0.changed.notified();
            if self.times(name) > 0 {
                return;
            }
            changed.await;
        }
    }

    /// How often this command came.
    pub(super) fn times(&self, name: &str) -> usize {
        self.0.state().seen.iter().filter(|(seen, _)| seen == name).count()
    }

    /// How often this command came on this connection.
    pub(super) fn times_on(&self, name: &str, place: usize) -> usize {
        self.0.state().seen.iter().filter(|(seen, on)| seen == name && *on == place).count()
    }

    /// On which connection this command came last, counted from 0.
    pub(super) fn place_of(&self, name: &str) -> usize {
        self.0.state().seen.iter().rfind(|(seen, _)| seen == name).expect("the command came").1
    }

    pub(super) fn connections(&self) -> usize {
        self.0.state().connections.len()
    }

    pub(super) fn open_connections(&self) -> usize {
        self.0.state().connections.iter().filter(|connection| !connection.closed).count()
    }

    /// Takes no more bytes, on the connections that are open.
    pub(super) fn stop_reading(&self) {
        self.0.state().connections.iter_mut().for_each(|connection| connection.deaf = true);
    }

    /// On connections to come, takes no more bytes than the handshake.
    pub(super) fn hear_handshakes_only(&self) {
        self.0.state().handshakes_only = true;
    }

    /// Breaks all connections that are open.
    pub(super) fn break_connections(&self) {
        let mut state = self.0.state();
        state.connections.iter_mut().for_each(|connection| connection.broken = true);
        state.wake();
    }

    /// Lets connections hang while they are being made.
    pub(super) fn refuse_connections(&self) {
        self.0.state().refusing = true;
    }

    pub(super) fn accept_connections(&self) {
        self.0.state().refusing = false;
    }
}

impl Connector for Server {
    fn connect(&self, _: &Endpoint) -> Connecting {
        let mut state = self.0.state();
        if state.refusing {
            return Box::pin(std::future::pending());
        }
        let place = state.connections.len();
        state.connections.push(Connection::default());
        let pipe: Box<dyn Transport> = Box::new(Pipe { shared: Arc::clone(&self.0), place });
        Box::pin(std::future::ready(Ok(pipe)))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Answers all commands that are whole.
    fn answer(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        while let Some((command, length)) = command(&connection.from_client) {
            connection.from_client.drain(..length);
            let answer: &[u8] = match command[0].as_str() {
                "HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n",
                "PING" => b"+PONG\r\n",
                "SUBSCRIBE" => b">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n",
                "PSUBSCRIBE" => b">3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:1\r\n",
                HANG => b"",
                _ => b"+OK\r\n",
            };
            connection.to_client.extend(answer);
            connection.deaf |= self.handshakes_only && command[0] == "HELLO";
            self.seen.push((command[0].clone(), place));
        }
        self.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state();
        let Connection { to_client, broken, .. } = &mut state.connections[self.place];
        if *broken {
            return Poll::Ready(Ok(()));
        }
        if to_client.is_empty() {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.remaining().min(to_client.len());
        let bytes: Vec<u8> = to_client.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.shared.state();
        if state.connections[self.place].deaf {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.connections[self.place].from_client.extend_from_slice(bytes);
        state.answer(self.place);
        self.shared.changed.notify_waiters();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.shared.state().connections[self.place].closed = true;
    }
}

/// The first command in these bytes, and how many of them it takes.
fn command(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    fn line(bytes: &[u8], at: &mut usize) -> Option<usize> {
        let rest = bytes.get(*at..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let number = std::str::from_utf8(&rest[1..end]).unwrap().parse().unwrap();
        *at += end + 2;
        Some(number)
    }
    let mut at = 0;
    let count = line(bytes, &mut at)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = line(bytes, &mut at)?;
        words.push(String::from_utf8_lossy(bytes.get(at..at + length)?).into_owned());
        at += length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}
