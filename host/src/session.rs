//! Sessions: a link for one caller alone.

use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Pipeline, RedisFuture, RedisResult, ToRedisArgs, Value};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::client::Client;
use crate::clock::from_now;
use crate::command::{Command, IntoArgument, usage};
use crate::error::{Cause, Error};
use crate::lease::Lease;
use crate::manager::Control;
use crate::script::Script;
use crate::signal::Signal;

/// A link of a [`Client`] for one caller alone, so that WATCH, MULTI, SELECT and what else changes a link's state are
/// of use, and a command that blocks holds up nobody else.
///
/// It implements [`redis::aio::ConnectionLike`], so that `AsyncCommands`, `pipe()` and
/// [`redis::aio::transaction_async`] work on it. Clones share the link; it goes back to the client when the last one is
/// dropped, cleaned of what was left open. Nothing is repeated on it: when its link breaks, what is under way fails,
/// and so does all that follows.
#[derive(Clone)]
pub struct Session {
    pub(crate) client: Client,
}

/// A session as its holders have it: the drop of the last clone's releases it.
#[derive(Debug)]
pub(crate) struct Handle {
    lease: Arc<Lease>,
    signal: Arc<Signal>,
}

impl Session {
    /// As [`Client::call`], on this session's link.
    pub async fn call(&self, command: Command) -> Result<Value, Error> {
        self.client.call(command).await
    }

    /// As [`Client::command`], on this session's link.
    pub async fn command<A: IntoArgument>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Value, Error> {
        self.client.command(arguments).await
    }

    /// As [`Client::pipeline`], on this session's link.
    pub async fn pipeline(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        self.client.pipeline(commands).await
    }

    /// As [`Client::transaction`], on this session's link: `Value::Nil` if a key that it watches was touched.
    pub async fn transaction(&self, commands: impl IntoIterator<Item = Command>) -> Result<Value, Error> {
        self.client.transaction(commands).await
    }

    /// As [`Client::script`], on this session's link.
    pub async fn script<K: IntoArgument, A: IntoArgument>(
        &self,
        script: &Script,
        keys: impl IntoIterator<Item = K>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Value, Error> {
        self.client.script(script, keys, arguments).await
    }

    /// Why the session is over, once its link broke.
    #[must_use]
    pub fn over(&self) -> Option<Error> {
        self.client.session.as_ref()?.lease.error().cloned()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.client.session.as_ref().map(|handle| handle.lease.number);
        f.debug_struct("Session").field("number", &number).field("over", &self.over()).finish_non_exhaustive()
    }
}

impl ConnectionLike for Session {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.client.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.client.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.client.get_db()
    }
}

impl Client {
    /// A link for this caller alone, as soon as there is one, or the error that the deadline brings. Dropping the
    /// future gives it up.
    pub async fn session(&self) -> Result<Session, Error> {
        let mut client = self.on_one_lane();
        let lease = Arc::new(Lease::new(client.shared.next_session()));
        let handle = Handle { lease: Arc::clone(&lease), signal: Arc::clone(&client.shared.signal) };
        client.session = Some(Arc::new(handle));
        let deadline = client.shared.clock.until(self.deadline.and_then(from_now));
        let (grant, granted) = oneshot::channel();
        client.control(Control::Lease { lease, deadline, grant }).await?;
        granted.await.map_err(|_| client.end())??;
        Ok(Session { client })
    }

    /// An optimistic transaction: watches `keys`, lets `attempt` read by the session and send the pipeline, and does so
    /// again when that gave `None`, which is what EXEC says if a key was touched. Goes on until the client's deadline.
    ///
    /// ```no_run
    /// # async fn example(client: coracle::Client) -> redis::RedisResult<()> {
    /// use redis::AsyncCommands;
    ///
    /// let (doubled,): (i64,) = client
    ///     .watch(&["counter"], |mut session, mut pipe| async move {
    ///         let old: i64 = session.get("counter").await?;
    ///         pipe.set("counter", old * 2).ignore().get("counter").query_async(&mut session).await
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn watch<K, T, F, A>(&self, keys: &[K], mut attempt: F) -> RedisResult<T>
    where
        K: ToRedisArgs,
        T: FromRedisValue,
        // No `AsyncFnMut`: of its futures it can't be said that they may move between threads.
        F: FnMut(Session, Pipeline) -> A,
        A: Future<Output = RedisResult<Option<T>>>,
    {
        if keys.is_empty() {
            return Err(usage("an optimistic transaction needs a key to watch").into());
        }
        let deadline = self.deadline.and_then(from_now);
        let mut session = self.session().await?;
        loop {
            redis::cmd("WATCH").arg(keys).exec_async(&mut session).await?;
            let mut pipe = redis::pipe();
            pipe.atomic();
            if let Some(value) = attempt(session.clone(), pipe).await? {
                return Ok(value);
            }
            // The attempt may have come to nothing before EXEC.
            redis::cmd("UNWATCH").exec_async(&mut session).await?;
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                let detail = "others touched the watched keys again and again";
                return Err(Error::not_sent(Cause::Deadline, detail).into());
            }
        }
    }
}

impl Handle {
    /// What rows say; the error if the session is over.
    pub(crate) fn number(&self) -> Result<u32, Error> {
        self.lease.error().map_or(Ok(self.lease.number), |error| Err(error.clone()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.lease.leave();
        self.signal.raise();
    }
}
