//! Replies, as the core takes them: rows of nodes, and the beginnings of strings.

use bytes::Bytes;
use redis::Value;

use crate::client::Client;
use crate::error::{Error, ServerError};
use crate::wit::NodeKind;

/// So many bytes of a string enter the core.
const SHOWN: usize = 4096;

/// What a command was answered with: errors of the server are answers too.
pub(super) type Answer = Result<Value, Box<ServerError>>;

/// Replies that were taken apart.
#[derive(Debug, Default)]
pub(super) struct Flat {
    /// Two words a node, as `node-kind` has them.
    pub(super) nodes: Vec<u64>,
    /// What the nodes' strings have in them, as far as it is shown.
    pub(super) texts: Vec<u8>,
    /// All strings, whole, in preorder: what the core calls the body of number i is here.
    pub(super) bodies: Vec<Bytes>,
}

impl Flat {
    /// Of all answers of a batch, in order.
    pub(super) fn of(answers: Vec<Answer>) -> Self {
        let mut flat = Self::default();
        for answer in answers {
            match answer {
                Ok(value) => flat.add(value),
                Err(error) => flat.string(NodeKind::Error, error.text.into()),
            }
        }
        flat
    }

    /// A value is no deeper than the client's limits allow a reply to be.
    fn add(&mut self, value: Value) {
        match value {
            Value::Nil => self.node(NodeKind::Nil, 0, 0),
            Value::Int(number) => self.node(NodeKind::Integer, 0, number.cast_unsigned()),
            Value::BulkString(bytes) => self.string(NodeKind::Bulk, bytes.into()),
            Value::Array(children) | Value::Push { data: children, .. } => self.children(NodeKind::Array, children),
            Value::Set(children) => self.children(NodeKind::Set, children),
            Value::Map(pairs) => self.pairs(NodeKind::Map, pairs),
            Value::Attribute { data, attributes } => {
                self.pairs(NodeKind::Attribute, attributes);
                self.add(*data);
            }
            Value::SimpleString(text) => self.string(NodeKind::Status, text.into()),
            Value::Okay => self.node(NodeKind::Ok, 0, 0),
            Value::Double(number) => self.node(NodeKind::Double, 0, number.to_bits()),
            Value::Boolean(is) => self.node(NodeKind::Boolean, 0, u64::from(is)),
            Value::VerbatimString { text, .. } => self.string(NodeKind::Verbatim, text.into()),
            Value::ServerError(error) => {
                let line = error.details().map(|more| format!("{} {more}", error.code()));
                self.string(NodeKind::Error, line.unwrap_or_else(|| error.code().to_owned()).into());
            }
            // What the core asks for is answered with none of the others.
            _ => self.node(NodeKind::Nil, 0, 0),
        }
    }

    fn children(&mut self, kind: NodeKind, children: Vec<Value>) {
        self.nodes.reserve(2 * children.len() + 2);
        self.bodies.reserve(children.len());
        self.node(kind, children.len(), 0);
        children.into_iter().for_each(|child| self.add(child));
    }

    fn pairs(&mut self, kind: NodeKind, pairs: Vec<(Value, Value)>) {
        self.node(kind, pairs.len(), 0);
        for (key, value) in pairs {
            self.add(key);
            self.add(value);
        }
    }

    fn string(&mut self, kind: NodeKind, bytes: Bytes) {
        self.node(kind, bytes.len(), self.texts.len() as u64);
        self.texts.extend_from_slice(bytes.get(..SHOWN).unwrap_or(&bytes));
        self.bodies.push(bytes);
    }

    fn node(&mut self, kind: NodeKind, size: usize, value: u64) {
        self.nodes.extend([kind as u64 | (size as u64) << 16, value]);
    }
}

/// Sends commands, and waits until all are answered, or gives the error that says why they are not.
pub(super) async fn answers(client: &Client, mut commands: Vec<crate::Command>) -> Result<Vec<Answer>, Error> {
    if commands.len() == 1
        && let Some(command) = commands.pop()
    {
        return Ok(vec![answer(client.call(command).await)?]);
    }
    let replies: Vec<_> = client.pipeline(commands).await?.into_iter().map(answer).collect();
    // One that may have been executed says more than one that was not sent.
    let worst = replies.iter().filter_map(|reply| reply.as_ref().err()).max_by_key(|error| rank(error)).cloned();
    match worst {
        Some(error) => Err(error),
        None => Ok(replies.into_iter().filter_map(Result::ok).collect()),
    }
}

fn answer(reply: Result<Value, Error>) -> Result<Answer, Error> {
    match reply {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Server(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

fn rank(error: &Error) -> u8 {
    u8::from(error.outcome() != crate::Outcome::NotSent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn row(kind: NodeKind, size: u64, value: u64) -> [u64; 2] {
        [kind as u64 | size << 16, value]
    }

    #[test]
    fn nodes_come_in_preorder_and_bodies_are_the_strings() {
        let value = Value::Array(vec![
            Value::Int(-2),
            Value::Map(vec![(bulk("k"), Value::Nil), (Value::SimpleString("st".into()), bulk("vv"))]),
            Value::Okay,
        ]);
        let error = ServerError { class: ErrorClass::Other, text: "ERR x".into(), queued: None };
        let flat = Flat::of(vec![Ok(value), Err(Box::new(error)), Ok(bulk("last"))]);
        let expected = [
            row(NodeKind::Array, 3, 0),
            row(NodeKind::Integer, 0, (-2i64).cast_unsigned()),
            row(NodeKind::Map, 2, 0),
            row(NodeKind::Bulk, 1, 0),
            row(NodeKind::Nil, 0, 0),
            row(NodeKind::Status, 2, 1),
            row(NodeKind::Bulk, 2, 3),
            row(NodeKind::Ok, 0, 0),
            row(NodeKind::Error, 5, 5),
            row(NodeKind::Bulk, 4, 10),
        ];
        assert_eq!(flat.nodes, expected.concat());
        assert_eq!(flat.texts, b"kstvvERR xlast");
        assert_eq!(flat.bodies, ["k", "st", "vv", "ERR x", "last"]);
    }

    #[test]
    fn only_the_beginning_of_a_long_string_is_shown() {
        let long = vec![7; SHOWN + 1];
        let place = long.as_ptr();
        let flat = Flat::of(vec![Ok(Value::BulkString(long)), Ok(bulk("next"))]);
        assert_eq!(flat.texts.len(), SHOWN + 4);
        assert_eq!(
            flat.nodes,
            [row(NodeKind::Bulk, SHOWN as u64 + 1, 0), row(NodeKind::Bulk, 4, SHOWN as u64)].concat()
        );
        assert_eq!(flat.bodies[0].len(), SHOWN + 1);
        assert_eq!(flat.bodies[0].as_ptr(), place, "nothing is copied");
    }
}
