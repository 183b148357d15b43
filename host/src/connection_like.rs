//! `redis::aio::ConnectionLike`: what makes `AsyncCommands`, `pipe()`, `Script` and the like work.

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, Value};

use crate::client::Client;
use crate::command::Command;
use crate::error::{Cause, Error, Outcome};
use crate::tape::redis_error;

impl ConnectionLike for Client {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let command = Command::try_from(cmd)?;
            Ok(self.call(command).await?)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let commands = pipeline.cmd_iter().map(Command::try_from).collect::<Result<Vec<_>, _>>()?;
            if pipeline.is_transaction() {
                // `redis` takes MULTI and the QUEUED replies for granted: what is wanted is the reply of EXEC.
                return Ok(vec![self.transaction(commands).await?]);
            }
            let replies = self.pipeline(commands).await?;
            replies.into_iter().skip(offset).take(count).map(in_place).collect()
        })
    }

    fn get_db(&self) -> i64 {
        i64::from(self.database())
    }
}

/// Errors of the server stay where they are in a pipeline's replies; `redis` finds them there.
fn in_place(reply: Result<Value, Error>) -> Result<Value, RedisError> {
    match reply {
        Ok(value) => Ok(value),
        Err(Error::Server(error)) => Ok(redis_error(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

impl From<Error> for RedisError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match &error {
            Error::Server(_) => match redis_error(&text) {
                Value::ServerError(error) => error.into(),
                _ => Self::from((ErrorKind::Extension, "an error of the server", text)),
            },
            Error::Config(_) => Self::from((ErrorKind::InvalidClientConfig, "configuration", text)),
            Error::Core { .. } => Self::from((ErrorKind::Client, "the core failed", text)),
            Error::Failed(failed) => match failed.cause {
                Cause::Denied => Self::from((ErrorKind::AuthenticationFailed, "access denied", text)),
                Cause::Deadline => timeout(&error),
                Cause::Lost | Cause::Unreachable => io(&error, std::io::ErrorKind::ConnectionAborted),
                Cause::Protocol | Cause::TooLarge => Self::from((ErrorKind::Parse, "the reply can't be used", text)),
                _ => Self::from((ErrorKind::Client, "the command was not executed", text)),
            },
        }
    }
}

fn timeout(error: &Error) -> RedisError {
    io(error, std::io::ErrorKind::TimedOut)
}

/// Keeps the typed error as the source, so that `outcome` can still be asked for.
fn io(error: &Error, kind: std::io::ErrorKind) -> RedisError {
    std::io::Error::new(kind, error.clone()).into()
}

/// Whether a server may have executed what ended with this error: what [`Error::outcome`] said before the error was
/// converted. `None` if it is not one of this client's.
#[must_use]
pub fn outcome_of(error: &RedisError) -> Option<Outcome> {
    let source = std::error::Error::source(error)?;
    let io = source.downcast_ref::<std::io::Error>()?;
    io.get_ref()?.downcast_ref::<Error>().map(Error::outcome)
}
