//! Events as lines of JSON, for export and import. The Go host has the same:
//!
//! `{"position":1,"id":"…","type":"…","tags":["a:1"],"time":1700000000000,"data":"…","metadata":"…"}`
//!
//! `data_base64` and `metadata_base64` stand in for `data` and `metadata` where these are not UTF-8; what is empty is
//! left out. `time` is in milliseconds since 1970. Position and time are not taken over by an import.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::event::{Event, Recorded};
use super::id::Id;
use super::json;

/// What is written of an event.
#[derive(Serialize)]
struct Written<'a> {
    position: u64,
    id: String,
    r#type: &'a str,
    tags: &'a [String],
    time: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_base64: Option<String>,
}

/// What is read of one. Null is as good as nothing, and what else a line says is not looked at.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    r#type: Option<String>,
    tags: Option<Vec<String>>,
    data: Option<String>,
    data_base64: Option<String>,
    metadata: Option<String>,
    metadata_base64: Option<String>,
}

/// Appends the line of an event, its end included.
pub(super) fn write(event: &Recorded, into: &mut String) {
    let (data, data_base64) = body(&event.data);
    let (metadata, metadata_base64) = body(&event.metadata);
    let line = Written {
        position: event.position,
        id: event.id.to_string(),
        r#type: &event.type_,
        tags: &event.tags,
        time: event.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
        data,
        data_base64,
        metadata,
        metadata_base64,
    };
    // Nothing in it can fail: its keys are strings, and so is what it is written to.
    let line = serde_json::to_string(&line).unwrap_or_default();
    // As the Go host writes them, so that exports are the same; JavaScript takes them for ends of lines.
    into.push_str(&line.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"));
    into.push('\n');
}

/// Bytes as a string, or in Base64 where they are none; what is empty is neither.
fn body(bytes: &Bytes) -> (Option<&str>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok("") => (None, None),
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

/// The event of a line; the error says what is wrong, and where.
pub(super) fn read(line: &[u8]) -> Result<Event, String> {
    let line = line.trim_ascii();
    // A list of these values in this order would be taken for a line.
    if !line.starts_with(b"{") {
        return Err("it is no object".to_owned());
    }
    let parsed: Line =
        serde_json::from_slice(line).map_err(|error| error.to_string().replace(" at line 1 ", " at "))?;
    if !json::is_valid(line) {
        return Err("what it says beside the event is no JSON that every reader takes for the same".to_owned());
    }
    let mut event = Event::new(parsed.r#type.filter(|name| !name.is_empty()).ok_or("type is missing")?);
    event.tags = parsed.tags.unwrap_or_default();
    event.data = bytes("data_base64", parsed.data, parsed.data_base64)?;
    event.metadata = bytes("metadata_base64", parsed.metadata, parsed.metadata_base64)?;
    if let Some(id) = parsed.id {
        event.id = id.parse().map_err(|error| format!("id: {error}"))?;
    }
    if event.id == Id::NIL {
        event.id = Id::new();
    }
    Ok(event)
}

fn bytes(name: &str, text: Option<String>, encoded: Option<String>) -> Result<Bytes, String> {
    match (text, encoded) {
        (Some(text), _) => Ok(text.into()),
        (None, Some(encoded)) => Ok(STANDARD.decode(encoded).map_err(|error| format!("{name}: {error}"))?.into()),
        (None, None) => Ok(Bytes::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn recorded(data: &'static [u8], metadata: &'static [u8]) -> Recorded {
        Recorded {
            position: 7,
            time: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            command: 2,
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            type_: "T\"".into(),
            tags: vec!["a:1".into(), "b:é".into()],
            data: Bytes::from_static(data),
            metadata: Bytes::from_static(metadata),
            matches: 1,
        }
    }

    #[test]
    fn a_line_is_this() {
        let mut line = String::new();
        write(&recorded(b"{\"x\":1}", b"\xff"), &mut line);
        assert_eq!(
            line,
            "{\"position\":7,\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"type\":\"T\\\"\",\"tags\":[\"a:1\",\"b:é\"],\
             \"time\":1700000000123,\"data\":\"{\\\"x\\\":1}\",\"metadata_base64\":\"/w==\"}\n"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        for (data, metadata) in [(&b""[..], &b""[..]), (b"text\n", b"\x80\x81"), (b"\xc3", "é".as_bytes())] {
            let event = recorded(data, metadata);
            let mut line = String::new();
            write(&event, &mut line);
            let back = read(line.as_bytes()).unwrap();
            assert_eq!((back.id, &back.type_, &back.tags), (event.id, &event.type_, &event.tags));
            assert_eq!((back.data, back.metadata), (event.data, event.metadata));
        }
    }

    #[test]
    fn what_others_wrote_is_read_and_what_is_wrong_is_told() {
        let event = read(br#"{"type":"T","data_base64":"/w==","data":null,"tags":null,"id":null}"#).unwrap();
        assert_eq!(&*event.data, b"\xff");
        let event =
            read(br#" { "more": {"x":[1]}, "type": "T", "time": "2023-11-14T22:13:20Z", "Type": 1 } "#).unwrap();
        assert_eq!(event.type_, "T");
        assert_ne!(event.id, Id::NIL, "one is made where there is none");
        for (line, wrong) in [
            ("", "it is no object"),
            (r#"[null,"T",null,"x",null,null,null]"#, "it is no object"),
            ("{\n", "EOF while parsing an object at column 1"),
            ("{}", "type is missing"),
            (r#"{"type":null}"#, "type is missing"),
            (r#"{"Type":"T"}"#, "type is missing"),
            (r#"{"type":"T"} x"#, "trailing characters at column 14"),
            (r#"{"type":"T","id":"7"}"#, "id: this is no UUID"),
            (r#"{"type":7}"#, "invalid type: integer `7`, expected a string at column 9"),
            (r#"{"type":"T","type":"T"}"#, "duplicate field `type` at column 18"),
            (r#"{"type":"T","tags":["a:1",7]}"#, "invalid type: integer `7`, expected a string at column 27"),
            (r#"{"type":"T","data_base64":"é"}"#, "data_base64: Invalid symbol 195, offset 0."),
            (r#"{"type":"T","data_base64":"/w=\n="}"#, "data_base64: Invalid symbol 61, offset 2."),
            (r#"{"type":"T","data_base64":"/x=="}"#, "data_base64: Invalid last symbol 120, offset 1."),
            (
                r#"{"type":"T","more":["\ud800"]}"#,
                "what it says beside the event is no JSON that every reader takes for the same",
            ),
        ] {
            assert_eq!(read(line.as_bytes()).unwrap_err(), wrong, "{line}");
        }
        assert!(read(b"{\"type\":\"T\",\"data\":\"\xff\"}").is_err());
    }

    #[test]
    fn ends_of_lines_of_other_languages_are_escaped() {
        let mut line = String::new();
        write(&recorded("<&>\u{8}\u{c}\u{1b}\u{2028}\u{2029}".as_bytes(), b""), &mut line);
        assert!(line.contains(r#""data":"<&>\b\f\u001b\u2028\u2029""#), "{line}");
    }
}
