//! Errors in words, with what to do. The Go host's command line has the same words.

use std::fmt;
use std::io;
use std::process::ExitCode;

use coracle::events::EventError;
use coracle::{Cause, Error, Outcome};
use serde::Serialize;

use crate::print;

/// The code to exit with where something that was given can't be.
const INPUT: u8 = 2;
/// The code of a conflict.
const CONFLICT: u8 = 3;
/// The code where nobody reads the output any more: that of a program which SIGPIPE ends, as it does the Go host's.
const UNREAD: u8 = 141;

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    kind: &'static str,
    text: String,
    hint: String,
    code: u8,
}

#[derive(Serialize)]
struct Line<'a> {
    error: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
}

impl Failure {
    /// Something that was given can't be.
    pub fn input(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: INPUT, ..Self::new("input", text, hint) }
    }

    /// Something that exits with 1.
    pub fn new(kind: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, text: text.into(), hint: hint.into(), code: 1 }
    }

    pub fn interrupted(again: &str) -> Self {
        Self::new("interrupted", "it was interrupted", again)
    }

    /// Who reads what is written has gone.
    fn unread() -> Self {
        Self { code: UNREAD, ..Self::new("unread", "", "") }
    }

    /// A file that a flag names can't be opened or read.
    pub fn file(flag: &str, name: &str, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::IsADirectory => "is a directory".to_owned(),
            _ => error.to_string(),
        };
        Self::input(format!("{flag} {}: {why}", print::quoted(name)), "")
    }

    /// Makes words of an error of a command; `again` says what to know before it is given again.
    pub fn of(error: &anyhow::Error, again: &str) -> Self {
        if let Some(failure) = error.downcast_ref::<Self>() {
            failure.clone()
        } else if let Some(stored) = error.downcast_ref::<EventError>() {
            of_store(stored, again)
        } else if let Some(client) = error.downcast_ref::<Error>() {
            of_client(client, again)
        } else if is_broken_pipe(error) {
            Self::unread()
        } else {
            Self::new("other", format!("{error:#}"), "")
        }
    }

    /// Tells it, and gives the code to exit with.
    pub fn tell(&self, json: bool) -> ExitCode {
        if self.code == UNREAD {
            // Such as by `head`, which has enough: no reason to say anything.
        } else if json {
            print::err(&print::json(&Line { error: self.kind, text: &self.text, hint: &self.hint }));
        } else {
            print::err(&format!("error: {}\n", self.text));
            if !self.hint.is_empty() {
                print::err(&format!("hint: {}\n", self.hint));
            }
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn of_store(error: &EventError, again: &str) -> Failure {
    match error {
        EventError::Invalid { field, why } => Failure::input(format!("{field}: {why}"), ""),
        EventError::Conflict { head, position } => conflict(*head, *position),
        EventError::Ahead { head } => Failure::new(
            "ahead",
            format!("the cursor is beyond the head, which is {head}"),
            "it is of another store, or this one lost its end in a fail-over; coracle events stats tells where it ends",
        ),
        EventError::Rewritten { position } => Failure::new(
            "rewritten",
            format!("the event at {position} is another one than the cursor says"),
            "the cursor is of another store, or this one lost its end in a fail-over, and was written again: \
             read again from an event that is there still",
        ),
        EventError::IdReused { id } => {
            Failure::new("id-reused", format!("the id {id} was used before, for something else"), "take another --id")
        }
        EventError::TooFewAcknowledgements { local, replicas, appended } => Failure::new(
            "too-few-acknowledgements",
            format!("written at {}, but acknowledged by {local} files and {replicas} replicas only", appended.first),
            "the event is there: don't append it again; look at the replicas",
        ),
        EventError::Corrupt { key, what } => Failure::new(
            "corrupt",
            format!("{key} is not of this store, or of a later version of it: {what}"),
            "coracle events verify says what is wrong, coracle events rebuild makes the indexes anew",
        ),
        EventError::TooBroad => Failure::new(
            "too-broad",
            "to check the condition, more of the index had to be looked at than is allowed",
            "say more types, or fewer tags an item, or an --after that is nearer to the head",
        ),
        EventError::TooManyTypes => Failure::new(
            "too-many-types",
            "the store has 4096 types of events, and takes no more",
            "say by tags what the type says",
        ),
        EventError::Rebuilding => Failure::new(
            "rebuilding",
            "the store is being rebuilt, and takes no events meanwhile",
            "wait for its end; if nobody is at it any more, coracle events rebuild goes on where it was",
        ),
        EventError::Transport(error) => of_client(error, again),
        EventError::File { kind: io::ErrorKind::BrokenPipe, .. } => Failure::unread(),
        EventError::File { text, .. } => Failure::new("file", text, ""),
        EventError::Deadline { maybe_executed } | EventError::Cancelled { maybe_executed } => {
            unanswered(*maybe_executed, &error.to_string(), again)
        }
        other => Failure::new("other", other.to_string(), ""),
    }
}

fn conflict(head: u64, position: u64) -> Failure {
    let place = if position > 0 { format!(", at {position}") } else { String::new() };
    let text = format!("an event that --fail-if forbids is there{place}; the head is {head}. Nothing was appended");
    let hint = "read what is there by coracle events query, decide anew, and append with --after the head of that";
    Failure { code: CONFLICT, ..Failure::new("conflict", text, hint) }
}

fn of_client(error: &Error, again: &str) -> Failure {
    match (error.cause(), error.outcome()) {
        (Cause::Usage, _) => Failure::input(error.to_string(), ""),
        (_, Outcome::MaybeExecuted) => unanswered(true, &error.to_string(), again),
        (_, Outcome::NotSent) => unanswered(false, &why_not_sent(error), again),
        _ => Failure::new("other", error.to_string(), ""),
    }
}

fn unanswered(maybe_executed: bool, text: &str, again: &str) -> Failure {
    if maybe_executed {
        Failure::new("maybe-executed", format!("it may have been executed: {text}"), again)
    } else {
        let hint = "see that --url names a server that runs";
        Failure::new("not-sent", format!("it was not executed: {text}"), hint)
    }
}

/// Why: where no server could be reached the core says what was tried, which is all that there is to say.
fn why_not_sent(error: &Error) -> String {
    match error {
        Error::Failed(failed) if failed.cause == Cause::Unreachable && !failed.detail.is_empty() => {
            failed.detail.clone()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use coracle::Failed;

    use super::*;

    fn of(failure: coracle::Failure, cause: Cause, detail: &str) -> Failure {
        let failed = Failed { failure, cause, detail: detail.to_owned() };
        Failure::of(&Error::Failed(Box::new(failed)).into(), "the command's own hint")
    }

    #[test]
    fn what_may_have_been_executed_has_the_hint_of_its_command() {
        let failure = of(coracle::Failure::MaybeExecuted, Cause::Lost, "");
        assert_eq!((failure.kind, failure.hint.as_str()), ("maybe-executed", "the command's own hint"));
    }

    #[test]
    fn what_was_tried_is_told_as_the_core_says_it() {
        let said = |detail| of(coracle::Failure::NotSent, Cause::Unreachable, detail).text;
        let tried = "h:1: can't be reached (refused (os error 111)); tried 3 times, no connection for 0.5 s";
        assert_eq!(said(tried), format!("it was not executed: {tried}"));
        assert_eq!(said(""), "it was not executed: not sent: no server can be reached");
    }
}
