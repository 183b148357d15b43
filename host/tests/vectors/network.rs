//! Connections in memory, whose other end is a vector.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use anyhow::{Result, ensure};
use coracle::{Connecting, Connector, Endpoint, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// All links that a client asked for, in order.
#[derive(Clone, Default)]
pub struct Network {
    links: Arc<Mutex<Vec<Arc<Link>>>>,
    changed: Arc<Notify>,
}

/// One connection.
pub struct Link {
    /// Where it leads.
    pub endpoint: Endpoint,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

struct State {
    /// How the asking for it ends, once the vector says so.
    answer: Option<io::Result<()>>,
    answered: bool,
    /// Each is given to one read.
    to_client: VecDeque<Vec<u8>>,
    from_client: Vec<u8>,
    /// What the socket still takes.
    room: usize,
    hung_up: bool,
    closed: bool,
    /// The vector said that it closes, one way or the other.
    over: bool,
    reader: Option<Waker>,
}

/// The client's end of a link.
struct Pipe(Arc<Link>);

impl Network {
    /// The `number`th link, from 1, once it is asked for.
    pub async fn link(&self, number: usize) -> Arc<Link> {
        loop {
            let changed = self.changed.notified();
            if let Some(link) = self.links.lock().unwrap().get(number - 1) {
                return Arc::clone(link);
            }
            changed.await;
        }
    }

    /// Nothing may be left that the vector does not say.
    pub fn nothing_left(&self) -> Result<()> {
        let (mut asked, mut over) = (0, 0);
        for (number, link) in (1..).zip(self.links.lock().unwrap().iter()) {
            let state = link.state();
            let rest = String::from_utf8_lossy(&state.from_client);
            ensure!(rest.is_empty(), "on link {number} the client also sent {rest:?}");
            ensure!(state.over || !state.closed, "the client closed link {number}");
            asked += usize::from(!state.answered && !state.over);
            over += usize::from(state.over);
        }
        // One that is asked for in place of another need not be given.
        ensure!(asked <= over, "the client asks for more links");
        Ok(())
    }
}

impl Connector for Network {
    fn connect(&self, endpoint: &Endpoint) -> Connecting {
        let state = State {
            answer: None,
            answered: false,
            to_client: VecDeque::new(),
            from_client: Vec::new(),
            room: usize::MAX,
            hung_up: false,
            closed: false,
            over: false,
            reader: None,
        };
        let (endpoint, state) = (endpoint.clone(), Mutex::new(state));
        let link = Arc::new(Link { endpoint, state, changed: Arc::clone(&self.changed) });
        self.links.lock().unwrap().push(Arc::clone(&link));
        self.changed.notify_waiters();
        // Whoever drops the future, or what it gives, closes the link.
        let pipe = Pipe(link);
        Box::pin(async move {
            pipe.0.answer().await?;
            Ok(Box::new(pipe) as Box<dyn Transport>)
        })
    }
}

impl Link {
    /// Lets the client have it, or not. Says whether that was done before.
    pub fn decide(&self, answer: io::Result<()>) -> bool {
        let mut state = self.state();
        state.over |= answer.is_err();
        state.answer = Some(answer);
        let before = std::mem::replace(&mut state.answered, true);
        drop(state);
        self.changed.notify_waiters();
        before
    }

    /// The server says this, in one read.
    pub fn say(&self, bytes: Vec<u8>) {
        let mut state = self.state();
        state.to_client.push_back(bytes);
        wake(state);
    }

    /// The socket takes so many bytes more, and then none.
    pub fn stall(&self, room: usize) {
        self.state().room = room;
    }

    /// The server closes the link.
    pub fn hang_up(&self) {
        let mut state = self.state();
        (state.hung_up, state.over) = (true, true);
        wake(state);
    }

    /// Takes the next `count` bytes that the client sent, once they are there.
    pub async fn take(&self, count: usize) -> Vec<u8> {
        loop {
            let changed = self.changed.notified();
            if let Some(bytes) = self.state().take(count) {
                return bytes;
            }
            changed.await;
        }
    }

    /// Waits until the client has closed the link.
    pub async fn closed(&self) {
        self.state().over = true;
        loop {
            let changed = self.changed.notified();
            if self.state().closed {
                return;
            }
            changed.await;
        }
    }

    /// What the client sent and nobody took.
    pub fn rest(&self) -> Vec<u8> {
        self.state().from_client.clone()
    }

    async fn answer(&self) -> io::Result<()> {
        loop {
            let changed = self.changed.notified();
            if let Some(answer) = self.state().answer.take() {
                return answer;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        (self.from_client.len() >= count).then(|| self.from_client.drain(..count).collect())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        if let Some(mut bytes) = state.to_client.pop_front() {
            let rest = bytes.split_off(buffer.remaining().min(bytes.len()));
            buffer.put_slice(&bytes);
            if !rest.is_empty() {
                state.to_client.push_front(rest);
            }
            return Poll::Ready(Ok(()));
        }
        if state.hung_up {
            return Poll::Ready(Ok(()));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.state();
        let taken = bytes.len().min(state.room);
        if taken == 0 && !bytes.is_empty() {
            // It stands still until the link closes, so nobody is to be woken.
            return Poll::Pending;
        }
        state.room -= taken;
        state.from_client.extend(bytes.iter().take(taken));
        drop(state);
        self.0.changed.notify_waiters();
        Poll::Ready(Ok(taken))
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
        self.0.state().closed = true;
        self.0.changed.notify_waiters();
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}
