//! As much of JSON as a store needs: whether data is some, and lines of flat objects.

/// Deeper values are refused.
const MAX_DEPTH: usize = 128;

/// Whether these bytes are one JSON value, in UTF-8, at most 128 deep.
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| {
        let mut parser = Parser::new(text);
        parser.value(0)?;
        parser.end()
    });
    parsed.is_some()
}

/// Appends a string, in quotes.
pub(super) fn write_string(text: &str, into: &mut String) {
    into.push('"');
    for letter in text.chars() {
        match letter {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            // As the Go host writes them, so that exports are the same; JavaScript takes them for ends of lines.
            '\u{2028}' => into.push_str("\\u2028"),
            '\u{2029}' => into.push_str("\\u2029"),
            control if control < ' ' => into.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => into.push(other),
        }
    }
    into.push('"');
}

/// Reads a text from its beginning. `None` of its methods means that it is no JSON, or not what was asked for.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads an object: `field` is told the name of each, and reads its value.
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.many(b'{', b'}', |parser| {
            let name = parser.string()?;
            parser.expect(b':')?;
            field(parser, &name)
        })
    }

    /// Reads an array: `element` reads each of its values.
    pub(super) fn array(&mut self, element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.many(b'[', b']', element)
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let plain = self.rest().find(|letter: char| letter == '"' || letter == '\\' || letter < ' ')?;
            text.push_str(self.rest().get(..plain)?);
            self.at += plain;
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => text.push(self.escape()?),
                _ => return None,
            }
        }
    }

    /// Reads a string, or null.
    pub(super) fn string_or_null(&mut self) -> Option<Option<String>> {
        self.space();
        if self.peek() == Some(b'n') { self.word("null").map(|()| None) } else { self.string().map(Some) }
    }

    /// Reads any value, and forgets it.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.value(0)
    }

    /// Nothing but white space follows.
    pub(super) fn end(&mut self) -> Option<()> {
        self.space();
        self.rest().is_empty().then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.space();
        match self.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => None,
            b'{' => self.object(|parser, _| parser.value(depth + 1)),
            b'[' => self.array(|parser| parser.value(depth + 1)),
            b'"' => self.string().map(|_| ()),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn many(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(open)?;
        self.space();
        if self.peek()? == close {
            return self.expect(close);
        }
        loop {
            one(self)?;
            self.space();
            match self.next()? {
                b',' => {}
                byte if byte == close => return Some(()),
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        rest.get(..count).filter(|digits| !digits.is_empty())
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unit_or_pair(),
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return None,
        })
    }

    /// What is not in the first plane is written as two halves.
    fn unit_or_pair(&mut self) -> Option<char> {
        let first = self.unit()?;
        let second = match first {
            0xd800..=0xdbff => {
                self.word("\\u")?;
                Some(self.unit()?)
            }
            _ => None,
        };
        char::decode_utf16([first].into_iter().chain(second)).next()?.ok()
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += 4;
        u16::from_str_radix(digits, 16).ok()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.rest().starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        let rest = self.rest().bytes();
        self.at += rest.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    /// Empty where it stands behind the end, or within a letter, where nothing that is wanted can be.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_of_values_what_serde_says() {
        let texts = [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.5e-3",
            "\"\"",
            " {\"a\" : [1, {\"b\":null}] } ",
            "\"\\u00e9\\n\"",
            "\"\\ud83d\\ude00\"",
            "\"é\"",
            "[1,2]",
            "1E5",
            "1e+5",
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "tru",
            "\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud83d\"",
            "\"\\ud83dx\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ude00\"",
            "1 2",
            "[1] x",
            "\"\\u+123\"",
            "'a'",
            "NaN",
            "[\"é\"",
            "\"\\é\"",
            "{\"é\":\"ü\\t\"}",
        ];
        for text in texts {
            assert_eq!(is_valid(text.as_bytes()), serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text:?}");
        }
        assert!(!is_valid(b"\"\xff\""));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_valid(nested(MAX_DEPTH).as_bytes()));
        assert!(!is_valid(nested(MAX_DEPTH + 1).as_bytes()));
        assert!(!is_valid(nested(1_000_000).as_bytes()));
    }

    #[test]
    fn strings_come_back_as_they_were() {
        for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}", "é ü 😀 \u{7f} \u{2028}"] {
            let mut written = String::new();
            write_string(text, &mut written);
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(Parser::new(&written).string().as_deref(), Some(text));
            let other = serde_json::to_string(text).unwrap();
            assert_eq!(Parser::new(&other).string().as_deref(), Some(text));
        }
        let mut written = String::new();
        write_string("<&>\u{8}\u{c}\u{1b}\u{2028}\u{2029}", &mut written);
        assert_eq!(written, "\"<&>\\b\\f\\u001b\\u2028\\u2029\"");
        assert_eq!(Parser::new("\"\\ud83d\\ude00\\/\"").string().as_deref(), Some("😀/"));
    }
}
