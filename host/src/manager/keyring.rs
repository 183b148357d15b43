//! The secrets that are written for the core, by generation.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::credentials::Credentials;
use crate::wit;

/// Generations that are kept: a link under way still asks for the one that it was told of.
const KEPT: usize = 4;

/// The last few credentials. The newest is for links to come.
pub(super) struct Keyring {
    /// Of the newest.
    generation: u32,
    /// The newest is first.
    kept: VecDeque<Credentials>,
}

impl Keyring {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { generation: 1, kept: VecDeque::from([credentials]) }
    }

    /// From now on these are to be used. Gives their generation.
    pub(super) fn add(&mut self, credentials: Credentials) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.kept.truncate(KEPT - 1);
        self.kept.push_front(credentials);
        self.generation
    }

    /// The newest.
    pub(super) fn newest(&self) -> Credentials {
        self.kept.front().cloned().unwrap_or_default()
    }

    /// What the core may know of the newest; nothing if there are none.
    pub(super) fn lengths(&self) -> Option<wit::Credentials> {
        let Credentials { username, password, .. } = self.kept.front()?;
        if username.is_empty() && password.is_empty() {
            return None;
        }
        let length = |secret: &Bytes| u32::try_from(secret.len()).unwrap_or(u32::MAX);
        Some(wit::Credentials { generation: self.generation, username: length(username), password: length(password) })
    }

    /// The user name, or the password, of a generation that is still kept.
    pub(super) fn secret(&self, generation: u32, password: bool) -> Option<Bytes> {
        let age = usize::try_from(self.generation.wrapping_sub(generation)).ok()?;
        let credentials = self.kept.get(age)?;
        Some(if password { credentials.password.clone() } else { credentials.username.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_few_generations() {
        let mut keyring = Keyring::new(Credentials::new("u1", "p1"));
        for number in 2..=6 {
            assert_eq!(keyring.add(Credentials::new(&format!("u{number}"), &format!("p{number}"))), number);
        }
        assert_eq!(keyring.lengths().map(|lengths| (lengths.generation, lengths.password)), Some((6, 2)));
        assert_eq!(keyring.secret(6, true).as_deref(), Some(&b"p6"[..]));
        assert_eq!(keyring.secret(3, false).as_deref(), Some(&b"u3"[..]));
        assert_eq!(keyring.secret(2, true), None);
        assert_eq!(keyring.secret(7, true), None);
    }

    #[test]
    fn nobody_has_no_lengths() {
        assert!(Keyring::new(Credentials::default()).lengths().is_none());
        assert!(Keyring::new(Credentials::new("", "p")).lengths().is_some());
    }
}
