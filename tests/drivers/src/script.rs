//! What a run does, as data: `tests/drivers/README.md` says what each field means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A run: what the network does, what the callers do, and what has to come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub name: String,
    /// The newest protocol that the server knows.
    pub resp: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeat: bool,
    pub hold_above: u32,
    pub pass_above: u32,
    pub links: u32,
    /// In the order of the dials; those after the last are calm.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connections: Vec<Profile>,
    pub steps: Vec<Step>,
    /// By call: how it may end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expect: BTreeMap<u64, Vec<End>>,
    /// How many connections there are in all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dials: Option<usize>,
}

/// What a connection does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    #[serde(default, skip_serializing_if = "is_default")]
    pub refuse: bool,
    /// How much a write takes, in turns; 0 is nothing for the moment. All that is offered, where this is empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub writes: Vec<usize>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub reads: Vec<usize>,
    #[serde(flatten)]
    pub faults: Faults,
}

/// Where a connection stalls and breaks: after so many bytes from the client, and to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    #[serde(default, skip_serializing_if = "is_default")]
    pub stall_in: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub stall_out: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cut_in: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub cut_out: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub how: How,
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Reads and writes fail, and what was under way is lost.
    #[default]
    Reset,
    /// Writes fail; what the server had answered can still be read.
    Deaf,
    /// Writes go nowhere, and nothing says so; what the server had answered can still be read.
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// These calls begin at the same time.
    Calls(Vec<Call>),
    Wait(Wait),
    Cancel(u64),
    /// All stalls that are in effect end.
    Release(bool),
    Subscribe(Subscribe),
    Unsubscribe(u64),
    /// A subscriber that stopped reading goes on.
    Read(u64),
    Publish(Publish),
    /// All open connections get these faults, counted from here.
    Arm(Faults),
    /// All open connections break.
    Cut(How),
    Close(Close),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Until the client is ready.
    Ready,
    /// Until a connection stands still.
    Stalled,
    /// Until all calls have ended.
    Ended,
    /// Until those calls have ended whose callers were made to leave.
    Left,
    /// Until all subscriptions are confirmed.
    Confirmed,
    /// Until the client has read, and dealt with, all that was sent to it.
    Drained,
    /// Until all subscribers have the newest message.
    Heard,
    /// `Ended` and `Confirmed`, or `Stalled`.
    Settled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// What is under way is answered first.
    Drain,
    /// What is under way ends at once.
    Now,
    /// All callers leave, and the client is dropped.
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub id: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: Shape,
    pub commands: Vec<Command>,
    /// The caller leaves once the transport took so many more bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancel_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    #[default]
    Single,
    Pipeline,
    Transaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    #[serde(rename = "do")]
    pub verb: Verb,
    #[serde(default, skip_serializing_if = "is_default")]
    pub size: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// RPUSH of a payload: the reply is its place.
    Push,
    /// ECHO of a payload.
    Echo,
    /// GET of a key whose value is a payload.
    Get,
    /// LRANGE of a key: `count` payloads.
    Range,
    /// An INCR that the server refuses.
    Fail,
    /// BLPOP, which goes on a connection of its own.
    Pop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    pub id: u64,
    pub channel: String,
    /// Messages that may wait.
    pub queue: usize,
    /// It stops reading when it is confirmed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stops: bool,
    /// So many messages are dropped in all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropped: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    pub channel: String,
    pub count: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub size: usize,
}

/// How a call, or a command of a pipeline, may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With what the server answered.
    Reply,
    NotSent,
    Maybe,
    /// Its caller left.
    Cancelled,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
