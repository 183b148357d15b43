//! Reading what a socket has, whether or not the runtime has heard of it. Of what is no socket of this system, such as
//! a transport that encrypts, nothing is known before the runtime says so.

pub(super) use system::{append, is_socket, read};

#[cfg(unix)]
mod system {
    use std::any::Any;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::task::Poll;

    use rustix::buffer::{Buffer, spare_capacity};
    use rustix::net::{RecvFlags, recv};
    use tokio::io::ReadBuf;
    use tokio::net::{TcpStream, UnixStream};

    use crate::connector::Transport;

    pub(in super::super) fn is_socket(transport: &dyn Transport) -> bool {
        socket(transport).is_some()
    }

    /// Reads as much as there is, and room for.
    pub(in super::super) fn read(transport: &dyn Transport, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        receive(transport, buffer.initialize_unfilled()).map_ok(|count| buffer.advance(count))
    }

    /// Appends as much as there is, and room for.
    pub(in super::super) fn append(transport: &dyn Transport, value: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        receive(transport, spare_capacity(value))
    }

    /// That there will be no more, and errors, are left to the runtime.
    fn receive(transport: &dyn Transport, buffer: impl Buffer<u8>) -> Poll<io::Result<usize>> {
        let received = socket(transport).and_then(|socket| recv(socket, buffer, RecvFlags::DONTWAIT).ok());
        match received {
            Some((_, count)) if count > 0 => Poll::Ready(Ok(count)),
            _ => Poll::Pending,
        }
    }

    fn socket(transport: &dyn Transport) -> Option<BorrowedFd<'_>> {
        let any: &dyn Any = transport;
        let tcp = any.downcast_ref::<TcpStream>().map(AsFd::as_fd);
        tcp.or_else(|| any.downcast_ref::<UnixStream>().map(AsFd::as_fd))
    }

    #[cfg(test)]
    mod tests {
        use tokio::io::AsyncWriteExt;

        use super::*;

        /// What lies in a socket is read, though nothing of it was heard by the runtime, which waits for nothing here.
        async fn is_read(socket: impl Transport, mut peer: impl AsyncWriteExt + Unpin) {
            assert!(is_socket(&socket));
            let (mut room, mut value) = ([0; 10], Vec::with_capacity(5));
            let mut buffer = ReadBuf::new(&mut room);
            assert!(read(&socket, &mut buffer).is_pending(), "nothing is there");
            peer.write_all(b"abcdefgh").await.unwrap();
            let mut few = buffer.take(2);
            assert!(matches!(read(&socket, &mut few), Poll::Ready(Ok(()))));
            assert_eq!(few.filled(), b"ab");
            assert!(matches!(append(&socket, &mut value), Poll::Ready(Ok(5))), "there is no room for more");
            assert_eq!(value, b"cdefg");
            assert!(append(&socket, &mut value).is_pending());
            assert!(matches!(read(&socket, &mut buffer), Poll::Ready(Ok(()))));
            assert_eq!(buffer.filled(), b"h");
            drop(peer);
            assert!(read(&socket, &mut buffer).is_pending(), "the end is told by the runtime");
        }

        #[tokio::test]
        async fn sockets_are_read() {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            is_read(tcp, listener.accept().await.unwrap().0).await;
            let (unix, peer) = UnixStream::pair().unwrap();
            is_read(unix, peer).await;
        }

        #[tokio::test]
        async fn other_transports_are_left_to_the_runtime() {
            let (pipe, mut peer) = tokio::io::duplex(10);
            peer.write_all(b"abc").await.unwrap();
            assert!(!is_socket(&pipe));
            assert!(read(&pipe, &mut ReadBuf::new(&mut [0; 10])).is_pending());
            assert!(append(&pipe, &mut Vec::with_capacity(10)).is_pending());
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::task::Poll;

    use tokio::io::ReadBuf;

    use crate::connector::Transport;

    pub(in super::super) fn is_socket(_: &dyn Transport) -> bool {
        false
    }

    pub(in super::super) fn read(_: &dyn Transport, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    pub(in super::super) fn append(_: &dyn Transport, _: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}
