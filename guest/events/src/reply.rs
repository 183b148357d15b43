//! Replies as the host gives them: flattened to node rows, see `node-kind` of the WIT.

use crate::fault::Fault;

/// The replies to the commands of one step, read from the front.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    nodes: &'a [u64],
    texts: &'a [u8],
    strings: u32,
}

/// A string of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Which of the reply's strings it is, counted from 0 in preorder.
    pub string: u32,
    /// Its whole length.
    pub size: u64,
    /// Its bytes; of a long one the first 4096.
    pub bytes: &'a [u8],
}

/// One node of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// Any null.
    Nil,
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
    /// The status OK.
    Ok,
    /// Any string that is no error.
    Text(Text<'a>),
    /// An error's line.
    Error(Text<'a>),
    /// As many nodes follow; twice as many as a map has pairs.
    Array(u64),
}

/// As many bytes of a string are given at least.
const INLINE: u64 = 4096;

impl<'a> Reply<'a> {
    /// Of rows of two words and the bytes that they point into.
    #[must_use]
    pub fn new(nodes: &'a [u64], texts: &'a [u8]) -> Self {
        Self { nodes, texts, strings: 0 }
    }

    /// The next node.
    ///
    /// # Errors
    /// There is none, or not as the contract says.
    pub fn node(&mut self) -> Result<Node<'a>, Fault> {
        let [word, value, rest @ ..] = self.nodes else { return Err(Fault::Unexpected) };
        self.nodes = rest;
        let size = word >> 16;
        match word & 0xff {
            0 => Ok(Node::Nil),
            1 | 2 => Ok(Node::Integer(*value as i64)),
            4 => Ok(Node::Ok),
            6 => Ok(Node::Error(self.string(size, *value)?)),
            5 | 7..=9 => Ok(Node::Text(self.string(size, *value)?)),
            10 | 11 => Ok(Node::Array(size)),
            12 => Ok(Node::Array(size.saturating_mul(2))),
            _ => Err(Fault::Unexpected),
        }
    }

    /// A node that is a number and not negative.
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        match self.node()? {
            Node::Integer(number) => u64::try_from(number).map_err(|_| Fault::Unexpected),
            _ => Err(Fault::Unexpected),
        }
    }

    /// A node that begins an array; an error is the server's word.
    pub(crate) fn array(&mut self) -> Result<u64, Fault> {
        match self.node()? {
            Node::Array(size) => Ok(size),
            other => Err(refusal(&other)),
        }
    }

    /// A node that is a string.
    pub(crate) fn text(&mut self) -> Result<Text<'a>, Fault> {
        match self.node()? {
            Node::Text(text) => Ok(text),
            other => Err(refusal(&other)),
        }
    }

    fn string(&mut self, size: u64, offset: u64) -> Result<Text<'a>, Fault> {
        let string = self.strings;
        self.strings = string.saturating_add(1);
        let from = usize::try_from(offset).map_err(|_| Fault::Unexpected)?;
        let bytes = self.texts.get(from..).and_then(|rest| rest.get(..size.min(INLINE) as usize));
        Ok(Text { string, size, bytes: bytes.ok_or(Fault::Unexpected)? })
    }
}

/// What an unexpected node means.
pub(crate) fn refusal(node: &Node<'_>) -> Fault {
    match node {
        Node::Error(text) => Fault::Server(String::from_utf8_lossy(text.bytes).into_owned()),
        _ => Fault::Unexpected,
    }
}

/// The decimal number that these bytes are.
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    // Not by `checked_mul`: in WebAssembly that is a call, which multiplies numbers of 128 bits.
    const MOST: u64 = u64::MAX / 10;
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        if number > MOST { None } else { (number * 10).checked_add(u64::from(digit)) }
    })
}
