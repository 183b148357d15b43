//! How connections are made: sockets, unless a test or a special network brings its own.

use std::any::Any;
use std::future::{Future, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// By TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// By unix socket.
    Unix {
        /// Its path.
        path: String,
    },
}

/// A connection: bytes in, bytes out. Dropping it closes it.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + Any {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + Any> Transport for T {}

/// A connection being made. Errors of kind `PermissionDenied` say that a policy forbids the endpoint.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send>>;

/// Makes connections. One that speaks TLS makes a client do so: `examples/tls.rs` has one by `tokio-rustls`.
pub trait Connector: Send + Sync + 'static {
    /// Connects to `endpoint`. The future is dropped when the client no longer wants the connection. A panic is taken
    /// for an error.
    fn connect(&self, endpoint: &Endpoint) -> Connecting;
}

/// Connects. A panic would end the client, which others share: it is a connection that can't be made.
pub(crate) fn connect(connector: &dyn Connector, endpoint: &Endpoint) -> Connecting {
    let panicked = || io::Error::other("the connector panicked");
    match catch_unwind(AssertUnwindSafe(|| connector.connect(endpoint))) {
        Ok(connecting) => {
            let guarded = AssertUnwindSafe(connecting).catch_unwind();
            Box::pin(guarded.map(move |connected| connected.unwrap_or_else(|_| Err(panicked()))))
        }
        Err(_) => Box::pin(ready(Err(panicked()))),
    }
}

/// After how long a silence the system asks whether a peer is still there. The core asks too, by PING; this also finds
/// out where nothing is to be sent.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How long it waits for an answer before it asks again, and after how many it gives up.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// Sockets of the system, by tokio. TCP without Nagle's delay, and with keepalive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sockets;

impl Connector for Sockets {
    fn connect(&self, endpoint: &Endpoint) -> Connecting {
        match endpoint.clone() {
            Endpoint::Tcp { host, port } => Box::pin(tcp(host, port)),
            Endpoint::Unix { path } => Box::pin(unix(path)),
        }
    }
}

async fn tcp(host: String, port: u16) -> io::Result<Box<dyn Transport>> {
    Ok(Box::new(tcp_stream(&host, port).await?))
}

async fn tcp_stream(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&keepalive())?;
    Ok(stream)
}

fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES)
}

#[cfg(unix)]
async fn unix(path: String) -> io::Result<Box<dyn Transport>> {
    Ok(Box::new(UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_path: String) -> io::Result<Box<dyn Transport>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "unix sockets are not available here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panicking {
        at_once: bool,
    }

    impl Connector for Panicking {
        fn connect(&self, _: &Endpoint) -> Connecting {
            assert!(!self.at_once, "as it is to");
            Box::pin(async { panic!("as it is to") })
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        for at_once in [true, false] {
            let endpoint = Endpoint::Unix { path: "/socket".into() };
            let Err(error) = connect(&Panicking { at_once }, &endpoint).await else { panic!("it connects") };
            assert_eq!(error.to_string(), "the connector panicked");
            let config = crate::Config::new("redis://host").unwrap().connector(Panicking { at_once });
            let error = config.connect().await.unwrap_err();
            assert_eq!(error.cause(), crate::Cause::Unreachable, "{error}");
        }
    }

    #[tokio::test]
    async fn sockets_are_kept_alive() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = tcp_stream("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        // The same as the Go host's.
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(15));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    }
}
