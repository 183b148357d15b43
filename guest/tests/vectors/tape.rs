//! Node rows to values, as a host would build them.

use anyhow::{Context, Result, bail, ensure};
use vectors::Value;

/// The unfinished value of a link: node rows, each string with its bytes.
#[derive(Debug, Default)]
pub struct Tape {
    rows: Vec<Row>,
    /// The value's bytes as they came, if they were given.
    raw: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Row {
    kind: u8,
    detail: u8,
    size: u64,
    value: u64,
    bytes: Vec<u8>,
}

/// The link's input that a host still holds.
pub struct Input<'a> {
    pub from: u64,
    pub bytes: &'a [u8],
}

/// No node, but bytes of the input.
const RAW: u8 = 16;
const KINDS_WITH_BYTES: [u8; 5] = [5, 6, 7, 8, 9];

impl Tape {
    /// Appends node rows.
    pub fn append(&mut self, rows: &[u64], input: &Input<'_>, texts: &[u8]) -> Result<()> {
        for row in rows.as_chunks::<2>().0 {
            let [head, value] = *row;
            let (kind, detail, size) = (head as u8, (head >> 8) as u8, head >> 16);
            if kind == RAW {
                let bytes = bytes_at(size, value, input)?;
                self.raw.get_or_insert_default().extend_from_slice(bytes);
                continue;
            }
            let passes = (kind == 7 || kind == 8) && detail & 0x80 != 0;
            let bytes = if kind == 14 {
                texts.get(value as usize..(value + size) as usize).context("a text node outside the texts")?.to_vec()
            } else if KINDS_WITH_BYTES.contains(&kind) {
                string_bytes(kind, size, value, passes, input)?
            } else {
                Vec::new()
            };
            self.rows.push(Row { kind, detail: detail & 0x7f, size, value, bytes });
        }
        Ok(())
    }

    /// Bytes that passed by.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<()> {
        self.rows.last_mut().context("bytes pass, but for no node")?.bytes.extend_from_slice(bytes);
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The bytes of the whole value, if they were given.
    pub fn take_raw(&mut self) -> Option<Vec<u8>> {
        self.raw.take()
    }

    /// The whole value.
    pub fn finish(self) -> Result<Value> {
        let mut rows = self.rows.into_iter();
        let value = build(&mut rows)?;
        ensure!(rows.next().is_none(), "nodes are left over");
        Ok(value)
    }
}

fn bytes_at<'a>(size: u64, offset: u64, input: &Input<'a>) -> Result<&'a [u8]> {
    let at = offset.checked_sub(input.from).context("bytes before the kept input")? as usize;
    input.bytes.get(at..at + size as usize).context("bytes beyond the input")
}

fn string_bytes(kind: u8, size: u64, value: u64, passes: bool, input: &Input<'_>) -> Result<Vec<u8>> {
    let prefix = if kind == 8 { 4 } else { 0 };
    let at = (value - prefix).checked_sub(input.from).context("a node points before the kept input")? as usize;
    let wanted = (size + prefix) as usize;
    let there = input.bytes.get(at..).context("a node points beyond the input")?;
    if passes {
        ensure!(there.len() < wanted, "a string passes although it is whole");
        return Ok(there.to_vec());
    }
    Ok(there.get(..wanted).context("a node's string is not whole")?.to_vec())
}

fn build(rows: &mut impl Iterator<Item = Row>) -> Result<Value> {
    let row = rows.next().context("a node is missing")?;
    let count = row.size;
    if matches!(row.kind, 5..=9) {
        let prefix = if row.kind == 8 { 4 } else { 0 };
        ensure!(row.bytes.len() as u64 == row.size + prefix, "a string of {} bytes has {}", row.size, row.bytes.len());
    }
    Ok(match row.kind {
        0 => Value::Nil(row.detail),
        1 => Value::Bool(row.value == 1),
        2 => Value::Int(row.value as i64),
        3 => Value::Double(double(f64::from_bits(row.value))),
        4 => Value::Ok,
        5 => Value::Status(row.bytes),
        6 => Value::Error { text: row.bytes, class: CLASSES[row.detail as usize].to_owned() },
        7 => Value::Bulk(row.bytes),
        8 => verbatim(&row)?,
        9 => Value::Big(row.bytes),
        10 => Value::Array(build_many(rows, count)?),
        11 => Value::Set(build_many(rows, count)?),
        12 => Value::Map(build_pairs(rows, count)?),
        13 => Value::Attribute { attributes: build_pairs(rows, count)?, of: Box::new(build(rows)?) },
        14 => Value::Status(row.bytes),
        other => bail!("node kind {other}"),
    })
}

fn verbatim(row: &Row) -> Result<Value> {
    let (format, text) = row.bytes.split_at(3);
    let format = String::from_utf8_lossy(format).into_owned();
    let told = ["txt", "mkd"].iter().position(|known| *known == format).unwrap_or(2);
    ensure!(told == usize::from(row.detail), "format {format} has detail {}", row.detail);
    Ok(Value::Verbatim { format, text: text[1..].to_vec() })
}

fn build_many(rows: &mut impl Iterator<Item = Row>, count: u64) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(build_dyn(rows)?);
    }
    Ok(values)
}

fn build_pairs(rows: &mut impl Iterator<Item = Row>, count: u64) -> Result<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    for _ in 0..count {
        pairs.push((build_dyn(rows)?, build_dyn(rows)?));
    }
    Ok(pairs)
}

fn build_dyn(rows: &mut impl Iterator<Item = Row>) -> Result<Value> {
    let rows: &mut dyn Iterator<Item = Row> = rows;
    build(&mut { rows })
}

fn double(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { value.to_string() }
}

/// Names of `error-class`, in the WIT's order.
const CLASSES: [&str; 20] = [
    "other",
    "moved",
    "ask",
    "loading",
    "readonly",
    "noauth",
    "busy",
    "clusterdown",
    "tryagain",
    "masterdown",
    "oom",
    "noscript",
    "wrongtype",
    "execabort",
    "noperm",
    "wrongpass",
    "noproto",
    "misconf",
    "noreplicas",
    "crossslot",
];
