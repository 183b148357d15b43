//! A connection as the manager keeps it: output to be written, input that was not forgotten, a value under
//! construction.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::connector::{Connecting, Transport};
use crate::rows::MAX_FEED;
use crate::stats::OpenLink;
use crate::tape::{Builder, TRUSTED};

use super::awaiter::Awaiter;
use super::look;

/// Segments given to one write.
const VECTOR: usize = 64;
/// What is read at once of a value that passes, at most. Larger reads, of what was waited for, cost the server's core a
/// fifth more in the network.
const PIECE: usize = 128 << 10;
/// What is asked for by one read, at least.
const LEAST_READ: usize = 512;

pub(super) struct Link {
    pub(super) id: u32,
    pub(super) io: Io,
    /// Once it is connected.
    pub(super) open: Option<OpenLink>,
    pub(super) output: Output,
    pub(super) input: Input,
    pub(super) value: Builder,
    /// Bytes that are to pass, and those that did and were not reported.
    pub(super) pass: u64,
    pub(super) skipped: u64,
    /// It is about to be reported as closed: nothing is done with it any more.
    pub(super) dead: bool,
    /// It is not read: the queue of this subscription is full.
    pub(super) held: Option<u64>,
    awaiter: Awaiter,
    /// Bytes that answer one caller, in the mean.
    reply_size: usize,
    /// Written and received bytes when the core last heard of them.
    pub(super) reported: (u64, u64),
}

pub(super) enum Io {
    Connecting(Connecting),
    Open(Box<dyn Transport>),
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Output {
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that were written.
    front: usize,
    /// Bytes that the socket took.
    pub(super) written: u64,
    /// The number of the last append of which a byte was written.
    pub(super) touched: u64,
    /// Why no more can be written. What the peer said before may still be read.
    broken: Option<io::Error>,
    unflushed: bool,
    /// Buffers that were written.
    spares: Vec<Vec<u8>>,
}

struct Segment {
    body: Body,
    sequence: u64,
}

/// Bytes to be written.
pub(super) enum Body {
    /// In a buffer that is used again.
    Copied(Vec<u8>),
    /// That somebody else has too.
    Shared(Bytes),
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What was read and may still be pointed at.
#[derive(Default)]
pub(super) struct Input {
    /// Bytes that came, fed or passed.
    pub(super) received: u64,
    /// The last of them that the core wants kept.
    pub(super) kept: Vec<u8>,
}

impl Link {
    pub(super) fn new(id: u32, connecting: Connecting) -> Self {
        Self {
            id,
            io: Io::Connecting(connecting),
            open: None,
            output: Output::default(),
            input: Input::default(),
            value: Builder::default(),
            awaiter: Awaiter::default(),
            pass: 0,
            skipped: 0,
            dead: false,
            held: None,
            reply_size: MAX_FEED,
            reported: (0, 0),
        }
    }

    /// Bytes that came on it, read or not.
    pub(super) fn came(&self) -> u64 {
        let Io::Open(transport) = &self.io else { return self.input.received };
        let came = self.input.received + self.awaiter.waiting(transport.as_ref());
        came.max(self.reported.1)
    }

    /// Whether it can be asked for what the runtime has not heard of.
    pub(super) fn can_be_looked_at(&self) -> bool {
        matches!(&self.io, Io::Open(transport) if look::is_socket(transport.as_ref()))
    }

    /// So many bytes answered so many callers.
    pub(super) fn note_replies(&mut self, bytes: usize, callers: usize) {
        // A mean in which the newest counts for a quarter.
        self.reply_size = (self.reply_size * 3 + bytes / callers) / 4;
    }

    /// Appends to the output.
    pub(super) fn append(&mut self, body: Body, sequence: u64) {
        if !body.is_empty() && !self.dead {
            self.output.segments.push_back(Segment { body, sequence });
        }
    }

    /// Writes as much as the socket takes. Gives the bytes written; a broken socket is noted, for the reader to end it.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> u64 {
        let Io::Open(transport) = &mut self.io else { return 0 };
        self.output.poll_write(transport, cx)
    }

    /// Reads into `scratch`: about as much as answers so many callers. `Ok(0)` is the end. To look means to read also
    /// what the runtime has not heard of.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        callers: usize,
        look: bool,
    ) -> Poll<io::Result<usize>> {
        let Io::Open(transport) = &mut self.io else { return Poll::Pending };
        self.awaiter.expect(transport.as_ref(), 0);
        let enough = self.reply_size.saturating_mul(callers).clamp(LEAST_READ, scratch.len().max(LEAST_READ));
        let mut buffer = ReadBuf::new(scratch.get_mut(..enough).unwrap_or_default());
        let mut read = Pin::new(&mut *transport).poll_read(cx, &mut buffer);
        if look && read.is_pending() {
            read = look::read(transport.as_ref(), &mut buffer);
        }
        let count = buffer.filled().len();
        self.input.received += count as u64;
        self.output.ended(read.map_ok(|()| count))
    }

    /// Reads what is to pass, straight to where it is kept. `Ok(0)` is the end. To look means the same as for
    /// `poll_read`.
    pub(super) fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        look: bool,
    ) -> Poll<io::Result<usize>> {
        let Io::Open(transport) = &mut self.io else { return Poll::Pending };
        let left = usize::try_from(self.pass).unwrap_or(usize::MAX);
        self.awaiter.expect(transport.as_ref(), left);
        let read = match self.value.passing() {
            Some(value) => {
                // It doubles as bytes come, whatever the server has announced.
                if value.capacity() == value.len() {
                    value.reserve(left.min(TRUSTED.max(value.len())));
                }
                let room = (value.capacity() - value.len()).min(left).min(PIECE);
                let mut read = poll_read_buf(Pin::new(&mut *transport), cx, &mut (&mut *value).limit(room));
                // What has room for more than the value would take what comes behind it.
                if look && read.is_pending() && value.capacity() - value.len() <= left {
                    read = look::append(transport.as_ref(), value);
                }
                read
            }
            None => {
                let room = left.min(scratch.len());
                let mut buffer = ReadBuf::new(scratch.get_mut(..room).unwrap_or_default());
                Pin::new(transport).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
            }
        };
        if let Poll::Ready(Ok(count)) = &read {
            self.input.received += *count as u64;
            self.pass -= *count as u64;
            self.skipped += *count as u64;
        }
        self.output.ended(read)
    }
}

impl Output {
    fn poll_write(&mut self, transport: &mut Box<dyn Transport>, cx: &mut Context<'_>) -> u64 {
        let before = self.written;
        while !self.segments.is_empty() && self.broken.is_none() {
            match self.poll_write_once(transport, cx) {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.advance(count),
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => break,
            }
        }
        if self.segments.is_empty() && self.unflushed && self.broken.is_none() {
            match Pin::new(transport).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => {}
            }
        }
        self.written - before
    }

    fn poll_write_once(&self, transport: &mut Box<dyn Transport>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let [segment] = self.segments.as_slices().0
            && self.segments.len() == 1
        {
            return Pin::new(transport).poll_write(cx, segment.body.get(self.front..).unwrap_or_default());
        }
        let mut slices = [IoSlice::new(&[]); VECTOR];
        let mut front = self.front;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment.body.get(front..).unwrap_or_default());
            front = 0;
        }
        let used = self.segments.len().min(VECTOR);
        Poll::Ready(ready!(Pin::new(transport).poll_write_vectored(cx, slices.get(..used).unwrap_or_default())))
    }

    fn advance(&mut self, count: usize) {
        self.written += count as u64;
        self.unflushed = true;
        let mut left = count + self.front;
        self.front = 0;
        while let Some(segment) = self.segments.front() {
            if left > 0 {
                self.touched = segment.sequence;
            }
            if left < segment.body.len() {
                self.front = left;
                return;
            }
            left -= segment.body.len();
            if let Some(Segment { body: Body::Copied(buffer), .. }) = self.segments.pop_front() {
                self.spares.push(buffer);
            }
        }
    }

    /// A buffer that was written, to be used again.
    pub(super) fn take_spare(&mut self) -> Option<Vec<u8>> {
        self.spares.pop()
    }

    /// A socket that can't be written to, and has nothing more to read, is at its end.
    fn ended(&mut self, read: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match (&read, self.broken.take()) {
            (Poll::Pending | Poll::Ready(Ok(0)), Some(error)) => Poll::Ready(Err(error)),
            (_, broken) => {
                self.broken = broken;
                read
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::rows::Node;
    use crate::tape::Source;
    use crate::wit::NodeKind;

    /// What comes of a large value is no silence, though its reader is not woken for it.
    #[tokio::test]
    async fn what_is_waited_for_is_told() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut peer = listener.accept().await.unwrap().0;
        let mut link = Link::new(1, Box::pin(std::future::pending()));
        link.io = Io::Open(Box::new(stream));
        link.pass = 1 << 20;
        let mut pass = async || poll_fn(|cx| Poll::Ready(link.poll_pass(cx, &mut [0; 16], false).is_pending())).await;
        assert!(pass().await);
        assert_eq!(link.came(), 0);
        peer.write_all(&[0; 1000]).await.unwrap();
        let come = async {
            while link.came() < 1000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), come).await.unwrap();
        // What is read before it is counted is not told as less.
        link.reported.1 = 1000;
        link.awaiter = Awaiter::default();
        assert_eq!(link.came(), 1000);
    }

    /// What comes behind a value that passes is never read into it.
    #[tokio::test]
    async fn looking_reads_no_further_than_the_value() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        for (room, reads) in [(0, true), (100, false)] {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut peer = listener.accept().await.unwrap().0;
            let mut link = Link::new(1, Box::pin(std::future::pending()));
            link.io = Io::Open(Box::new(stream));
            link.pass = 8;
            let node = Node { kind: NodeKind::Bulk, detail: 1 << 7, size: 8, value: 0 };
            link.value.append(&node, &Source { base: 0, input: &[], texts: &[] }).unwrap();
            link.value.passing().unwrap().reserve_exact(8 + room);
            let mut look = async || poll_fn(|cx| Poll::Ready(link.poll_pass(cx, &mut [], true).is_ready())).await;
            assert!(!look().await);
            peer.write_all(b"0123456789").await.unwrap();
            assert_eq!(look().await, reads);
            assert_eq!(link.pass, if reads { 0 } else { 8 });
        }
    }
}
