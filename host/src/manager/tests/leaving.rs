//! What becomes of those who wait when the client's task does not come to its end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

use super::fake::{HANG, Server};
use super::{config, connect, in_time, next, ping};
use crate::{
    Cause, Client, ClientState, Connecting, Connector, Endpoint, Names, Notice, Outcome, Session, SubscribeOptions,
    Subscription, Transport,
};

/// What lives on when the task is gone.
struct Left {
    client: Client,
    subscription: Subscription,
    session: Session,
}

async fn left(client: Client) -> Left {
    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    let session = in_time(client.session()).await.unwrap();
    Left { client, subscription, session }
}

/// Each is told, none waits.
async fn all_are_told(mut left: Left) {
    let told = in_time(left.subscription.next()).await.expect("first it says why").unwrap_err();
    assert_eq!((told.cause(), told.outcome()), (Cause::Closing, Outcome::NotSent), "{told}");
    assert_eq!(in_time(left.subscription.next()).await, None);
    assert_eq!(left.session.over(), Some(told.clone()));
    assert_eq!(left.client.state(), ClientState::Closed(told.clone()));
    assert_eq!(in_time(left.client.ready()).await, Err(told.clone()));
    assert_eq!(ping(&left.client).await, Err(told.clone()));
    let stats = left.client.stats();
    assert_eq!((stats.calls, stats.sessions, stats.links), (0, 0, 0));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn timers_are_not_those_of_a_runtime_that_is_shut_down() {
    let (server, first, second) = (Server::default(), runtime(), runtime());
    let client = first.block_on(connect(&server));
    drop(first);
    second.block_on(async {
        let endless = std::future::pending::<()>();
        client.shared.timeout(Duration::from_millis(1), endless).await.unwrap_err();
    });
}

#[test]
fn a_runtime_is_shut_down_under_a_client() {
    let (server, first, second) = (Server::default(), runtime(), runtime());
    let left = first.block_on(async { left(connect(&server).await).await });
    let client = left.client.clone();
    let mut hanging = Box::pin(client.command([HANG, "k"]));
    first.block_on(async {
        assert!(hanging.as_mut().now_or_never().is_none());
        in_time(server.seen(HANG)).await;
    });
    let mut waiting = Box::pin(client.command(["PING"]));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(first);
    second.block_on(async {
        assert_eq!(in_time(hanging).await.unwrap_err().outcome(), Outcome::MaybeExecuted);
        assert_eq!(in_time(waiting).await.unwrap_err().outcome(), Outcome::NotSent);
        all_are_told(left).await;
    });
}

/// Connections that panic when something is written to them, from then on that this is set.
#[derive(Clone)]
struct Panicking(Server, Arc<AtomicBool>);

struct Pipe(Box<dyn Transport>, Arc<AtomicBool>);

impl Connector for Panicking {
    fn connect(&self, endpoint: &Endpoint) -> Connecting {
        let (connecting, panics) = (self.0.connect(endpoint), Arc::clone(&self.1));
        Box::pin(async move { Ok(Box::new(Pipe(connecting.await?, panics)) as Box<dyn Transport>) })
    }
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!self.1.load(Ordering::Relaxed), "as it was told to");
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_transport_panics() {
    let (server, panics) = (Server::default(), Arc::new(AtomicBool::new(false)));
    let connector = Panicking(server.clone(), Arc::clone(&panics));
    let left = left(config(&server).connector(connector).connect().await.unwrap()).await;
    panics.store(true, Ordering::Relaxed);
    // What was on its way then may have been sent, in part.
    assert_eq!(ping(&left.client).await.unwrap_err().cause(), Cause::Closing);
    all_are_told(left).await;
}
