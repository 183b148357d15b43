//! The handle whose reads go through the cache.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};
use tokio::time::Instant;

use crate::cache::{Lead, Look, Question, Told};
use crate::call::Until;
use crate::client::Client;
use crate::command::{Command, IntoArgument};
use crate::error::{Cause, Error};
use crate::job::Aside;
use crate::shared::Shared;

/// A follower goes on alone after so many leaders that failed, or many would wake each other for nothing.
const LOOKS: usize = 4;

/// A handle of a [`Client`] whose reads of single keys are answered from its cache where they can be.
///
/// It implements [`redis::aio::ConnectionLike`], so that `AsyncCommands` work on it. Single commands go through the
/// cache; pipelines and transactions, and what is no read of one key, go to the server as usual.
#[derive(Debug, Clone)]
pub struct Cached {
    client: Client,
    max_age: Duration,
}

impl Client {
    /// A handle whose reads may be answered by replies that were kept, none older than `max_age`. See
    /// [`crate::Config::cache`]; without that, or where the server does not tell of changes, all is sent as usual.
    ///
    /// A reply is forgotten when the server says that its key changed. For a moment after a change, one's own included,
    /// the old value may still be found. Callers that ask the same at the same time share one command. It is for reads:
    /// of what else is asked twice at the same time, the second waits for the first one's reply before it is sent. What
    /// depends on chance or time, as SRANDMEMBER and TTL do, is not kept.
    ///
    /// ```no_run
    /// # async fn example(client: coracle::Client) -> redis::RedisResult<()> {
    /// use redis::AsyncCommands;
    /// use std::time::Duration;
    ///
    /// let name: Option<String> = client.cached(Duration::from_secs(60)).get("name").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cached(&self, max_age: Duration) -> Cached {
        Cached { client: self.clone(), max_age }
    }
}

impl Cached {
    /// As [`Client::call`], through the cache.
    pub async fn call(&self, command: Command) -> Result<Value, Error> {
        if self.client.shared.shelf.is_none() {
            return self.client.call(command).await;
        }
        let question = Question::of(&command);
        let lane = question.as_ref().and_then(|question| self.client.lane_of(question.key()));
        let shelf = lane.and_then(|lane| lane.shelf.as_ref());
        let (Some(lane), Some(shelf), Some(question)) = (lane, shelf, question) else {
            return self.client.call(command).await;
        };
        if !shelf.is_for(&question) {
            return self.client.call(command).await;
        }
        let asked = Asked { until: Until::of(&command, self.client.deadline), at: Instant::now(), command };
        for looked in 0..LOOKS {
            match shelf.look(&question, self.max_age, looked > 0) {
                Look::Hit(value) => return Ok(Value::clone(&value)),
                Look::Lead(lead) => return self.lead(lane, asked, lead).await,
                Look::Follow(told) => match asked.until.in_time(lane, asked.at, told).await? {
                    Ok(Told::Reply(reply)) => return reply.map(|value| Value::clone(&value)),
                    Ok(Told::Alone) => break,
                    // Its leader failed, or the component was exchanged: looks again.
                    Err(_) => {}
                },
            }
        }
        self.client.call_one(asked.command, asked.until.rest(asked.at), None).await
    }

    /// As [`Client::command`], through the cache.
    pub async fn command<A: IntoArgument>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Value, Error> {
        self.call(Command::from_args(arguments)).await
    }

    async fn lead(&self, lane: &Shared, asked: Asked, lead: Lead) -> Result<Value, Error> {
        let until = asked.until.rest(asked.at);
        self.client.call_one(asked.command.tracked(), until, Some(Box::new(Aside::Lead(lead)))).on(lane).await
    }
}

/// What a caller asked, and since when it waits.
struct Asked {
    command: Command,
    until: Until,
    at: Instant,
}

impl Until {
    /// What is left of it for one that began then.
    fn rest(self, began: Instant) -> Self {
        let rest = |within: Duration| within.saturating_sub(began.elapsed());
        match self {
            Self::Own(within) => Self::Own(rest(within)),
            Self::Usual(within) => Self::Usual(within.map(rest)),
        }
    }

    /// Waits for another's command, for no longer than this.
    async fn in_time<F: Future>(self, lane: &Shared, began: Instant, future: F) -> Result<F::Output, Error> {
        let (Self::Own(within) | Self::Usual(Some(within))) = self else { return Ok(future.await) };
        let Some(deadline) = began.checked_add(within) else { return Ok(future.await) };
        let late =
            |_| Error::not_sent(Cause::Deadline, "another caller's command, which asks the same, has no reply yet");
        lane.timeout_at(deadline, future).await.map_err(late)
    }
}

impl ConnectionLike for Cached {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move { Ok(self.call(Command::try_from(cmd)?).await?) })
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
