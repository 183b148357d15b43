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

const LATE: &str = "the deadline passed";
const REFUSED: &str = "see that --url has the right user, password and database";

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

    /// A file that a flag names can't be opened.
    pub fn file(flag: &str, name: &str, error: &io::Error) -> Self {
        Self::input(format!("{flag} {}: {}", print::quoted(name), reason(&error.to_string())), "")
    }

    /// A file that was open can't be read, or written to; `why` is what the system says.
    pub fn broken(name: &str, why: &str) -> Self {
        Self::new("file", format!("{name}: {}", reason(why)), "")
    }

    /// Nothing was sent in time.
    pub fn late() -> Self {
        unanswered(false, LATE, "")
    }

    /// Makes words of an error of a command; `again` says what to know before it is given again.
    pub fn of(error: &anyhow::Error, again: &str) -> Self {
        if let Some(failure) = error.downcast_ref::<Self>() {
            failure.clone()
        } else if let Some(stored) = error.downcast_ref::<EventError>() {
            of_store(stored, again)
        } else if let Some(client) = error.downcast_ref::<Error>() {
            of_client(client, again)
        } else if let Some(of_output) = error.downcast_ref::<io::Error>() {
            match of_output.kind() {
                io::ErrorKind::BrokenPipe => Self::unread(),
                _ => Self::broken("the output", &of_output.to_string()),
            }
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

/// As the Go host's command line says it: without the number, and in the middle of a sentence.
fn reason(said: &str) -> String {
    let said = said.split_once(" (os error ").map_or(said, |(said, _)| said);
    let mut letters = said.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
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
            "the store is being rebuilt: nothing can be read or appended meanwhile",
            "wait for its end; if nobody is at it any more, coracle events rebuild goes on where it was",
        ),
        EventError::Transport(error) => of_client(error, again),
        EventError::File { kind: io::ErrorKind::BrokenPipe, .. } => Failure::unread(),
        EventError::File { text, .. } => Failure::new("file", text, ""),
        EventError::Deadline { maybe_executed } => unanswered(*maybe_executed, LATE, again),
        EventError::Cancelled { maybe_executed } => unanswered(*maybe_executed, "it was cancelled", again),
        EventError::Server(_) => Failure::new("server", error.to_string(), ""),
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
    let why = because(error);
    match error {
        Error::Server(_) => Failure::new("server", format!("the server refused: {error}"), ""),
        _ if error.cause() == Cause::Usage => Failure::input(why, ""),
        Error::Failed(failed) => match failed.failure {
            coracle::Failure::NotSent => unanswered(false, &why, again),
            coracle::Failure::MaybeExecuted => unanswered(true, &why, again),
            coracle::Failure::Refused => Failure::new("refused", format!("it was refused: {why}"), REFUSED),
            other => Failure::new(other.name(), format!("it was not executed: {why}"), ""),
        },
        _ => unanswered(error.outcome() == Outcome::MaybeExecuted, &why, again),
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

/// Why; what was tried is told as the core says it.
fn because(error: &Error) -> String {
    match error {
        Error::Failed(failed) if !failed.detail.is_empty() => failed.detail.clone(),
        Error::Failed(failed) => match failed.cause {
            Cause::Deadline => LATE.to_owned(),
            Cause::Lost => "the connection broke".to_owned(),
            other => other.name().to_owned(),
        },
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
        assert_eq!(said(""), "it was not executed: unreachable");
    }

    #[test]
    fn what_the_system_says_is_told_as_by_the_go_host() {
        let failure = Failure::broken("the input", "Is a directory (os error 21)");
        assert_eq!((failure.text.as_str(), failure.code), ("the input: is a directory", 1));
    }

    #[test]
    fn whom_the_server_does_not_let_in_is_no_server_that_is_not_there() {
        let failure = of(coracle::Failure::Refused, Cause::Denied, "h:1: WRONGPASS no");
        assert_eq!((failure.kind, failure.text.as_str()), ("refused", "it was refused: h:1: WRONGPASS no"));
        assert_eq!(failure.hint, REFUSED);
    }
}
