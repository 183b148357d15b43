//! Node rows to values, as a host builds them.

use coracle_core::wire::NodeKind;

use crate::value::Value;

/// The unfinished value of a link.
#[derive(Debug, Default)]
pub struct Tape {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    kind: u8,
    size: u64,
    value: u64,
    bytes: Vec<u8>,
}

/// Where strings are: the link's input that the host still holds, and the call's texts.
pub struct Source<'a> {
    pub from: u64,
    pub input: &'a [u8],
    pub texts: &'a [u8],
}

const fn is(kind: u8, node: NodeKind) -> bool {
    kind == node as u8
}

impl Tape {
    /// Appends node rows.
    pub fn append(&mut self, rows: &[u64], source: &Source<'_>) -> Result<(), String> {
        for &[head, value] in rows.as_chunks::<2>().0 {
            let (kind, size) = (head as u8, head >> 16);
            let passes = is(kind, NodeKind::Bulk) && head >> 8 & 0x80 != 0;
            let bytes = if is(kind, NodeKind::Text) {
                let at = value as usize;
                source.texts.get(at..at + size as usize).ok_or("a text node outside the texts")?.to_vec()
            } else if (NodeKind::Status as u8..=NodeKind::BigNumber as u8).contains(&kind) {
                string(size, value, passes, source)?
            } else {
                Vec::new()
            };
            self.rows.push(Row { kind, size, value, bytes });
        }
        Ok(())
    }

    /// Bytes that passed by.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.rows.last_mut().ok_or("bytes pass, but for no node")?.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Throws away what there is.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// The whole value.
    pub fn finish(&mut self) -> Result<Value, String> {
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        let value = build(&mut rows)?;
        if rows.next().is_some() {
            return Err("nodes are left over behind a whole value".into());
        }
        Ok(value)
    }
}

fn string(size: u64, value: u64, passes: bool, source: &Source<'_>) -> Result<Vec<u8>, String> {
    let at = value.checked_sub(source.from).ok_or("a node points before the kept input")? as usize;
    let there = source.input.get(at..).ok_or("a node points beyond the input")?;
    if passes {
        return if there.len() < size as usize {
            Ok(there.to_vec())
        } else {
            Err("a string passes although it is whole".into())
        };
    }
    Ok(there.get(..size as usize).ok_or("a node's string is not whole")?.to_vec())
}

fn build(rows: &mut std::vec::IntoIter<Row>) -> Result<Value, String> {
    let row = rows.next().ok_or("a node is missing")?;
    let kind = row.kind;
    if (NodeKind::Status as u8..=NodeKind::BigNumber as u8).contains(&kind) && row.bytes.len() as u64 != row.size {
        return Err(format!("a string of {} bytes has {}", row.size, row.bytes.len()));
    }
    Ok(match kind {
        _ if is(kind, NodeKind::Nil) => Value::Nil,
        _ if is(kind, NodeKind::Boolean) => Value::Bool(row.value == 1),
        _ if is(kind, NodeKind::Integer) => Value::Int(row.value as i64),
        _ if is(kind, NodeKind::Ok) => Value::Ok,
        _ if is(kind, NodeKind::Status) || is(kind, NodeKind::Text) => Value::Status(row.bytes),
        _ if is(kind, NodeKind::Error) => Value::Error(row.bytes),
        _ if is(kind, NodeKind::Bulk) => Value::Bulk(row.bytes),
        _ if is(kind, NodeKind::Array) => Value::Array(build_many(rows, row.size)?),
        _ if is(kind, NodeKind::Map) => {
            let values = build_many(rows, row.size * 2)?;
            let mut values = values.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        other => return Err(format!("node kind {other}, which the server never sent")),
    })
}

fn build_many(rows: &mut std::vec::IntoIter<Row>, count: u64) -> Result<Vec<Value>, String> {
    (0..count).map(|_| build(rows)).collect()
}
