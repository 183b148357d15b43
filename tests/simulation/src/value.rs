//! What a server answers, as it is logged and as a caller gets it.

use std::fmt::Write as _;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Ok,
    Status(Vec<u8>),
    Error(Vec<u8>),
    Bulk(Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// A push, or RESP2's array in its place: never a caller's.
    Push(Vec<Self>),
}

impl Value {
    /// A bulk string.
    pub fn bulk(text: impl AsRef<[u8]>) -> Self {
        Self::Bulk(text.as_ref().to_vec())
    }

    /// An error line.
    pub fn error(text: impl AsRef<[u8]>) -> Self {
        Self::Error(text.as_ref().to_vec())
    }

    /// As RESP2 can say it.
    pub fn lowered(self) -> Self {
        match self {
            Self::Bool(value) => Self::Int(i64::from(value)),
            Self::Array(values) => Self::Array(values.into_iter().map(Self::lowered).collect()),
            Self::Map(pairs) => {
                Self::Array(pairs.into_iter().flat_map(|(key, value)| [key.lowered(), value.lowered()]).collect())
            }
            other => other,
        }
    }

    /// The bytes that the server sends.
    pub fn encode(&self, resp3: bool, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.extend_from_slice(if resp3 { b"_\r\n" } else { b"$-1\r\n" }),
            Self::Bool(value) => out.extend_from_slice(if *value { b"#t\r\n" } else { b"#f\r\n" }),
            Self::Int(value) => number(out, ':', *value),
            Self::Ok => out.extend_from_slice(b"+OK\r\n"),
            Self::Status(text) => line(out, b'+', text),
            Self::Error(text) => line(out, b'-', text),
            Self::Bulk(bytes) => {
                number(out, '$', bytes.len() as i64);
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Array(values) => many(out, '*', values, resp3),
            Self::Push(values) => many(out, if resp3 { '>' } else { '*' }, values, resp3),
            Self::Map(pairs) => {
                number(out, '%', pairs.len() as i64);
                for (key, value) in pairs {
                    key.encode(resp3, out);
                    value.encode(resp3, out);
                }
            }
        }
    }
}

fn many(out: &mut Vec<u8>, kind: char, values: &[Value], resp3: bool) {
    number(out, kind, values.len() as i64);
    for value in values {
        value.encode(resp3, out);
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, kind: char, value: i64) {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{kind}{value}\r\n");
    out.extend_from_slice(text.as_bytes());
}
