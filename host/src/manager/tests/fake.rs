//! A server in memory that knows just enough for the tests beside this file.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::{Connecting, Connector, Endpoint, Transport};

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
    connections: usize,
    open: usize,
    /// Of the newest connection.
    to_client: VecDeque<u8>,
    from_client: Vec<u8>,
    seen: Vec<String>,
    refusing: bool,
    deaf: bool,
    wakers: Vec<Waker>,
}

struct Pipe(Arc<Shared>);

impl Server {
    /// Says this on the newest connection.
    pub(super) fn say(&self, text: &str) {
        let mut state = self.0.state();
        state.to_client.extend(text.as_bytes());
        state.wake();
    }

    /// Waits for a command of this name.
    pub(super) async fn seen(&self, name: &str) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.state().seen.iter().any(|seen| seen == name) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.0.state().connections
    }

    pub(super) fn open_connections(&self) -> usize {
        self.0.state().open
    }

    /// Takes no more bytes, on the connections that are open.
    pub(super) fn stop_reading(&self) {
        self.0.state().deaf = true;
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
        state.connections += 1;
        state.open += 1;
        state.deaf = false;
        state.to_client.clear();
        state.from_client.clear();
        let pipe: Box<dyn Transport> = Box::new(Pipe(Arc::clone(&self.0)));
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
    fn answer(&mut self) {
        while let Some((command, length)) = command(&self.from_client) {
            self.from_client.drain(..length);
            let answer: &[u8] = match command[0].as_str() {
                "HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n",
                "PING" => b"+PONG\r\n",
                "SUBSCRIBE" => b">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n",
                "HANG" => b"",
                _ => b"+OK\r\n",
            };
            self.to_client.extend(answer);
            self.seen.push(command[0].clone());
        }
        self.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        if state.to_client.is_empty() {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.remaining().min(state.to_client.len());
        let bytes: Vec<u8> = state.to_client.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.state();
        if state.deaf {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.from_client.extend_from_slice(bytes);
        state.answer();
        self.0.changed.notify_waiters();
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
        self.0.state().open -= 1;
    }
}

/// The first command in these bytes, and how many of them it takes.
fn command(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    fn line(bytes: &[u8], at: &mut usize) -> Option<usize> {
        let rest = &bytes[*at..];
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
