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
        let _ = (self.nodes, self.texts, self.strings);
        Err(Fault::Unfinished)
    }
}
