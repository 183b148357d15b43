//! What happens in a transcript.

use crate::Value;

/// One step; `handshake` is read as the `Client` and `Server` steps that it stands for.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the README's names")]
pub enum Step {
    Open { link: usize, endpoint: Option<usize> },
    Refuse { link: usize, reason: String },
    Link(usize),
    Client(Vec<u8>),
    Server(Vec<u8>),
    HangUp,
    Stall(usize),
    Closes(usize),
    Call { id: u64, session: u32, command: Command },
    Transaction { id: u64, session: u32, commands: Vec<Command> },
    Cancel(u64),
    Reply { id: u64, value: Value, raw: Option<Vec<u8>> },
    Failed { id: u64, failure: String, cause: String },
    Lease(u32),
    Leased { session: u32, end: Option<End> },
    Release(u32),
    Renew { id: u64, username: String, password: String },
    Renewed { id: u64, end: Option<End> },
    Subscribe { id: u64, kind: String, names: Vec<Vec<u8>> },
    Unsubscribe(u64),
    Subscribed(u64),
    Gap(u64),
    Ended { id: u64, end: Option<End>, value: Option<Value> },
    Message { id: u64, value: Value },
    Drain(u64),
    State { state: String, cause: Option<String> },
}

/// A command as a caller gives it.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Its name is the first; of a script, the second is its hash and the third its source.
    pub args: Vec<Vec<u8>>,
    /// It runs a script whose source is at hand.
    pub script: bool,
    /// It may be sent again even if it may have been executed.
    pub may_repeat: bool,
    /// Its reply may be stored, or taken from what is.
    pub track: bool,
    /// The bytes of its reply are wanted too.
    pub raw: bool,
    /// Milliseconds that its caller waits; for ever if there are none.
    pub deadline: Option<u64>,
}

/// How something ended, other than well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// As `failure` in the WIT.
    pub failure: String,
    /// As `cause` in the WIT.
    pub cause: String,
}
