//! What is printed, for people or as JSON.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle::events::{Executed, Recorded};
use serde::Serialize;

/// How many characters of data stand in a row.
const EXCERPT: usize = 60;

const EVENTS: &[(&str, usize)] = &[("CURSOR", 42), ("TIME", 24), ("TYPE", 20), ("TAGS", 24), ("DATA", 0)];
const COMMANDS: &[(&str, usize)] =
    &[("NUMBER", 10), ("TIME", 24), ("ID", 36), ("TYPE", 20), ("FIRST", 10), ("LAST", 10), ("DATA", 0)];

/// Prints what is one of many: a table, whose columns are as wide as most of what stands in them, or lines of JSON.
pub struct Rows<W> {
    out: W,
    json: bool,
    columns: &'static [(&'static str, usize)],
    begun: bool,
}

#[derive(Serialize)]
struct EventLine<'a> {
    position: u64,
    id: String,
    #[serde(rename = "type")]
    type_: &'a str,
    tags: &'a [String],
    time: u64,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
struct CommandLine<'a> {
    number: u64,
    id: String,
    #[serde(rename = "type")]
    type_: &'a str,
    first: u64,
    last: u64,
    time: u64,
    #[serde(flatten)]
    body: Body<'a>,
}

/// Data and metadata, as an export has them.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    data: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    data_base64: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    metadata_base64: String,
}

impl<W: Write> Rows<W> {
    pub fn events(out: W, json: bool) -> Self {
        Self { out, json, columns: EVENTS, begun: false }
    }

    pub fn commands(out: W, json: bool) -> Self {
        Self { out, json, columns: COMMANDS, begun: false }
    }

    pub fn event(&mut self, event: &Recorded) -> io::Result<()> {
        let line = || EventLine {
            position: event.position,
            id: event.id.to_string(),
            type_: &event.type_,
            tags: &event.tags,
            time: millis(event.time),
            body: Body::of(&event.data, &event.metadata),
        };
        let cells = || {
            [
                event.cursor().to_string(),
                time(event.time),
                shown(&event.type_),
                shown(&event.tags.join(" ")),
                excerpt(&event.data),
            ]
        };
        self.row(line, cells)
    }

    pub fn command(&mut self, command: &Executed) -> io::Result<()> {
        let line = || CommandLine {
            number: command.number,
            id: command.id.to_string(),
            type_: &command.type_,
            first: command.first,
            last: command.last,
            time: millis(command.time),
            body: Body::of(&command.data, &command.metadata),
        };
        let cells = || {
            [
                command.number.to_string(),
                time(command.time),
                command.id.to_string(),
                shown(&command.type_),
                command.first.to_string(),
                command.last.to_string(),
                excerpt(&command.data),
            ]
        };
        self.row(line, cells)
    }

    /// Prints the titles of the columns, once.
    pub fn header(&mut self) -> io::Result<()> {
        if self.json || std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.line(&self.columns.iter().map(|(title, _)| (*title).to_owned()).collect::<Vec<_>>())
    }

    /// A line below the table, for people.
    pub fn footer(&mut self, text: &str) -> io::Result<()> {
        if !self.json {
            writeln!(self.out, "{text}")?;
        }
        self.flush()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn row<L: Serialize, const N: usize>(
        &mut self,
        line: impl FnOnce() -> L,
        cells: impl FnOnce() -> [String; N],
    ) -> io::Result<()> {
        if self.json {
            return self.out.write_all(json(&line()).as_bytes());
        }
        self.header()?;
        self.line(&cells())
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let cells = cells.iter().zip(self.columns).map(|(cell, (_, width))| format!("{cell:<width$}  "));
        writeln!(self.out, "{}", cells.collect::<String>().trim_end_matches(' '))
    }
}

impl<'a> Body<'a> {
    fn of(data: &'a [u8], metadata: &'a [u8]) -> Self {
        let ((data, data_base64), (metadata, metadata_base64)) = (text_of(data), text_of(metadata));
        Self { data, data_base64, metadata, metadata_base64 }
    }
}

/// Bytes as text, or as Base64 where they are none.
fn text_of(bytes: &[u8]) -> (&str, String) {
    std::str::from_utf8(bytes).map_or_else(|_| ("", STANDARD.encode(bytes)), |text| (text, String::new()))
}

/// Writes to the output. `print!` would panic where nobody reads it.
pub fn out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes to the error output, if anybody reads it.
pub fn err(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A line of JSON, its end included, as the Go host writes it.
pub fn json(object: &impl Serialize) -> String {
    // Nothing that is printed can't be JSON.
    let line = serde_json::to_string(object).unwrap_or_default();
    line.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029") + "\n"
}

/// Text without characters that a terminal would obey.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            control if control.is_control() => shown.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => shown.push(other),
        }
    }
    shown
}

pub fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// A number of things.
pub fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// The beginning of data.
fn excerpt(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else { return format!("({} bytes)", data.len()) };
    let text = shown(text);
    if text.chars().count() <= EXCERPT {
        return text;
    }
    text.chars().take(EXCERPT - 1).chain(['…']).collect()
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_as_the_go_host_writes_it() {
        let text = "<&>\u{8}\u{c}\n\r\t\u{1b}\u{7f}\u{2028}\u{2029}é\"\\/";
        let line = "\"<&>\\b\\f\\n\\r\\t\\u001b\u{7f}\\u2028\\u2029é\\\"\\\\/\"\n";
        assert_eq!(json(&text), line);
    }
}
