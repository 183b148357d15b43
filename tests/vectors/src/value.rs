//! Values of replies.

/// A reply.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the README's names")]
pub enum Value {
    Nil(u8),
    Bool(bool),
    Int(i64),
    /// As text, so that NaN equals itself.
    Double(String),
    Ok,
    Status(Vec<u8>),
    Error {
        text: Vec<u8>,
        class: String,
    },
    Bulk(Vec<u8>),
    Verbatim {
        format: String,
        text: Vec<u8>,
    },
    Big(Vec<u8>),
    Array(Vec<Value>),
    Set(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Attribute {
        attributes: Vec<(Value, Value)>,
        of: Box<Value>,
    },
}
