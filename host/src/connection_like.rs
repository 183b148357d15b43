//! `redis::aio::ConnectionLike`: what makes `AsyncCommands`, `pipe()`, `Script` and the like work.

use std::io;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, Value};

use crate::client::Client;
use crate::command::Command;
use crate::error::{Cause, Error, Failure, Outcome};
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
    /// Errors of servers are the ones of `redis`, settings that are wrong are [`ErrorKind::InvalidClientConfig`], and
    /// what was not called as it should be ([`Failure::Misuse`]) is [`ErrorKind::Client`]. All others are
    /// [`ErrorKind::Io`], with the [`Error`] inside: that kind alone of `redis` has room for it.
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Server(_) => match redis_error(&text) {
                Value::ServerError(error) => error.into(),
                _ => Self::from((ErrorKind::Extension, "an error of the server", text)),
            },
            Error::Config(_) => Self::from((ErrorKind::InvalidClientConfig, "configuration", text)),
            Error::Failed(failed) if failed.failure == Failure::Misuse => {
                // No failure of a connection: who makes a new one for each of those would do so without end.
                Self::from((ErrorKind::Client, "misuse", failed.detail))
            }
            Error::Core { .. } | Error::Failed(_) => io::Error::new(io_kind(error.cause()), error).into(),
        }
    }
}

/// The kind from which `redis` reads what [`RedisError::is_timeout`], [`RedisError::is_connection_dropped`] and
/// [`RedisError::retry_method`] say. With most others the last one advises to send again at once, which is for the
/// caller to decide: where neither time nor connection is what was missing, it has to be one that advises against it.
fn io_kind(cause: Cause) -> io::ErrorKind {
    match cause {
        Cause::Deadline => io::ErrorKind::TimedOut,
        Cause::Lost | Cause::Unreachable | Cause::Silent | Cause::Protocol => io::ErrorKind::ConnectionAborted,
        Cause::Denied => io::ErrorKind::PermissionDenied,
        Cause::None
        | Cause::Cancelled
        | Cause::TooLarge
        | Cause::Closing
        | Cause::Unsupported
        | Cause::Usage
        | Cause::Loading
        | Cause::Replica => io::ErrorKind::Unsupported,
    }
}

/// Whether a server may have executed what ended with this error: what [`Error::outcome`] said before the error was
/// converted. An error that a server gave was executed, and one of settings or of misuse not sent, whoever made it. Of
/// what else is not one of this client's it is `None`, as of a reply that could not be read as what was wanted.
#[must_use]
pub fn outcome_of(error: &RedisError) -> Option<Outcome> {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => Some(Outcome::Executed),
        ErrorKind::InvalidClientConfig | ErrorKind::Client => Some(Outcome::NotSent),
        _ => typed(error).map(Error::outcome),
    }
}

/// The error that was converted, where it is inside.
fn typed(error: &RedisError) -> Option<&Error> {
    // `redis` gives what it keeps the error in, not the error itself.
    let kept: &Kept = std::error::Error::source(error)?.downcast_ref()?;
    kept.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

type Kept = Arc<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use redis::RetryMethod;

    use super::*;
    use crate::error::ErrorClass;
    use crate::wit;

    /// All numbers that the contract has.
    fn all<T>(from_wire: impl Fn(u8) -> Option<T>) -> impl Iterator<Item = T> {
        (0..=u8::MAX).filter_map(from_wire)
    }

    #[test]
    fn what_ended_without_a_reply_is_found_again() {
        let mut count = 0;
        for failure in all(Failure::from_wire).filter(|failure| *failure != Failure::Misuse) {
            for cause in all(Cause::from_wire) {
                let error = Error::failed(failure, cause, "why");
                let converted = RedisError::from(error.clone());
                assert_eq!(typed(&converted), Some(&error));
                assert_eq!(outcome_of(&converted), Some(error.outcome()), "{error}");
                assert_eq!(converted.to_string(), error.to_string());
                count += 1;
            }
        }
        assert!(count >= 4 * (wit::Cause::Replica as usize + 1));
    }

    #[test]
    fn misuse_is_no_failure_of_a_connection() {
        for cause in all(Cause::from_wire) {
            let error = RedisError::from(Error::failed(Failure::Misuse, cause, "a command needs a name"));
            assert_eq!((error.kind(), outcome_of(&error)), (ErrorKind::Client, Some(Outcome::NotSent)));
            assert!(!error.is_io_error() && matches!(error.retry_method(), RetryMethod::NoRetry));
            assert_eq!(error.to_string(), "misuse - Client: a command needs a name");
        }
    }

    #[test]
    fn what_the_core_lost_is_found_again() {
        for outcome in [Outcome::NotSent, Outcome::MaybeExecuted, Outcome::Executed] {
            let error = Error::core(outcome, "a trap");
            let converted = RedisError::from(error.clone());
            assert_eq!((typed(&converted), outcome_of(&converted)), (Some(&error), Some(outcome)));
            assert_eq!(converted.to_string(), format!("the core failed (a trap); {outcome}"));
        }
    }

    /// Nobody is told that nothing was executed where that is not known.
    #[test]
    fn the_text_says_the_same_as_the_outcome() {
        for cause in all(Cause::from_wire) {
            let text = RedisError::from(Error::failed(Failure::MaybeExecuted, cause, "")).to_string();
            assert!(text.starts_with("sent, and perhaps executed") && !text.contains("not executed"), "{text}");
        }
    }

    #[test]
    fn what_servers_say_was_executed_and_settings_were_not_sent() {
        for text in ["ERR what", "READONLY no writes", "EXECABORT no", "SOMETHING else"] {
            let error = RedisError::from(Error::server(ErrorClass::Other, text.to_owned()));
            assert_eq!(outcome_of(&error), Some(Outcome::Executed), "{text}");
        }
        let error = RedisError::from(Error::config("no such thing"));
        assert_eq!((error.kind(), outcome_of(&error)), (ErrorKind::InvalidClientConfig, Some(Outcome::NotSent)));
    }

    #[test]
    fn errors_of_others_are_told_apart() {
        let others = [
            RedisError::from(io::Error::from(io::ErrorKind::BrokenPipe)),
            RedisError::from(io::Error::other("something")),
            RedisError::from((ErrorKind::UnexpectedReturnType, "no number")),
        ];
        for error in others {
            assert_eq!(outcome_of(&error), None, "{error}");
        }
    }

    /// Only of time-outs, as with the clients of `redis`.
    #[test]
    fn nobody_is_advised_to_send_again_at_once() {
        for cause in all(Cause::from_wire) {
            let error = RedisError::from(Error::failed(Failure::MaybeExecuted, cause, ""));
            let at_once = matches!(error.retry_method(), RetryMethod::RetryImmediately);
            assert_eq!(
                (at_once, error.is_timeout()),
                (cause == Cause::Deadline, cause == Cause::Deadline),
                "{cause:?}"
            );
            let lost = matches!(cause, Cause::Lost | Cause::Unreachable | Cause::Silent | Cause::Protocol);
            assert_eq!(error.is_connection_dropped(), lost, "{cause:?}");
        }
    }
}
