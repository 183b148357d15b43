//! The scripted network as the host's connector.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use coracle::{Connecting, Connector, Endpoint, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::{Given, Taken};
use crate::world::World;

/// Dials into a world.
pub struct Network(pub Arc<World>);

impl Connector for Network {
    fn connect(&self, _endpoint: &Endpoint) -> Connecting {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let id = world.change(|state| state.dial())?;
            Ok(Box::new(End { world, id }) as Box<dyn Transport>)
        })
    }
}

/// The client's end of a connection.
struct End {
    world: Arc<World>,
    id: usize,
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let given = self.world.change(|state| {
            let given = state.give(self.id, buffer.remaining());
            if matches!(given, Given::Wait) {
                state.connections[self.id].reads_later(cx.waker());
            }
            given
        });
        match given {
            Given::Bytes(bytes) => buffer.put_slice(&bytes),
            Given::Again => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Given::Wait => return Poll::Pending,
            Given::Error(kind) => return Poll::Ready(Err(kind.into())),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        let taken = self.world.change(|state| {
            let taken = state.take(self.id, &offered);
            if matches!(taken, Taken::Wait) {
                state.connections[self.id].writes_later(cx.waker());
            }
            taken
        });
        match taken {
            Taken::Bytes(count) => Poll::Ready(Ok(count)),
            Taken::Again => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Taken::Wait => Poll::Pending,
            Taken::Error(kind) => Poll::Ready(Err(kind.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.world.change(|state| state.connections[self.id].close());
    }
}
