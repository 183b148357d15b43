//! Waiting for much of what is known to come. Else a large value is read in as many pieces as the network brings it in,
//! and each of them wakes the reader.

use crate::connector::Transport;

/// Values of which less is left are read as they come.
pub(super) const LEAST: usize = 64 << 10;
/// As much is waited for at most: the rest comes while that is read.
const MOST: usize = 512 << 10;

/// With how many bytes a socket counts as readable.
pub(super) struct Awaiter {
    bytes: usize,
}

impl Default for Awaiter {
    fn default() -> Self {
        Self { bytes: 1 }
    }
}

impl Awaiter {
    /// So many bytes are sure to come, unless the connection breaks, which wakes its reader in any case.
    pub(super) fn expect(&mut self, transport: &dyn Transport, left: usize) {
        let wanted = if left < LEAST { 1 } else { left.min(MOST) };
        if wanted != self.bytes {
            self.bytes = wanted;
            system::set(transport, wanted);
        }
    }

    /// Bytes that have come, and whose reader was not woken for them.
    pub(super) fn waiting(&self, transport: &dyn Transport) -> u64 {
        if self.bytes > 1 { system::unread(transport) } else { 0 }
    }
}

/// Of the transports, TCP sockets of this system can do it. Where one can't, it is read as what comes, comes.
#[cfg(target_os = "linux")]
mod system {
    use std::any::Any;

    use nix::sys::socket::SetSockOpt;
    use nix::{getsockopt_impl, libc, setsockopt_impl, sockopt_impl};
    use tokio::net::TcpStream;

    use crate::connector::Transport;

    sockopt_impl!(
        /// SO_RCVLOWAT, see socket(7). The macro is nix's, for options that it does not have: it hands the system a
        /// number and its size.
        LowWater, Both, libc::SOL_SOCKET, libc::SO_RCVLOWAT, usize
    );

    pub(super) fn set(transport: &dyn Transport, bytes: usize) {
        if let Some(stream) = socket(transport) {
            let _ = LowWater.set(stream, &bytes);
        }
    }

    pub(super) fn unread(transport: &dyn Transport) -> u64 {
        socket(transport).and_then(|stream| rustix::io::ioctl_fionread(stream).ok()).unwrap_or(0)
    }

    fn socket(transport: &dyn Transport) -> Option<&TcpStream> {
        let any: &dyn Any = transport;
        any.downcast_ref()
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use nix::sys::socket::GetSockOpt;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        use tokio::net::TcpListener;

        use super::super::{Awaiter, MOST};
        use super::*;

        async fn connected() -> (TcpStream, TcpStream) {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            (stream, listener.accept().await.unwrap().0)
        }

        #[tokio::test]
        async fn a_socket_waits_for_much_of_what_is_sure_to_come() {
            let (stream, _peer) = connected().await;
            let mut awaiter = Awaiter::default();
            for (left, bytes) in [(1 << 30, MOST), (MOST - 1, MOST - 1), (100, 1), (1 << 20, MOST), (0, 1)] {
                awaiter.expect(&stream, left);
                assert_eq!(LowWater.get(&stream), Ok(bytes));
            }
        }

        #[tokio::test]
        async fn what_has_come_meanwhile_is_known() {
            let (stream, mut peer) = connected().await;
            let mut awaiter = Awaiter::default();
            awaiter.expect(&stream, MOST);
            assert_eq!(awaiter.waiting(&stream), 0);
            peer.write_all(&[0; 1000]).await.unwrap();
            let come = async {
                while awaiter.waiting(&stream) < 1000 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), come).await.unwrap();
            awaiter.expect(&stream, 10);
            assert_eq!(awaiter.waiting(&stream), 0, "its reader is woken for it");
        }

        #[tokio::test]
        async fn an_end_wakes_who_waits_for_more() {
            let (mut stream, mut peer) = connected().await;
            Awaiter::default().expect(&stream, MOST);
            peer.write_all(b"abc").await.unwrap();
            drop(peer);
            let mut got = Vec::new();
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut got)).await.unwrap().unwrap();
            assert_eq!(got, b"abc");
        }

        #[test]
        fn other_transports_are_left_alone() {
            let (pipe, _peer) = tokio::io::duplex(10);
            let mut awaiter = Awaiter::default();
            awaiter.expect(&pipe, MOST);
            assert_eq!(awaiter.waiting(&pipe), 0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use crate::connector::Transport;

    pub(super) fn set(_: &dyn Transport, _: usize) {}

    pub(super) fn unread(_: &dyn Transport) -> u64 {
        0
    }
}
