//! A client whose connections speak TLS, by a connector of its own: `cargo run --example tls -- HOST PORT CA.pem`.
//!
//! It trusts the certificates of the file only, and takes the host's name for the server's. A client certificate, or
//! other roots, are a matter of rustls's configuration.

use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};
use coracle::{Client, Config, Connecting, Connector, Endpoint, Transport};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

struct Tls(TlsConnector);

impl Tls {
    /// Trusts who can show a certificate by one of these.
    fn trusting(roots: &str) -> Result<Self> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(roots).context("reading the certificates")? {
            store.add(certificate.context("reading a certificate")?)?;
        }
        let config = ClientConfig::builder().with_root_certificates(store).with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl Connector for Tls {
    fn connect(&self, endpoint: &Endpoint) -> Connecting {
        let (tls, endpoint) = (self.0.clone(), endpoint.clone());
        Box::pin(async move {
            let Endpoint::Tcp { host, port } = endpoint else {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS goes over TCP here"));
            };
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let socket = TcpStream::connect((host, port)).await?;
            socket.set_nodelay(true)?;
            Ok(Box::new(tls.connect(name, socket).await?) as Box<dyn Transport>)
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, roots] = arguments.as_slice() else { anyhow::bail!("HOST PORT CA.pem are wanted") };
    let client: Client =
        Config::new(&format!("redis://{host}:{port}"))?.connector(Tls::trusting(roots)?).connect().await?;
    println!("{:?}", client.command(["PING"]).await?);
    Ok(())
}
