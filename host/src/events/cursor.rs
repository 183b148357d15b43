//! Places in the log.

use std::fmt;
use std::str::FromStr;

use super::id::Id;
use super::query::Query;
use crate::engine::store as wire;

/// A place in the log, and proof that it is still the same log: a position, and the id of the event there.
///
/// Its text is `position@id`, such as `12@01890a5d-ac96-774b-bcce-b302099a8057`, or `0` for the beginning; the Go host
/// has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Counted from 1; 0 is before the first event.
    pub position: u64,
    /// Of the event there; not looked at where the position is 0.
    pub id: Id,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is a position and an id, such as 12@01890a5d-ac96-774b-bcce-b302099a8057, or 0")]
pub struct ParseCursorError;

/// Events are appended only if none that matches `query` comes after `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What the decision to append was made of: all queries of what was read.
    pub query: Query,
    /// The head of the log when it was read.
    pub after: Cursor,
}

impl Cursor {
    /// Before the first event.
    pub const START: Self = Self { position: 0, id: Id::NIL };

    pub(super) fn from_wire(cursor: wire::Cursor) -> Self {
        Self { position: cursor.position, id: Id::from_wire(cursor.id) }
    }

    pub(super) fn wire(self) -> wire::Cursor {
        wire::Cursor { position: self.position, id: self.id.wire() }
    }
}

impl Condition {
    /// No event that matches may be there after this place.
    #[must_use]
    pub fn new(query: Query, after: Cursor) -> Self {
        Self { query, after }
    }

    /// No event that matches may be there at all.
    #[must_use]
    pub fn none(query: Query) -> Self {
        Self::new(query, Cursor::START)
    }

    pub(super) fn wire(&self) -> wire::Condition {
        wire::Condition { query: self.query.wire(), after: self.after.wire() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            0 => f.write_str("0"),
            position => write!(f, "{position}@{}", self.id),
        }
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        if text == "0" {
            return Ok(Self::START);
        }
        let (position, id) = text.split_once('@').ok_or(ParseCursorError)?;
        // As it is written: no sign, no zeros in front, and nothing but `0` for the beginning.
        let digits = !position.starts_with('0') && position.bytes().all(|byte| byte.is_ascii_digit());
        let position = position.parse().ok().filter(|_| digits).ok_or(ParseCursorError)?;
        Ok(Self { position, id: id.parse().map_err(|_| ParseCursorError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_it_all() {
        let cursor = Cursor { position: 12, id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap() };
        assert_eq!(cursor.to_string(), "12@01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!(Cursor::START.to_string(), "0");
        assert_eq!("0".parse(), Ok(Cursor::START));
        assert_eq!(Cursor::from_wire(cursor.wire()), cursor);
        for bad in [
            "",
            "12",
            "00",
            "@",
            "12@",
            "-1@01890a5d-ac96-774b-bcce-b302099a8057",
            "+1@01890a5d-ac96-774b-bcce-b302099a8057",
            "0@01890a5d-ac96-774b-bcce-b302099a8057",
            "01@01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(ParseCursorError), "{bad}");
        }
    }
}
