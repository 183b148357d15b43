//! Connections in memory, whose other end is a vector.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use coracle::{Connecting, Connector, Endpoint, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// All links that a client opened, in order.
#[derive(Clone, Default)]
pub struct Network {
    links: Arc<Mutex<Vec<Arc<Link>>>>,
    changed: Arc<Notify>,
}

/// One connection.
#[derive(Default)]
pub struct Link {
    state: Mutex<State>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// Each is given to one read.
    to_client: VecDeque<Vec<u8>>,
    from_client: Vec<u8>,
    hung_up: bool,
    closed: bool,
    reader: Option<Waker>,
}

/// The client's end of a link.
struct Pipe(Arc<Link>);

impl Network {
    /// The `number`th link, from 1, once it is open.
    pub async fn link(&self, number: usize) -> Arc<Link> {
        loop {
            let changed = self.changed.notified();
            if let Some(link) = self.links.lock().unwrap().get(number - 1) {
                return Arc::clone(link);
            }
            changed.await;
        }
    }

    pub fn links(&self) -> Vec<Arc<Link>> {
        self.links.lock().unwrap().clone()
    }
}

impl Connector for Network {
    fn connect(&self, _endpoint: &Endpoint) -> Connecting {
        let link = Arc::new(Link { changed: Arc::clone(&self.changed), ..Link::default() });
        self.links.lock().unwrap().push(Arc::clone(&link));
        self.changed.notify_waiters();
        let pipe: Box<dyn Transport> = Box::new(Pipe(link));
        Box::pin(std::future::ready(Ok(pipe)))
    }
}

impl Link {
    /// The server says this, in one read.
    pub fn say(&self, bytes: Vec<u8>) {
        let mut state = self.state();
        state.to_client.push_back(bytes);
        wake(state);
    }

    /// The server closes the link.
    pub fn hang_up(&self) {
        let mut state = self.state();
        state.hung_up = true;
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
        loop {
            let changed = self.changed.notified();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// What the client sent and nobody took.
    pub fn rest(&self) -> Vec<u8> {
        self.state().from_client.clone()
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
        self.0.state().from_client.extend_from_slice(bytes);
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
