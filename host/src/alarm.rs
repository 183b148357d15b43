//! Waiting until a time, for whoever polls what is a client's: on its runtime, on another one, or on none.

use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// It had not come by then.
#[derive(Debug)]
pub(crate) struct Late;

/// The runtime that was to wait is shut down.
#[derive(Debug)]
pub(crate) struct Ended;

/// Waits for something until then. Where the caller is on no runtime, and this one is shut down, it is late at once.
pub(crate) async fn timeout_at<F: Future>(runtime: &Handle, deadline: Instant, future: F) -> Result<F::Output, Late> {
    match select(pin!(future), pin!(ring_at(runtime.clone(), deadline))).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Late),
    }
}

/// Waits until then. The caller's runtime has the timer. For who is on none, a task waits: a timer of a runtime that is
/// shut down panics, where a task only ends.
pub(crate) async fn ring_at(runtime: Handle, deadline: Instant) -> Result<(), Ended> {
    if Handle::try_current().is_ok() {
        sleep_until(deadline).await;
        return Ok(());
    }
    let mut task = JoinSet::new(); // which ends it with this
    task.spawn_on(async move { sleep_until(deadline).await }, &runtime);
    match task.join_next().await {
        Some(Ok(())) => Ok(()),
        _ => Err(Ended),
    }
}
