//! What flags are read as.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use coracle::events::{Cursor, Durability, Item, Query, Since};

use crate::failure::Failure;
use crate::print::quoted;

/// How a query is written.
pub const QUERY: &str = "A query is all, or type=A|B,tag=key:value,tag=key:value: of any of the types, and with all of \
                         the tags; several queries mean events of any. A \\ before , | or \\ takes it as it is.";
const CURSOR: &str =
    "a cursor is a position and the id of the event there, such as 12@01890a5d-ac96-774b-bcce-b302099a8057, or 0";
const DURABILITY: &str = "it is none, replicas=N,TIME or fsync,TIME, with a time such as 500ms or 5s, which is 5s \
                          unless it is said";
const LIMIT: &str = "it is a number, 0 for all";
const SINCE: &str = "it is number=N, position=N of an event, or time=T, such as time=2026-01-31T12:00:00Z";
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(5);

/// The queries of a flag, which mean the events of any of them.
pub fn queries(flag: &str, texts: &[String]) -> Result<Query> {
    let items = texts
        .iter()
        .map(|text| item(text).map_err(|why| Failure::input(format!("{flag} {}: {why}", quoted(text)), QUERY).into()));
    items.collect()
}

pub fn cursor(flag: &str, text: &str) -> Result<Cursor> {
    let wrong = || Failure::input(format!("{flag} {}: it is no cursor", quoted(text)), CURSOR);
    Ok(text.parse().map_err(|_| wrong())?)
}

/// What is empty is the store's.
pub fn durability(text: &str) -> Result<Option<Durability>> {
    let (kind, within) =
        text.split_once(',').map_or((text, Some(ACKNOWLEDGEMENT)), |(kind, time)| (kind, duration(time)));
    let count = kind.strip_prefix("replicas=").and_then(count);
    match (kind, count, within) {
        ("", ..) if text.is_empty() => Ok(None),
        ("none", ..) if text == "none" => Ok(Some(Durability::None)),
        ("fsync", _, Some(within)) => Ok(Some(Durability::Fsynced { local: true, replicas: 0, within })),
        (_, Some(count), Some(within)) => Ok(Some(Durability::Replicas { count, within })),
        _ => Err(Failure::input(format!("--durability {}: it can't be", quoted(text)), DURABILITY).into()),
    }
}

pub fn limit(text: &str) -> Result<u64> {
    let wrong = || Failure::input(format!("--limit {}: it can't be", quoted(text)), LIMIT);
    Ok(number(text).ok_or_else(wrong)?)
}

/// What is empty is the first command.
pub fn since(text: &str) -> Result<Since> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let since = match name {
        "" if text.is_empty() => Some(Since::Number(1)),
        "number" => number(value).map(Since::Number),
        "position" => number(value).map(Since::Position),
        "time" => time(value).map(Since::Time),
        _ => None,
    };
    Ok(since.ok_or_else(|| Failure::input(format!("--since {}: it can't be", quoted(text)), SINCE))?)
}

/// A number of `ms`, `s` or `m`, which is not 0.
pub fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at(text.trim_end_matches(['m', 's']).len());
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return None,
    };
    count(digits).map(|count| Duration::from_millis(u64::from(count) * millis))
}

/// As the Go host's command line reads it: of Greenwich, and without leap seconds.
fn time(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok().filter(|_| text.ends_with('Z') && !text.contains(":60"))
}

fn count(text: &str) -> Option<u32> {
    number(text).and_then(|number| u32::try_from(number).ok()).filter(|number| (1..1 << 31).contains(number))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads a query, or says why it can't be.
fn item(text: &str) -> Result<Item, String> {
    let mut item = Item::default();
    if text == "all" {
        return Ok(item);
    }
    let mut typed = false;
    for part in split(text, ',') {
        let Some((name, value)) = part.split_once('=') else { return Err(no_value(part)) };
        item = match name {
            "type" if typed => return Err("type comes twice; several are written as type=A|B".to_owned()),
            "type" => with_types(item, value)?,
            "tag" => with_tag(item, value)?,
            _ => return Err(format!("{} is neither type nor tag", quoted(name))),
        };
        typed |= name == "type";
    }
    Ok(item)
}

fn no_value(part: &str) -> String {
    match part {
        "all" => "all stands alone".to_owned(),
        "" => "a part between commas is empty".to_owned(),
        other => format!("{} has no =", quoted(other)),
    }
}

fn with_types(item: Item, value: &str) -> Result<Item, String> {
    split(value, '|').into_iter().try_fold(item, |item, part| match unescape(part)? {
        name if name.is_empty() => Err("a type is empty".to_owned()),
        name => Ok(item.of_type(name)),
    })
}

fn with_tag(item: Item, value: &str) -> Result<Item, String> {
    let tag = unescape(value)?;
    if tag.contains(':') { Ok(item.tag(tag)) } else { Err(format!("the tag {} is not key:value", quoted(&tag))) }
}

/// Splits at each separator that no `\` stands before.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    text.split(|letter| {
        let splits = letter == separator && !escaped;
        escaped = letter == '\\' && !escaped;
        splits
    })
    .collect()
}

fn unescape(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => letters
                .next()
                .filter(|next| matches!(next, ',' | '|' | '\\'))
                .ok_or_else(|| format!("{} has a \\ that is before neither , nor | nor \\", quoted(text)))?,
            other => other,
        });
    }
    Ok(plain)
}
