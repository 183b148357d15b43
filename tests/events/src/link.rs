//! A connection that does `Commands`, and flattens replies as a host does.

use anyhow::{Context, Result, bail};
use coracle_events::pieces::{BLOB, Commands, SCRIPT};
use coracle_events::reply::Reply;
use coracle_events::scripts;
use redis::{Cmd, Connection, ConnectionLike, Value};

/// A string of a reply that is longer is given in part.
const INLINE: usize = 4096;

/// A connection.
pub struct Link {
    connection: Connection,
    /// Sources that are sent instead of others.
    replaced: Vec<(String, String)>,
    /// Keys of the last script's call.
    keys: Vec<Vec<u8>>,
}

/// Replies to commands.
#[derive(Debug, Default)]
pub struct Replies {
    nodes: Vec<u64>,
    texts: Vec<u8>,
    strings: Vec<Vec<u8>>,
}

impl Replies {
    /// For the codec.
    #[must_use]
    pub fn reply(&self) -> Reply<'_> {
        Reply::new(&self.nodes, &self.texts)
    }

    /// For a store: node rows, and the bytes that they point into.
    #[must_use]
    pub fn columns(&self) -> (&[u64], &[u8]) {
        (&self.nodes, &self.texts)
    }

    /// A whole string.
    ///
    /// # Errors
    /// There are not so many.
    pub fn string(&self, index: u32) -> Result<&[u8]> {
        Ok(self.strings.get(index as usize).context("no such string")?)
    }
}

impl Link {
    /// To this server.
    ///
    /// # Errors
    /// It does not accept.
    pub fn open(url: &str) -> Result<Self> {
        let connection = redis::Client::open(url)?.get_connection()?;
        Ok(Self { connection, replaced: Vec::new(), keys: Vec::new() })
    }

    /// Sends `new` wherever `old` would be sent, in sources of scripts.
    pub fn replace(&mut self, old: &str, new: &str) {
        self.replaced.push((old.to_owned(), new.to_owned()));
    }

    /// Keys of the last script's call.
    #[must_use]
    pub fn keys(&self) -> &[Vec<u8>] {
        &self.keys
    }

    /// A plain command.
    ///
    /// # Errors
    /// The connection is lost, or the server refuses.
    pub fn query(&mut self, arguments: &[&str]) -> Result<Value> {
        self.query_bytes(&arguments.iter().map(|argument| argument.as_bytes()).collect::<Vec<_>>())
    }

    /// The same, of bytes.
    ///
    /// # Errors
    /// As for `query`.
    pub fn query_bytes(&mut self, arguments: &[&[u8]]) -> Result<Value> {
        let mut command = Cmd::new();
        for argument in arguments {
            command.arg(*argument);
        }
        match self.connection.req_command(&command)? {
            Value::ServerError(error) => bail!("{error:?}"),
            value => Ok(value),
        }
    }

    /// Does commands one after the other. An error of the server is a node.
    ///
    /// # Errors
    /// The connection is lost, or they are not as the contract says.
    pub fn send(&mut self, commands: &Commands, blobs: &[Vec<u8>]) -> Result<Replies> {
        let mut replies = Replies::default();
        for arguments in assembled(commands, blobs)? {
            let value = if commands.script { self.call(arguments)? } else { self.plain(&arguments)? };
            flatten(&value, &mut replies);
        }
        Ok(replies)
    }

    /// Sends many scripts' calls at once, which the server must know. Gives the replies' values.
    ///
    /// # Errors
    /// The connection is lost, or the server refuses.
    pub fn pipeline(&mut self, calls: &[(Commands, Vec<Vec<u8>>)]) -> Result<Vec<Value>> {
        let mut pipe = redis::pipe();
        for (commands, blobs) in calls {
            for mut arguments in assembled(commands, blobs)? {
                let source = self.replaced(arguments.remove(2))?;
                if !self.replaced.is_empty() {
                    set(&mut arguments, 1, sha1_smol::Sha1::from(&source).digest().to_string().into_bytes())?;
                }
                pipe.add_command(packed(&arguments));
            }
        }
        Ok(pipe.query(&mut self.connection)?)
    }

    fn replaced(&self, source: Vec<u8>) -> Result<String> {
        let source = String::from_utf8(source)?;
        Ok(self.replaced.iter().fold(source, |source, (old, new)| source.replace(old, new)))
    }

    fn plain(&mut self, arguments: &[Vec<u8>]) -> Result<Value> {
        let command = packed(arguments);
        match self.connection.req_command(&command)? {
            Value::ServerError(error) => {
                let line = format!("\0{} {}", error.code(), error.details().unwrap_or_default());
                Ok(Value::SimpleString(line))
            }
            value => Ok(value),
        }
    }

    /// EVALSHA, and EVAL if the script is not there.
    fn call(&mut self, mut arguments: Vec<Vec<u8>>) -> Result<Value> {
        let source = self.replaced(arguments.remove(2))?;
        let keys: usize = std::str::from_utf8(arguments.get(2).context("no keys")?)?.parse()?;
        self.keys = arguments.get(3..3 + keys).context("too few keys")?.to_vec();
        let sha1 = sha1_smol::Sha1::from(&source).digest().to_string();
        if self.replaced.is_empty() && arguments.get(1).is_none_or(|given| *given != sha1.as_bytes()) {
            bail!("the SHA-1 is not that of the source");
        }
        set(&mut arguments, 1, sha1.into_bytes())?;
        let value = self.plain(&arguments)?;
        if !matches!(&value, Value::SimpleString(text) if text.starts_with("\0NOSCRIPT")) {
            return Ok(value);
        }
        let name = if arguments.first().is_some_and(|name| name.ends_with(b"_RO")) { "EVAL_RO" } else { "EVAL" };
        set(&mut arguments, 0, name.into())?;
        set(&mut arguments, 1, source.into_bytes())?;
        self.plain(&arguments)
    }
}

fn packed(arguments: &[Vec<u8>]) -> Cmd {
    let mut command = Cmd::new();
    for argument in arguments {
        command.arg(argument);
    }
    command
}

fn set(arguments: &mut [Vec<u8>], index: usize, to: Vec<u8>) -> Result<()> {
    *arguments.get_mut(index).context("too few arguments")? = to;
    Ok(())
}

fn assembled(commands: &Commands, blobs: &[Vec<u8>]) -> Result<Vec<Vec<Vec<u8>>>> {
    let (mut pieces, mut bytes, mut counts) =
        (commands.pieces.iter(), commands.bytes.as_slice(), commands.arguments.iter());
    let mut all = Vec::new();
    for length in &commands.lengths {
        let mut arguments = Vec::new();
        for _ in 0..*length {
            let mut argument = Vec::new();
            for _ in 0..*counts.next().context("too few arguments")? {
                let piece = *pieces.next().context("too few pieces")?;
                if piece & BLOB != 0 {
                    argument.extend_from_slice(blobs.get((piece & !BLOB) as usize).context("no such blob")?);
                } else if piece & SCRIPT != 0 {
                    let script = scripts::ALL.get((piece & !SCRIPT) as usize).context("no such script")?;
                    argument.extend_from_slice(script.source().as_bytes());
                } else {
                    let (piece, rest) = bytes.split_at_checked(piece as usize).context("too few bytes")?;
                    argument.extend_from_slice(piece);
                    bytes = rest;
                }
            }
            arguments.push(argument);
        }
        all.push(arguments);
    }
    if pieces.next().is_some() || counts.next().is_some() || !bytes.is_empty() {
        bail!("the columns do not fit together");
    }
    Ok(all)
}

fn flatten(value: &Value, into: &mut Replies) {
    let mut node = |kind: u64, size: usize, value: u64| into.nodes.extend([kind | ((size as u64) << 16), value]);
    match value {
        Value::Nil => node(0, 0, 0),
        Value::Int(number) => node(2, 0, *number as u64),
        Value::Okay => node(4, 0, 0),
        Value::SimpleString(text) => match text.strip_prefix('\0') {
            Some(line) => string(6, line.as_bytes(), into),
            None => string(5, text.as_bytes(), into),
        },
        Value::BulkString(bytes) => string(7, bytes, into),
        Value::Array(values) => {
            node(10, values.len(), 0);
            values.iter().for_each(|value| flatten(value, into));
        }
        other => string(6, format!("the tests do not know {other:?}").as_bytes(), into),
    }
}

fn string(kind: u64, bytes: &[u8], into: &mut Replies) {
    let inline = bytes.get(..INLINE).unwrap_or(bytes);
    into.nodes.extend([kind | ((bytes.len() as u64) << 16), into.texts.len() as u64]);
    into.texts.extend_from_slice(inline);
    into.strings.push(bytes.to_vec());
}
