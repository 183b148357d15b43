//! What a command is and does, as bits.

/// What a command is and does. Where Redis and Valkey differ, the more careful holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Changes no data.
    pub const READONLY: Self = Self(1);
    /// May change data.
    pub const WRITE: Self = Self(1 << 1);
    /// May hold its reply back; [`super::Command::blocks`] says how long.
    pub const BLOCKING: Self = Self(1 << 2);
    /// Not permitted in a script.
    pub const NOSCRIPT: Self = Self(1 << 3);
    /// Of publish and subscribe.
    pub const PUBSUB: Self = Self(1 << 4);
    /// In the category of what concerns the connection. PING and WAIT are too.
    pub const CONNECTION: Self = Self(1 << 5);
    /// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
    pub const TRANSACTION: Self = Self(1 << 6);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 7);
    /// May be sent twice without harm: it only reads, or it only overwrites, by what its arguments say.
    pub const REPEATABLE: Self = Self(1 << 8);
    /// Has keys at places that depend on its other arguments.
    pub const MOVABLE_KEYS: Self = Self(1 << 9);
    /// Permitted while the server loads its data.
    pub const LOADING: Self = Self(1 << 10);
    /// Has subcommands; the flags are those of its bare name.
    pub const CONTAINER: Self = Self(1 << 11);
    /// Is the subcommand of another.
    pub const SUBCOMMAND: Self = Self(1 << 12);
    /// May answer differently though no key changed: by chance, or as time passes.
    pub const VARIES: Self = Self(1 << 13);
    /// Permitted while a script keeps the server busy.
    pub const ALLOW_BUSY: Self = Self(1 << 14);

    /// Whether it has `flag`; of several, all.
    #[must_use]
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// All of them together.
    pub(super) const fn all(mut list: &[Self]) -> Self {
        let mut bits = 0;
        while let [first, rest @ ..] = list {
            bits |= first.0;
            list = rest;
        }
        Self(bits)
    }
}
