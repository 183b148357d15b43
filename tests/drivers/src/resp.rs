//! As much RESP as the model server needs.

/// What came on a connection and is no whole command yet.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// With fewer bytes than this there is no point in looking: a long argument that trickles in is looked at once.
    enough: usize,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Int(i64),
    Status(&'static str),
    Error(String),
    Bulk(Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<Self>),
    /// RESP2's array in its place.
    Push(Vec<Self>),
}

impl Input {
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next command, if it is whole. An error means that the client lost its place in its own output.
    pub fn command(&mut self) -> Result<Option<Vec<Vec<u8>>>, String> {
        if self.bytes.len() < self.enough {
            return Ok(None);
        }
        let mut at = 0;
        let Some(count) = self.header(&mut at, b'*')? else { return Ok(None) };
        let mut command = Vec::new();
        for _ in 0..count {
            let Some(length) = self.header(&mut at, b'$')? else { return Ok(None) };
            let end = at + length;
            if self.bytes.len() < end + 2 {
                self.enough = end + 2;
                return Ok(None);
            }
            if &self.bytes[end..end + 2] != b"\r\n" {
                return Err("the server got an argument that does not end where it should".to_owned());
            }
            command.push(self.bytes[at..end].to_vec());
            at = end + 2;
        }
        self.bytes.drain(..at);
        self.enough = 0;
        Ok(Some(command))
    }

    fn header(&self, at: &mut usize, kind: u8) -> Result<Option<usize>, String> {
        let rest = &self.bytes[*at..];
        let line = rest.iter().take(24).position(|byte| *byte == b'\n').map(|end| &rest[..=end]);
        let wrong = || format!("the server got {:?}", rest[..rest.len().min(24)].escape_ascii().to_string());
        match line {
            None if rest.len() >= 24 || rest.first().is_some_and(|byte| *byte != kind) => Err(wrong()),
            None => Ok(None),
            Some([first, digits @ .., b'\r', b'\n']) if *first == kind => {
                *at += digits.len() + 3;
                let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
                number.map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl Reply {
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    pub fn encode(&self, resp3: bool, out: &mut Vec<u8>) {
        match self {
            Self::Int(value) => out.extend_from_slice(format!(":{value}\r\n").as_bytes()),
            Self::Status(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
            Self::Bulk(bytes) => {
                out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Array(values) => many('*', values.len(), values, resp3, out),
            Self::Map(values) if resp3 => many('%', values.len() / 2, values, resp3, out),
            Self::Push(values) if resp3 => many('>', values.len(), values, resp3, out),
            Self::Map(values) | Self::Push(values) => many('*', values.len(), values, resp3, out),
        }
    }
}

fn many(kind: char, count: usize, values: &[Reply], resp3: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{kind}{count}\r\n").as_bytes());
    for value in values {
        value.encode(resp3, out);
    }
}
