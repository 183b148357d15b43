//! Events as lines of JSON, for export and import. The Go host has the same:
//!
//! `{"position":1,"id":"…","type":"…","tags":["a:1"],"time":1700000000000,"data":"…","metadata":"…"}`
//!
//! `data_base64` and `metadata_base64` stand in for `data` and `metadata` where these are not UTF-8; what is empty is
//! left out. `time` is in milliseconds since 1970. Position and time are not taken over by an import.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::base64;
use super::event::{Event, Recorded};
use super::id::Id;
use super::json::{Parser, write_string};

/// Appends the line of an event, its end included.
pub(super) fn write(event: &Recorded, into: &mut String) {
    let millis = event.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // Writing to a String can't fail.
    let _ = write!(into, "{{\"position\":{},\"id\":\"{}\",\"type\":", event.position, event.id);
    write_string(&event.type_, into);
    into.push_str(",\"tags\":[");
    for (number, tag) in event.tags.iter().enumerate() {
        if number > 0 {
            into.push(',');
        }
        write_string(tag, into);
    }
    let _ = write!(into, "],\"time\":{millis}");
    body("data", &event.data, into);
    body("metadata", &event.metadata, into);
    into.push_str("}\n");
}

/// The event of a line; the error names the field.
pub(super) fn read(line: &str) -> Result<Event, &'static str> {
    let mut event = Event::new("").id(Id::NIL);
    let mut wrong = "the line";
    let mut parser = Parser::new(line);
    let parsed = parser.object(|parser, name| {
        wrong = known(name);
        match name {
            "id" => event.id = parser.string()?.parse().ok()?,
            "type" => event.type_ = parser.string()?,
            "tags" => parser.array(|parser| {
                event.tags.push(parser.string()?);
                Some(())
            })?,
            "data" => replace(&mut event.data, parser.string_or_null()?),
            "metadata" => replace(&mut event.metadata, parser.string_or_null()?),
            "data_base64" => event.data = base64::decode(&parser.string()?)?.into(),
            "metadata_base64" => event.metadata = base64::decode(&parser.string()?)?.into(),
            _ => parser.skip()?,
        }
        wrong = "the line";
        Some(())
    });
    parsed.and_then(|()| parser.end()).ok_or(wrong)?;
    if event.type_.is_empty() {
        return Err("type");
    }
    if event.id == Id::NIL {
        event.id = Id::new();
    }
    Ok(event)
}

/// Null is as good as nothing.
fn replace(body: &mut Bytes, text: Option<String>) {
    if let Some(text) = text {
        *body = text.into();
    }
}

fn body(name: &str, bytes: &Bytes, into: &mut String) {
    if bytes.is_empty() {
        return;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let _ = write!(into, ",\"{name}\":");
            write_string(text, into);
        }
        Err(_) => {
            let _ = write!(into, ",\"{name}_base64\":\"{}\"", base64::encode(bytes));
        }
    }
}

fn known(name: &str) -> &'static str {
    const NAMES: [&str; 7] = ["id", "type", "tags", "data", "metadata", "data_base64", "metadata_base64"];
    NAMES.into_iter().find(|known| *known == name).unwrap_or("the line")
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
            let back = read(&line).unwrap();
            assert_eq!((back.id, &back.type_, &back.tags), (event.id, &event.type_, &event.tags));
            assert_eq!((back.data, back.metadata), (event.data, event.metadata));
        }
    }

    #[test]
    fn what_others_wrote_is_read_and_what_is_wrong_is_named() {
        let event = read(r#"{"type":"T","data_base64":"/w==","data":null}"#).unwrap();
        assert_eq!(&*event.data, b"\xff");
        let event = read(r#" { "more": {"x":[1]}, "type": "T", "time": "2023-11-14T22:13:20Z" } "#).unwrap();
        assert_eq!(event.type_, "T");
        assert_ne!(event.id, Id::NIL, "one is made where there is none");
        for (line, wrong) in [
            ("", "the line"),
            ("{}", "type"),
            (r#"{"type":"T"} x"#, "the line"),
            (r#"{"type":"T","id":"7"}"#, "id"),
            (r#"{"type":7}"#, "type"),
            (r#"{"type":"T","tags":"a:1"}"#, "tags"),
            (r#"{"type":"T","tags":["a:1",7]}"#, "tags"),
            (r#"{"type":"T","data":{}}"#, "data"),
            (r#"{"type":"T","data_base64":"é"}"#, "data_base64"),
            (r#"{"type":"T","more":}"#, "the line"),
        ] {
            assert_eq!(read(line), Err(wrong), "{line}");
        }
    }
}
