//! From the core's rows, and the bodies outside of it, to events and commands.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::command::Executed;
use super::event::Recorded;
use super::id::Id;
use crate::engine::store as wire;

/// Words of an event beside those of its tags.
const WORDS: usize = 9;

/// The rows do not fit the bodies, or are not as the contract says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// The events that these rows tell of.
pub(super) fn events(mut rows: &[u64], bodies: &[Bytes]) -> Result<Vec<Recorded>, Misfit> {
    let mut events = Vec::new();
    while !rows.is_empty() {
        let (row, rest) = rows.split_at_checked(WORDS).ok_or(Misfit)?;
        let &[position, time, command, high, low, matches, which, type_, metadata] = row else { return Err(Misfit) };
        let (body, tags) = halves(which);
        let (tags, rest) = rest.split_at_checked(tags).ok_or(Misfit)?;
        let body = bodies.get(body).ok_or(Misfit)?;
        let (metadata, data) = rest_of(body, halves(metadata))?;
        events.push(Recorded {
            position,
            time: at(time),
            command,
            id: Id::from_wire((high, low)),
            type_: text(body, type_)?,
            tags: tags.iter().map(|tag| text(body, *tag)).collect::<Result<_, _>>()?,
            data,
            metadata,
            matches,
        });
        rows = rest;
    }
    Ok(events)
}

/// The commands that these records tell of.
pub(super) fn commands(records: Vec<wire::Recorded>, bodies: &[Bytes]) -> Result<Vec<Executed>, Misfit> {
    let command = |record: wire::Recorded| {
        let body = bodies.get(record.body as usize).ok_or(Misfit)?;
        let (from, length) = record.metadata;
        let (metadata, data) = rest_of(body, (from as usize, length as usize))?;
        Ok(Executed {
            number: record.number,
            time: at(record.time),
            id: Id::from_wire(record.id),
            type_: record.type_,
            first: record.first,
            last: record.last,
            data,
            metadata,
        })
    };
    records.into_iter().map(command).collect()
}

/// The metadata that is there, and the data behind it. Neither is copied.
fn rest_of(body: &Bytes, (from, length): (usize, usize)) -> Result<(Bytes, Bytes), Misfit> {
    let end = from.checked_add(length).filter(|end| *end <= body.len()).ok_or(Misfit)?;
    Ok((body.slice(from..end), body.slice(end..)))
}

fn text(body: &Bytes, range: u64) -> Result<String, Misfit> {
    let (from, length) = halves(range);
    let bytes = body.get(from..from.saturating_add(length)).ok_or(Misfit)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Misfit)
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

fn halves(word: u64) -> (usize, usize) {
    ((word & u64::from(u32::MAX)) as usize, (word >> 32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: u64, length: u64) -> u64 {
        from | length << 32
    }

    /// `..Type` + `a:1` + `b:2` + metadata `mm` + data `ddd`.
    const BODY: &[u8] = b"..Typea:1b:2mmddd";

    fn row(body: u64) -> Vec<u64> {
        vec![7, 1500, 3, 1, 2, 0b101, range(body, 2), range(2, 4), range(12, 2), range(6, 3), range(9, 3)]
    }

    #[test]
    fn rows_are_read_in_turn_and_bodies_are_not_copied() {
        let bodies = [Bytes::new(), Bytes::from_static(BODY)];
        let rows = [row(1), row(1)].concat();
        let events = events(&rows, &bodies).unwrap();
        assert_eq!(events.len(), 2);
        let event = &events[1];
        assert_eq!((event.position, event.command, event.matches), (7, 3, 5));
        assert_eq!(event.time, UNIX_EPOCH + Duration::from_millis(1500));
        assert_eq!(event.id, Id::from_wire((1, 2)));
        assert_eq!((event.type_.as_str(), event.tags.as_slice()), ("Type", &["a:1".to_owned(), "b:2".to_owned()][..]));
        assert_eq!((&*event.metadata, &*event.data), (&b"mm"[..], &b"ddd"[..]));
        assert_eq!(event.data.as_ptr(), bodies[1][14..].as_ptr());
        assert!(event.is_of(0) && !event.is_of(1) && event.is_of(2) && !event.is_of(64));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bodies = [Bytes::from_static(BODY)];
        assert_eq!(events(&row(1), &bodies), Err(Misfit), "no such body");
        for length in 1..row(0).len() {
            assert_eq!(events(&row(0)[..length], &bodies), Err(Misfit), "{length} words");
        }
        for (word, bad) in [(7, range(16, 2)), (8, range(16, 2)), (9, range(17, 1)), (8, u64::MAX), (7, u64::MAX)] {
            let mut row = row(0);
            row[word] = bad;
            assert_eq!(events(&row, &bodies), Err(Misfit), "word {word}");
        }
        assert_eq!(events(&row(0), &[Bytes::from_static(&[0xff; 17])]), Err(Misfit), "no text");
    }

    #[test]
    fn records_of_commands_have_their_bodies() {
        let record = wire::Recorded {
            number: 4,
            time: 2,
            id: (1, 2),
            type_: "T".into(),
            first: 1,
            last: 2,
            body: 0,
            metadata: (12, 2),
        };
        let bodies = [Bytes::from_static(BODY)];
        let all = commands(vec![record.clone()], &bodies).unwrap();
        assert_eq!((all[0].number, all[0].first, all[0].last), (4, 1, 2));
        assert_eq!((&*all[0].metadata, &*all[0].data), (&b"mm"[..], &b"ddd"[..]));
        assert_eq!(commands(vec![wire::Recorded { body: 1, ..record }], &bodies), Err(Misfit));
    }
}
