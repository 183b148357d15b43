//! From a tape of nodes to a `redis::Value`. Nothing here recurses, and nothing is allocated on the server's word
//! alone.

use redis::{Value, VerbatimFormat};

use crate::error::{Error, ErrorClass};
use crate::rows::{Fault, Node, fault};
use crate::wit::NodeKind;

/// Bytes of a large string that are made room for on the server's word.
pub(crate) const TRUSTED: usize = 1 << 20;
/// Elements of an aggregate that are made room for before they have come.
const PREALLOCATED: u64 = 1024;
/// Room for what follows a large string, so that its end does not make the buffer grow to twice the size.
const RAW_REST: usize = 64;
/// The contract allows no deeper replies.
const MAX_DEPTH: usize = 2 * 128 + 1;

/// Where the strings of a call's nodes are.
pub(crate) struct Source<'a> {
    /// Offset of the first byte of `input` in what the link received.
    pub(crate) base: u64,
    /// The link's input that was not forgotten yet.
    pub(crate) input: &'a [u8],
    /// the `texts` of `network.report`.
    pub(crate) texts: &'a [u8],
}

impl Source<'_> {
    /// The bytes of a string node, whole.
    pub(crate) fn string(&self, node: &Node) -> Result<&[u8], Fault> {
        let (bytes, base) = if node.kind == NodeKind::Text { (self.texts, 0) } else { (self.input, self.base) };
        slice(bytes, base, node.value, node.size)
            .ok_or_else(|| Fault("a string lies outside of what the host holds".into()))
    }

    /// What was fed of a string that passes by.
    fn beginning(&self, node: &Node) -> Result<&[u8], Fault> {
        let end = self.base + self.input.len() as u64;
        let fed = end.checked_sub(node.value).filter(|fed| *fed <= node.size);
        fed.and_then(|fed| slice(self.input, self.base, node.value, fed))
            .ok_or_else(|| Fault("a passing string does not begin in what the host holds".into()))
    }
}

/// One link's value under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    frames: Vec<Frame>,
    passing: Option<Passing>,
    done: Option<Value>,
    /// The bytes that it came in, if they are wanted.
    raw: Option<Vec<u8>>,
}

/// An aggregate whose children are still to come.
#[derive(Debug)]
enum Frame {
    Array { left: u64, children: Vec<Value> },
    Set { left: u64, children: Vec<Value> },
    Map { left: u64, key: Option<Value>, pairs: Vec<(Value, Value)> },
    Attribute { left: u64, key: Option<Value>, pairs: Vec<(Value, Value)> },
}

/// The string whose rest passes by the core.
#[derive(Debug)]
struct Passing {
    bytes: Vec<u8>,
    /// So many of them were fed.
    fed: usize,
    format: Option<VerbatimFormat>,
}

impl Builder {
    /// Adds a node and what it completes.
    pub(crate) fn append(&mut self, node: &Node, source: &Source<'_>) -> Result<(), Fault> {
        if node.kind == NodeKind::Raw {
            return self.append_raw(source.string(node)?);
        }
        if self.done.is_some() || self.passing.is_some() {
            return fault("a node where none can be");
        }
        if let Some(frame) = frame(node)? {
            if self.frames.len() >= MAX_DEPTH {
                return fault("a reply is deeper than the contract allows");
            }
            self.frames.push(frame);
            return self.settle();
        }
        if node.passes() {
            let format = (node.kind == NodeKind::Verbatim).then(|| verbatim_format(node, source));
            let beginning = source.beginning(node)?;
            let room = usize::try_from(node.size).unwrap_or(usize::MAX).min(TRUSTED).max(beginning.len());
            let mut bytes = Vec::with_capacity(room);
            bytes.extend_from_slice(beginning);
            self.passing = Some(Passing { fed: bytes.len(), bytes, format });
            return Ok(());
        }
        let value = scalar(node, source)?;
        self.attach(value)
    }

    /// The string that is passing, for its next bytes to be appended.
    pub(crate) fn passing(&mut self) -> Option<&mut Vec<u8>> {
        self.passing.as_mut().map(|passing| &mut passing.bytes)
    }

    /// The last byte of the passing string has come.
    pub(crate) fn passed(&mut self) -> Result<(), Fault> {
        let Some(Passing { bytes, fed, format }) = self.passing.take() else { return Ok(()) };
        if let Some(raw) = &mut self.raw {
            let passed = bytes.get(fed..).unwrap_or_default();
            raw.reserve(passed.len() + RAW_REST);
            raw.extend_from_slice(passed);
        }
        self.attach(match format {
            None => Value::BulkString(bytes),
            Some(format) => Value::VerbatimString { format, text: lossy(bytes) },
        })
    }

    /// Whether a value is under way.
    pub(crate) fn has_begun(&self) -> bool {
        !self.frames.is_empty() || self.passing.is_some() || self.done.is_some()
    }

    /// The bytes that the value came in, those that were wanted. To be taken before the value.
    pub(crate) fn take_raw(&mut self) -> Option<Vec<u8>> {
        self.raw.take()
    }

    /// The finished value; the builder is ready for the next.
    pub(crate) fn take(&mut self) -> Result<Value, Fault> {
        match std::mem::take(self) {
            Self { done: Some(value), .. } => Ok(value),
            _ => fault("a value ended before it was whole"),
        }
    }

    /// Throws away what there is.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn append_raw(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.raw.get_or_insert_default().extend_from_slice(bytes);
        Ok(())
    }

    /// Puts a whole value where it belongs.
    fn attach(&mut self, value: Value) -> Result<(), Fault> {
        match self.frames.last_mut() {
            None => {
                self.done = Some(value);
                return Ok(());
            }
            Some(frame) => frame.push(value)?,
        }
        self.settle()
    }

    /// Closes aggregates that are full, from the innermost.
    fn settle(&mut self) -> Result<(), Fault> {
        while self.frames.last().is_some_and(Frame::is_full) {
            let Some(value) = self.frames.pop().and_then(Frame::finish) else {
                return fault("an attribute describes nothing");
            };
            match self.frames.last_mut() {
                None => self.done = Some(value),
                Some(frame) => frame.push(value)?,
            }
        }
        Ok(())
    }
}

impl Frame {
    fn push(&mut self, value: Value) -> Result<(), Fault> {
        match self {
            Self::Array { left, children } | Self::Set { left, children } => {
                children.push(value);
                *left -= 1;
            }
            Self::Map { left, key, pairs } => match key.take() {
                None => *key = Some(value),
                Some(key) => {
                    pairs.push((key, value));
                    *left -= 1;
                }
            },
            // With none left, the value that is described comes: kept as the key until `finish`.
            Self::Attribute { left, key, pairs } => match key.take() {
                None => *key = Some(value),
                Some(_) if *left == 0 => return fault("an attribute describes two values"),
                Some(key) => {
                    pairs.push((key, value));
                    *left -= 1;
                }
            },
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Array { left, .. } | Self::Set { left, .. } | Self::Map { left, .. } => *left == 0,
            Self::Attribute { left, key, .. } => *left == 0 && key.is_some(),
        }
    }

    fn finish(self) -> Option<Value> {
        Some(match self {
            Self::Array { children, .. } => Value::Array(children),
            Self::Set { children, .. } => Value::Set(children),
            Self::Map { pairs, .. } => Value::Map(pairs),
            Self::Attribute { key, pairs, .. } => Value::Attribute { data: Box::new(key?), attributes: pairs },
        })
    }
}

/// A server's error as an error, of a node that is one.
pub(crate) fn server_error(node: &Node, source: &Source<'_>) -> Result<Error, Fault> {
    let class = ErrorClass::from_wire(node.detail).unwrap_or(ErrorClass::Other);
    Ok(Error::server(class, String::from_utf8_lossy(source.string(node)?).into_owned()))
}

/// A server's error as the `redis` crate has it. It has no constructor of its own, but takes an error line apart.
pub(crate) fn redis_error(text: &str) -> Value {
    let line = format!("-{}\r\n", text.replace(['\r', '\n'], " "));
    redis::parse_redis_value(line.as_bytes()).unwrap_or_else(|_| Value::SimpleString(text.to_owned()))
}

fn frame(node: &Node) -> Result<Option<Frame>, Fault> {
    let left = node.size;
    let room = usize::try_from(left.min(PREALLOCATED)).unwrap_or_default();
    Ok(Some(match node.kind {
        NodeKind::Array => Frame::Array { left, children: Vec::with_capacity(room) },
        NodeKind::Set => Frame::Set { left, children: Vec::with_capacity(room) },
        NodeKind::Map => Frame::Map { left, key: None, pairs: Vec::with_capacity(room) },
        NodeKind::Attribute => Frame::Attribute { left, key: None, pairs: Vec::with_capacity(room) },
        NodeKind::Spliced => return fault("spliced nodes are reserved"),
        _ => return Ok(None),
    }))
}

/// Whether the node is a value by itself, all of which is there, and no error.
pub(crate) fn is_plain(node: &Node) -> bool {
    use NodeKind::{Array, Attribute, Error, Map, Raw, Set, Spliced};
    !node.passes() && !matches!(node.kind, Array | Attribute | Error | Map | Raw | Set | Spliced)
}

/// The value that such a node is, and that of an error.
pub(crate) fn scalar(node: &Node, source: &Source<'_>) -> Result<Value, Fault> {
    Ok(match node.kind {
        NodeKind::Boolean => Value::Boolean(node.value != 0),
        NodeKind::Integer => Value::Int(node.value.cast_signed()),
        NodeKind::Double => Value::Double(f64::from_bits(node.value)),
        NodeKind::Ok => Value::Okay,
        NodeKind::Status | NodeKind::Text => Value::SimpleString(text(node, source)?),
        NodeKind::Error => redis_error(&text(node, source)?),
        NodeKind::Bulk => Value::BulkString(source.string(node)?.to_vec()),
        NodeKind::Verbatim => {
            Value::VerbatimString { format: verbatim_format(node, source), text: text(node, source)? }
        }
        NodeKind::BigNumber => Value::BigNumber(source.string(node)?.to_vec()),
        _ => Value::Nil,
    })
}

/// The three bytes before a verbatim string's offset, where they are still there.
fn verbatim_format(node: &Node, source: &Source<'_>) -> VerbatimFormat {
    match node.detail & 0x7f {
        0 => VerbatimFormat::Text,
        1 => VerbatimFormat::Markdown,
        _ => {
            let format = node.value.checked_sub(4).and_then(|start| slice(source.input, source.base, start, 3));
            VerbatimFormat::Unknown(String::from_utf8_lossy(format.unwrap_or_default()).into_owned())
        }
    }
}

fn text(node: &Node, source: &Source<'_>) -> Result<String, Fault> {
    Ok(String::from_utf8_lossy(source.string(node)?).into_owned())
}

/// Takes the bytes over where they are UTF-8.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn slice(bytes: &[u8], base: u64, offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset.checked_sub(base)?).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &[u8] = b"txt:hello";

    fn source() -> Source<'static> {
        Source { base: 100, input: INPUT, texts: b"said" }
    }

    fn node(kind: NodeKind, size: u64, value: u64) -> Node {
        Node { kind, detail: 0, size, value }
    }

    fn build(nodes: &[Node]) -> Result<Value, Fault> {
        let mut builder = Builder::default();
        nodes.iter().try_for_each(|node| builder.append(node, &source()))?;
        builder.take()
    }

    #[test]
    fn nests() {
        let nodes = [
            node(NodeKind::Array, 3, 0),
            node(NodeKind::Map, 1, 0),
            node(NodeKind::Bulk, 5, 104),
            node(NodeKind::Array, 0, 0),
            node(NodeKind::Attribute, 1, 0),
            node(NodeKind::Ok, 0, 0),
            node(NodeKind::Integer, 0, u64::MAX),
            node(NodeKind::Set, 1, 0),
            node(NodeKind::Boolean, 0, 1),
            node(NodeKind::Nil, 0, 0),
        ];
        let hello = Value::BulkString(b"hello".to_vec());
        let attribute = Value::Attribute {
            data: Box::new(Value::Set(vec![Value::Boolean(true)])),
            attributes: vec![(Value::Okay, Value::Int(-1))],
        };
        let map = Value::Map(vec![(hello, Value::Array(Vec::new()))]);
        assert_eq!(build(&nodes), Ok(Value::Array(vec![map, attribute, Value::Nil])));
    }

    #[test]
    fn a_string_passes_in_the_middle() {
        let mut builder = Builder::default();
        let passing = Node { kind: NodeKind::Verbatim, detail: 1 << 7, size: 9, value: 104 };
        for node in [node(NodeKind::Array, 2, 0), passing] {
            builder.append(&node, &source()).unwrap();
        }
        assert!(builder.append(&node(NodeKind::Ok, 0, 0), &source()).is_err(), "a node while a string passes");
        builder.passing().unwrap().extend_from_slice(b" you");
        builder.passed().unwrap();
        builder.append(&node(NodeKind::Ok, 0, 0), &source()).unwrap();
        let text = Value::VerbatimString { format: VerbatimFormat::Text, text: "hello you".into() };
        assert_eq!(builder.take(), Ok(Value::Array(vec![text, Value::Okay])));
    }

    #[test]
    fn the_bytes_of_a_value_come_beside_it() {
        let mut builder = Builder::default();
        let more = [b'x'; 100_000];
        let passing = Node { kind: NodeKind::Bulk, detail: 1 << 7, size: 100_005, value: 104 };
        for node in [passing, node(NodeKind::Raw, 9, 100)] {
            builder.append(&node, &source()).unwrap();
        }
        builder.passing().unwrap().extend_from_slice(&more);
        builder.passed().unwrap();
        builder.append(&node(NodeKind::Raw, 2, 100), &source()).unwrap();
        let raw = builder.take_raw().unwrap();
        assert_eq!(raw, [b"txt:hello", &more[..], b"tx"].concat());
        assert!(raw.capacity() <= raw.len() + RAW_REST, "its end makes it grow no more");
        assert_eq!(builder.take(), Ok(Value::BulkString([b"hello", &more[..]].concat())));
        assert_eq!(builder.take_raw(), None);
        assert!(builder.append(&node(NodeKind::Raw, 9, 101), &source()).is_err(), "behind the input");
    }

    #[test]
    fn sizes_are_not_believed() {
        let mut builder = Builder::default();
        builder.append(&node(NodeKind::Array, u64::MAX >> 16, 0), &source()).unwrap();
        assert!(builder.take().is_err(), "an array without its children");
    }

    #[test]
    fn refuses_what_the_contract_rules_out() {
        assert!(build(&[node(NodeKind::Bulk, 5, 105)]).is_err(), "behind the input");
        assert!(build(&[node(NodeKind::Bulk, 5, 99)]).is_err(), "before the input");
        assert!(build(&[node(NodeKind::Bulk, u64::MAX >> 16, u64::MAX)]).is_err(), "nowhere");
        assert!(build(&[node(NodeKind::Text, 5, 0)]).is_err(), "behind the texts");
        assert!(build(&[node(NodeKind::Ok, 0, 0), node(NodeKind::Ok, 0, 0)]).is_err(), "two values");
        assert!(build(&[node(NodeKind::Spliced, 0, 0)]).is_err(), "reserved");
        assert!(build(&vec![node(NodeKind::Array, 1, 0); 300]).is_err(), "too deep");
        assert!(build(&[]).is_err(), "no value");
    }
}
