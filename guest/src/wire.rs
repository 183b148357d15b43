//! The numbers of the packed rows, as `wit/types.wit` fixes them; `component.rs` asserts that both agree.

/// No deadline, and no wake-up.
pub const NEVER: u64 = u64::MAX;

/// What an event row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum EventKind {
    Part,
    Reply,
    Failed,
    Resubmit,
    Kept,
    Message,
    Subscribed,
    Gap,
    Ended,
    Leased,
    Room,
    Store,
    Invalidate,
    State,
    Discard,
    Renewed,
}

impl EventKind {
    /// All of them, in order.
    pub const ALL: [Self; 16] = [
        Self::Part,
        Self::Reply,
        Self::Failed,
        Self::Resubmit,
        Self::Kept,
        Self::Message,
        Self::Subscribed,
        Self::Gap,
        Self::Ended,
        Self::Leased,
        Self::Room,
        Self::Store,
        Self::Invalidate,
        Self::State,
        Self::Discard,
        Self::Renewed,
    ];
}

/// Whether the server may have executed a request that ended without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum Failure {
    NotSent,
    MaybeExecuted,
    Refused,
    Limit,
    Misuse,
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum Cause {
    None,
    Deadline,
    Cancelled,
    Lost,
    Unreachable,
    Denied,
    Protocol,
    TooLarge,
    Closing,
    Unsupported,
    Usage,
    Silent,
    Loading,
    Replica,
}

impl Cause {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::Deadline,
        Self::Cancelled,
        Self::Lost,
        Self::Unreachable,
        Self::Denied,
        Self::Protocol,
        Self::TooLarge,
        Self::Closing,
        Self::Unsupported,
        Self::Usage,
        Self::Silent,
        Self::Loading,
        Self::Replica,
    ];
}

/// What the client as a whole is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum ClientState {
    Connecting,
    Ready,
    Down,
    Denied,
    Closed,
}

/// What a node of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "documented case by case in wit/types.wit")]
pub enum NodeKind {
    Nil,
    Boolean,
    Integer,
    Double,
    Ok,
    Status,
    Error,
    Bulk,
    Verbatim,
    BigNumber,
    Array,
    Set,
    Map,
    Attribute,
    Text,
    Spliced,
    Raw,
}

/// Bit 7 of a `bulk` or `verbatim` node's detail: its bytes pass by the core.
pub const PASSES: u8 = 0x80;

/// Options of a `submit` row.
pub mod option {
    /// One transaction with the next row.
    pub const ATOMIC: u32 = 1;
    /// May be sent again although it may have been executed.
    pub const MAY_REPEAT: u32 = 1 << 1;
    /// EVALSHA with its source held.
    pub const SCRIPT: u32 = 1 << 2;
    /// The command goes on in the next row.
    pub const CONTINUES: u32 = 1 << 3;
    /// Track the keys read.
    pub const TRACK: u32 = 1 << 4;
    /// May go to a replica.
    pub const REPLICA: u32 = 1 << 5;
    /// A transaction of this command alone.
    pub const LONE: u32 = 1 << 6;
    /// Its deadline is the usual one: a blocking command may take longer.
    pub const PATIENT: u32 = 1 << 7;
    /// The reply's bytes are wanted too.
    pub const RAW: u32 = 1 << 8;
}

/// Bit 31 of a length: the host holds the argument.
pub const HELD: u32 = 1 << 31;

/// What kind of error the server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "named after the first word of the error line")]
pub enum ErrorClass {
    Other,
    Moved,
    Ask,
    Loading,
    Readonly,
    Noauth,
    Busy,
    Clusterdown,
    Tryagain,
    Masterdown,
    Oom,
    Noscript,
    Wrongtype,
    Execabort,
    Noperm,
    Wrongpass,
    Noproto,
    Misconf,
    Noreplicas,
    Crossslot,
}

impl ErrorClass {
    /// Classifies an error by the first word of its text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let word = text.split(|&byte| byte == b' ').next().unwrap_or_default();
        match word {
            b"MOVED" => Self::Moved,
            b"ASK" => Self::Ask,
            b"LOADING" => Self::Loading,
            b"READONLY" => Self::Readonly,
            b"NOAUTH" => Self::Noauth,
            b"BUSY" => Self::Busy,
            b"CLUSTERDOWN" => Self::Clusterdown,
            b"TRYAGAIN" => Self::Tryagain,
            b"MASTERDOWN" => Self::Masterdown,
            b"OOM" => Self::Oom,
            b"NOSCRIPT" => Self::Noscript,
            b"WRONGTYPE" => Self::Wrongtype,
            b"EXECABORT" => Self::Execabort,
            b"NOPERM" => Self::Noperm,
            b"WRONGPASS" => Self::Wrongpass,
            b"NOPROTO" => Self::Noproto,
            b"MISCONF" => Self::Misconf,
            b"NOREPLICAS" => Self::Noreplicas,
            b"CROSSSLOT" => Self::Crossslot,
            _ => Self::Other,
        }
    }

    /// Whether an error of this class is what a server says of itself, of those that tell that nothing was executed. A
    /// script may give any error as its own, after all that it did; but what a read-only server refused to it, it has
    /// refused from the first write on.
    #[must_use]
    pub fn is_servers_own(self, text: &[u8]) -> bool {
        match self {
            Self::Loading => text.ends_with(b" is loading the dataset in memory"),
            Self::Readonly => {
                text.starts_with(b"READONLY You can't write against a read only replica.")
                    || text.starts_with(b"READONLY Can not run script with write flag")
            }
            Self::Noauth => text.starts_with(b"NOAUTH Authentication required"),
            Self::Noscript => text.starts_with(b"NOSCRIPT No matching script."),
            _ => false,
        }
    }

    /// Whether a server that refuses for this reason may take the same later.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Loading | Self::Busy | Self::Masterdown | Self::Clusterdown | Self::Tryagain | Self::Oom)
    }
}
