//! Export and import.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::append::AppendOptions;
use super::error::EventError;
use super::event::Event;
use super::fingerprint::fingerprint;
use super::id::Id;
use super::query::Query;
use super::{Command, EventStore, LONG, ndjson};

/// So much is put together before it is written.
const CHUNK: usize = 64 << 10;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Events that were appended.
    pub events: u64,
    /// Events that were there already, of an import before that did not end.
    pub repeated: u64,
}

impl EventStore {
    /// Writes all events that match, as lines of JSON, and tells how many there are so far. Gives how many.
    ///
    /// A line has `position`, `id`, `type`, `tags`, `time` (milliseconds since 1970), and `data` and `metadata` as
    /// strings; or `data_base64` and `metadata_base64` where they are not UTF-8.
    pub async fn export(
        &self,
        query: Query,
        mut to: impl AsyncWrite + Unpin,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, EventError> {
        let mut events = self.read(query).deadline(LONG);
        let (mut lines, mut count) = (String::new(), 0);
        while let Some(event) = events.next().await {
            ndjson::write(&event?, &mut lines);
            count += 1;
            if lines.len() >= CHUNK {
                to.write_all(lines.as_bytes()).await.map_err(|error| broken(&error))?;
                lines.clear();
                progress(count);
            }
        }
        write_out(&mut to, &lines).await?;
        progress(count);
        Ok(count)
    }

    /// Appends the events of lines of JSON, as `export` writes them, in batches, and tells how many there are so far.
    /// They keep their ids; position and time are new ones.
    ///
    /// An import that did not end can be begun again with the same lines and options, as long as ids are remembered
    /// ([`super::Options::marker_ttl`]): what is there already is not appended again. Lines without an id are, as they
    /// get a new one.
    pub async fn import(
        &self,
        mut from: impl AsyncBufRead + Unpin,
        mut progress: impl FnMut(u64),
    ) -> Result<Imported, EventError> {
        let mut done = Imported::default();
        let most = self.inner.options.most_batch();
        let (mut batch, mut line, mut number) = (Batch::default(), Vec::new(), 0_u64);
        loop {
            number += 1;
            let ended = !read_line(&mut from, &mut line, longest(most), number).await?;
            let event = if is_blank(&line) { None } else { Some(parse(&line, number)?) };
            if ended || event.as_ref().is_some_and(|event| !batch.takes(event, most)) {
                self.import_batch(batch.take(), &mut done).await?;
                progress(done.events + done.repeated);
            }
            if ended {
                return Ok(done);
            }
            batch.add(event);
        }
    }

    async fn import_batch(&self, events: Vec<Event>, done: &mut Imported) -> Result<(), EventError> {
        let count = events.len() as u64;
        let Some(first) = events.first() else { return Ok(()) };
        // The same events in the same batch make the same id.
        let of_batch = fingerprint(&Command::new("import").data(first.id.to_bytes().to_vec()), &events);
        match self.append(events, AppendOptions::new().once(Id::from_wire(of_batch))).await {
            Ok(appended) if appended.repeated => done.repeated += count,
            Ok(_) => done.events += count,
            Err(EventError::Duplicate { .. }) => done.repeated += count,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Events that are to be appended together.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    bytes: usize,
}

impl Batch {
    fn takes(&self, event: &Event, (events, bytes): (u32, u32)) -> bool {
        // One alone may be too large: then the core says so.
        self.events.is_empty() || self.events.len() < events as usize && self.bytes + size(event) <= bytes as usize
    }

    fn add(&mut self, event: Option<Event>) {
        self.bytes += event.as_ref().map_or(0, size);
        self.events.extend(event);
    }

    fn take(&mut self) -> Vec<Event> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }
}

fn size(event: &Event) -> usize {
    event.data.len() + event.metadata.len()
}

/// Reads one more line; `false` if there is none. Bytes that no event can have are not waited for.
async fn read_line(
    from: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    longest: u64,
    number: u64,
) -> Result<bool, EventError> {
    line.clear();
    let length = from.take(longest + 1).read_until(b'\n', line).await.map_err(|error| broken(&error))?;
    if length as u64 > longest {
        let why = format!("it is longer than {longest} bytes, which is more than any event of this store needs");
        return Err(EventError::invalid(format!("line {number}"), why));
    }
    Ok(length > 0)
}

/// How long a line may be: data and metadata together are a batch at most, and a byte of them is six in JSON.
fn longest((_, bytes): (u32, u32)) -> u64 {
    const THE_REST: u64 = 256 << 10;
    6 * u64::from(bytes) + THE_REST
}

fn parse(line: &[u8], number: u64) -> Result<Event, EventError> {
    ndjson::read(line).map_err(|why| EventError::invalid(format!("line {number}"), why))
}

/// Whether there is nothing but what JSON has between values: the Go host takes no more of them for nothing.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| b" \t\r\n".contains(byte))
}

/// Writes the last lines, and hears what became of those before: of what is only buffered nobody knows yet.
async fn write_out(to: &mut (impl AsyncWrite + Unpin), lines: &str) -> Result<(), EventError> {
    to.write_all(lines.as_bytes()).await.map_err(|error| broken(&error))?;
    to.flush().await.map_err(|error| broken(&error))
}

/// Of the file, not of the store.
fn broken(error: &io::Error) -> EventError {
    EventError::File { kind: error.kind(), text: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, BufReader, ReadBuf};

    use super::*;

    #[test]
    fn what_is_no_space_of_json_is_no_blank_line() {
        assert!(is_blank(b"") && is_blank(b" \t\r\n"));
        for other in ["\u{b}", "\u{c}", "\u{85}", "\u{a0}"] {
            assert!(!is_blank(other.as_bytes()), "{other:?}");
        }
    }

    struct Folder;

    impl AsyncRead for Folder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::IsADirectory.into()))
        }
    }

    #[tokio::test]
    async fn a_line_is_read_to_its_end_and_no_further_than_an_event_needs() {
        let (mut from, mut line) = (&b"abc\nde"[..], Vec::new());
        for expected in [&b"abc\n"[..], b"de"] {
            assert_eq!(read_line(&mut from, &mut line, 4, 1).await, Ok(true));
            assert_eq!(line, expected);
        }
        assert_eq!(read_line(&mut from, &mut line, 4, 1).await, Ok(false));
        let error = read_line(&mut &b"abcd\n"[..], &mut line, 4, 7).await.unwrap_err().to_string();
        assert!(error.starts_with("line 7: it is longer than 4 bytes"), "{error}");
        assert_eq!(longest((1, 1000)), 6000 + (256 << 10));
    }

    /// Takes all, and then can't keep it.
    struct Full;

    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_export_that_is_not_kept_has_failed() {
        let error = write_out(&mut Full, "a line\n").await.unwrap_err();
        assert!(matches!(error, EventError::File { kind: io::ErrorKind::StorageFull, .. }), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_fails_is_no_wrong_line() {
        let error = read_line(&mut BufReader::new(Folder), &mut Vec::new(), 4, 7).await.unwrap_err();
        assert!(matches!(error, EventError::File { kind: io::ErrorKind::IsADirectory, .. }), "{error}");
    }
}
