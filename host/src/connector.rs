//! How connections are made: sockets, unless a test or a special network brings its own.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
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
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection being made. Errors of kind `PermissionDenied` say that a policy forbids the endpoint.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send>>;

/// Makes connections.
pub trait Connector: Send + Sync + 'static {
    /// Connects to `endpoint`. The future is dropped when the client no longer wants the connection.
    fn connect(&self, endpoint: &Endpoint) -> Connecting;
}

/// Sockets of the system, by tokio. TCP without Nagle's delay.
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
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

#[cfg(unix)]
async fn unix(path: String) -> io::Result<Box<dyn Transport>> {
    Ok(Box::new(UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_path: String) -> io::Result<Box<dyn Transport>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "unix sockets are not available here"))
}
