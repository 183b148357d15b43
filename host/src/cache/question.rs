//! What a command asks, as the name of its reply.

use bytes::Bytes;

use crate::command::Command;

/// Commands above this size are not worth being kept.
const MAX_QUESTION: usize = 16 << 10;
const LENGTH: usize = size_of::<u32>();

/// A command's arguments, each behind its length: two commands are the same if these bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question(Bytes);

impl Question {
    /// Nothing of a command that can't be one for a single key: those have two arguments at least.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let size: usize = command.arguments().map(|argument| LENGTH + argument.len()).sum();
        if size > MAX_QUESTION || command.arguments().nth(1).is_none() || command.is_script() {
            return None;
        }
        let mut packed = Vec::with_capacity(size);
        for argument in command.arguments() {
            packed.extend_from_slice(&u32::try_from(argument.len()).ok()?.to_le_bytes());
            packed.extend_from_slice(argument);
        }
        Some(Self(packed.into()))
    }

    /// The command's name.
    pub(crate) fn name(&self) -> &[u8] {
        self.split().0
    }

    /// Argument 1: what the core calls the key, where there is one.
    pub(crate) fn key(&self) -> &[u8] {
        first(self.split().1).0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn split(&self) -> (&[u8], &[u8]) {
        first(&self.0)
    }
}

/// The first argument, and what follows.
fn first(packed: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = packed.split_first_chunk::<LENGTH>() else { return (&[], &[]) };
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(arguments: &[&str]) -> Question {
        Question::of(&Command::from_args(arguments.iter().copied())).unwrap()
    }

    #[test]
    fn tells_commands_apart() {
        assert_eq!(question(&["GET", "k"]), question(&["GET", "k"]));
        assert_ne!(question(&["HGET", "k", "ab", "c"]), question(&["HGET", "k", "a", "bc"]));
        assert_ne!(question(&["GET", "k", ""]), question(&["GET", "k"]));
        let question = question(&["HGET", "key", "f"]);
        assert_eq!((question.name(), question.key()), (&b"HGET"[..], &b"key"[..]));
    }

    #[test]
    fn leaves_out_what_reads_no_key_or_is_too_long() {
        let long = "x".repeat(MAX_QUESTION);
        for arguments in [&["DBSIZE"][..], &["GET", &long]] {
            assert_eq!(Question::of(&Command::from_args(arguments.iter().copied())), None);
        }
        let script = crate::Script::new("return 1");
        assert_eq!(Question::of(&script.command(["k"], ["a"])), None);
    }
}
