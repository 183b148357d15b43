//! Errors of the client, as they go through the core.

use crate::engine::store as wire;
use crate::error::{Cause, Error, Failure, Outcome};
use crate::wit;

/// An error of the client as the core is told it.
pub(super) fn to_wire(error: Error) -> (wit::Failure, wit::Cause, String) {
    let (failure, cause, text) = match error {
        Error::Failed(failed) => (failed.failure, failed.cause, failed.detail),
        other => {
            let sent = other.outcome() != Outcome::NotSent;
            let failure = if sent { Failure::MaybeExecuted } else { Failure::NotSent };
            (failure, Cause::None, other.to_string())
        }
    };
    let failure = FAILURES.iter().find(|wire| Failure::from_wire(**wire as u8) == Some(failure));
    let cause = CAUSES.iter().find(|wire| Cause::from_wire(**wire as u8) == Some(cause));
    (failure.copied().unwrap_or(wit::Failure::MaybeExecuted), cause.copied().unwrap_or(wit::Cause::None), text)
}

/// An error of the client as the core gives it back.
pub(super) fn from_wire(transport: wire::Transport) -> Error {
    let failure = Failure::from_wire(transport.failure as u8).unwrap_or(Failure::MaybeExecuted);
    let cause = Cause::from_wire(transport.cause as u8).unwrap_or(Cause::None);
    Error::failed(failure, cause, transport.text)
}

const FAILURES: [wit::Failure; 5] = [
    wit::Failure::NotSent,
    wit::Failure::MaybeExecuted,
    wit::Failure::Refused,
    wit::Failure::Limit,
    wit::Failure::Misuse,
];

const CAUSES: [wit::Cause; 14] = [
    wit::Cause::None,
    wit::Cause::Deadline,
    wit::Cause::Cancelled,
    wit::Cause::Lost,
    wit::Cause::Unreachable,
    wit::Cause::Denied,
    wit::Cause::Protocol,
    wit::Cause::TooLarge,
    wit::Cause::Closing,
    wit::Cause::Unsupported,
    wit::Cause::Usage,
    wit::Cause::Silent,
    wit::Cause::Loading,
    wit::Cause::Replica,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_said_comes_back_as_it_was() {
        for failure in FAILURES {
            for cause in CAUSES {
                let failure = Failure::from_wire(failure as u8).unwrap();
                let cause = Cause::from_wire(cause as u8).unwrap();
                let error = Error::failed(failure, cause, "why");
                let (failure, cause, text) = to_wire(error.clone());
                assert_eq!(from_wire(wire::Transport { failure, cause, text }), error);
            }
        }
        // None is missing in the tables.
        assert!(Failure::from_wire(FAILURES.len() as u8).is_none() && Cause::from_wire(CAUSES.len() as u8).is_none());
    }

    #[test]
    fn errors_without_a_cause_say_whether_it_was_sent() {
        for (error, perhaps) in [
            (Error::core(Outcome::MaybeExecuted, "trap"), wit::Failure::MaybeExecuted),
            (Error::core(Outcome::NotSent, "trap"), wit::Failure::NotSent),
            (Error::config("no"), wit::Failure::NotSent),
        ] {
            assert_eq!(to_wire(error).0, perhaps);
        }
    }
}
