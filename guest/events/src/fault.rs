//! What the codec can find wrong.

/// Something given that can't be. Nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which, such as `events[3].tags[0]`.
    pub field: String,
    /// Why, for people.
    pub why: String,
}

/// Why a reply is no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A key of the store holds what no version of this store writes, or of a later one: which, and what.
    Corrupt(String, String),
    /// The server refused: its error's line. A store whose keys hold other kinds of values says WRONGTYPE here.
    Server(String),
    /// The reply is none that the script gives.
    Unexpected,
}
