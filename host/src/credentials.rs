//! Credentials, and those who provide them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::error::{Cause, Error, Failure};

/// How long a provider may take.
const FETCH: Duration = Duration::from_secs(30);

/// User name and password, and for how long they are good.
///
/// They stay in the host: the core that speaks the protocol knows their lengths only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) username: Bytes,
    pub(crate) password: Bytes,
    pub(crate) expires_in: Option<Duration>,
}

/// Credentials on their way.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Credentials, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// Gives the credentials that a client is to use, such as tokens that expire.
///
/// Asked once before the first connection, then before what it gave expires, and whenever
/// [`crate::Client::renew_credentials`] says so. A function that gives a future of credentials is a provider.
///
/// It may take 30 seconds. Where it fails, panics, or takes longer, nothing was sent: who waits for it, which is who
/// starts the client or renews, gets an error whose outcome is [`crate::Outcome::NotSent`], with no cause or
/// [`crate::Cause::Deadline`]. A client that runs goes on with what it has, and asks again after 5 seconds.
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Fetches credentials. The text of an error may get into logs.
    fn fetch(&self) -> Fetching;
}

impl<F, A> CredentialsProvider for F
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<Credentials, Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    fn fetch(&self) -> Fetching {
        Box::pin(self())
    }
}

impl Credentials {
    /// A user name, which may be empty, and a password.
    #[must_use]
    pub fn new(username: &str, password: &str) -> Self {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Self { username: bytes(username), password: bytes(password), expires_in: None }
    }

    /// How long from now they are good. New ones are fetched before, but not within 200 ms.
    #[must_use]
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expires_in = Some(life);
        self
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secrets are left out.
        f.debug_struct("Credentials").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Asks a provider, with a bound on its time.
pub(crate) async fn fetch(provider: Arc<dyn CredentialsProvider>) -> Result<Credentials, Error> {
    let none = |cause, detail: String| Error::failed(Failure::NotSent, cause, detail);
    // A panic would end the client, which others share, and which can go on with what it has.
    let fetching = AssertUnwindSafe(async { provider.fetch().await }).catch_unwind();
    match tokio::time::timeout(FETCH, fetching).await {
        Ok(Ok(Ok(credentials))) => Ok(credentials),
        Ok(Ok(Err(error))) => Err(none(Cause::None, format!("the provider of credentials: {error}"))),
        Ok(Err(_)) => Err(none(Cause::None, "the provider of credentials panicked".to_owned())),
        Err(_) => Err(none(Cause::Deadline, "the provider of credentials takes too long".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outcome;

    #[tokio::test(start_paused = true)]
    async fn nothing_was_sent_where_a_provider_fails() {
        let fails = || async { Err::<Credentials, _>("no token".into()) };
        let error = fetch(Arc::new(fails)).await.unwrap_err();
        assert_eq!((error.outcome(), error.cause()), (Outcome::NotSent, Cause::None));
        assert!(matches!(error, Error::Failed(ref failed) if failed.failure == Failure::NotSent), "{error:?}");
        assert!(error.to_string().contains("no token"), "{error}");
        let panics = || async { panic!("as it is to") };
        let error = fetch(Arc::new(panics)).await.unwrap_err();
        assert_eq!((error.outcome(), error.cause()), (Outcome::NotSent, Cause::None));
        assert!(error.to_string().contains("panicked"), "{error}");
        let takes_too_long = || std::future::pending::<Result<Credentials, Box<dyn std::error::Error + Send + Sync>>>();
        let error = fetch(Arc::new(takes_too_long)).await.unwrap_err();
        assert_eq!((error.outcome(), error.cause()), (Outcome::NotSent, Cause::Deadline));
        assert!(matches!(error, Error::Failed(ref failed) if failed.failure == Failure::NotSent), "{error:?}");
    }
}
