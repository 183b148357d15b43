//! How operations end, in the words of the runner.

use coracle::events::{Appended, EventError, ExecuteError};
use serde_json::{Map, Value, json};

/// The end of an append.
pub fn end(result: &Result<Appended, EventError>) -> Map<String, Value> {
    match result {
        Ok(appended) => done("done", appended),
        Err(EventError::TooFewAcknowledgements { appended, .. }) => done("few", appended),
        Err(EventError::Duplicate { first, .. }) => fields(json!({ "how": "duplicate", "at": first })),
        Err(error) => fields(json!({ "how": how(error), "why": error.to_string() })),
    }
}

/// The end of a command, whose handler may have declined it.
pub fn executed<E: std::fmt::Display>(result: &Result<Appended, ExecuteError<E>>) -> Map<String, Value> {
    match result {
        Ok(appended) => done("done", appended),
        Err(ExecuteError::Store(error)) => end(&Err(error.clone())),
        Err(ExecuteError::Handler(said)) => fields(json!({ "how": "declined", "why": said.to_string() })),
    }
}

/// The word for an error. Only after `maybe`, and where it says where it is, can anything be written.
pub fn how(error: &EventError) -> &'static str {
    match error {
        EventError::Conflict { .. } => "conflict",
        EventError::Ahead { .. } => "ahead",
        EventError::Rewritten { .. } => "rewritten",
        EventError::LockLost { .. } => "lock_lost",
        EventError::LockTimeout { .. } => "lock_timeout",
        error if error.maybe_executed() => "maybe",
        EventError::Transport(_) | EventError::Deadline { .. } | EventError::Cancelled { .. } => "not_sent",
        EventError::Server(_) => "server_error",
        EventError::Misuse(_) => "misuse",
        _ => "refused",
    }
}

fn done(how: &str, appended: &Appended) -> Map<String, Value> {
    fields(json!({
        "how": how, "at": appended.first, "cursor": appended.cursor.to_string(), "repeated": appended.repeated,
    }))
}

pub fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_written_is_never_called_otherwise() {
        for maybe_executed in [false, true] {
            let word = if maybe_executed { "maybe" } else { "not_sent" };
            assert_eq!(how(&EventError::Deadline { maybe_executed }), word);
            assert_eq!(how(&EventError::Cancelled { maybe_executed }), word);
        }
        let duplicate = end(&Err(EventError::Duplicate { first: 7, last: 7 }));
        assert_eq!((&duplicate["how"], &duplicate["at"]), (&json!("duplicate"), &json!(7)));
        assert_eq!(how(&EventError::Conflict { head: 1, position: 1 }), "conflict");
    }
}
