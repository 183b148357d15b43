//! From the core's rows, and the bodies outside of it, to events and commands.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::command::Executed;
use super::event::Recorded;
use super::id::Id;
use crate::engine::store as wire;

/// Words of an event.
const WORDS: usize = 8;

/// The rows do not fit the bodies, or are not as the contract says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// The events of a page.
pub(super) fn events(page: &wire::Page, bodies: &[Bytes]) -> Result<Vec<Recorded>, Misfit> {
    let mut texts = Texts { lengths: &page.lengths, text: &page.texts };
    let mut events = Vec::with_capacity(page.rows.len() / WORDS);
    for row in page.rows.chunks(WORDS) {
        events.push(event(row, &mut texts, bodies)?);
    }
    if texts.lengths.is_empty() && texts.text.is_empty() { Ok(events) } else { Err(Misfit) }
}

fn event(row: &[u64], texts: &mut Texts<'_>, bodies: &[Bytes]) -> Result<Recorded, Misfit> {
    let &[position, time, command, high, low, matches, which, metadata] = row else { return Err(Misfit) };
    let (body, tags) = halves(which);
    let (metadata, data) = rest_of(bodies.get(body).ok_or(Misfit)?, halves(metadata))?;
    Ok(Recorded {
        position,
        time: at(time),
        command,
        id: Id::from_wire((high, low)),
        type_: texts.next()?,
        tags: texts.some(tags)?,
        data,
        metadata,
        matches,
    })
}

/// Types and tags that no event has taken yet.
struct Texts<'a> {
    lengths: &'a [u32],
    text: &'a str,
}

impl Texts<'_> {
    /// Room is made by what there is, as nobody has checked how many a row says.
    fn some(&mut self, count: usize) -> Result<Vec<String>, Misfit> {
        let mut some = Vec::with_capacity(count.min(self.lengths.len()));
        for _ in 0..count {
            some.push(self.next()?);
        }
        Ok(some)
    }

    fn next(&mut self) -> Result<String, Misfit> {
        let (length, lengths) = self.lengths.split_first().ok_or(Misfit)?;
        let (text, rest) = self.text.split_at_checked(*length as usize).ok_or(Misfit)?;
        (self.lengths, self.text) = (lengths, rest);
        Ok(text.to_owned())
    }
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

    /// Something of the core's, metadata `mm`, data `ddd`.
    const BODY: &[u8] = b"....mmddd";

    fn page(events: u64) -> wire::Page {
        let row = [7, 1500, 3, 1, 2, 0b101, range(1, 2), range(4, 2)];
        let count = events as usize;
        wire::Page {
            rows: row.repeat(count),
            lengths: [4, 3, 4].repeat(count),
            texts: "Typea:1b:é".repeat(count),
            cursor: wire::Cursor { position: 9, id: (0, 0) },
        }
    }

    #[test]
    fn rows_are_read_in_turn_and_bodies_are_not_copied() {
        let bodies = [Bytes::new(), Bytes::from_static(BODY)];
        let events = events(&page(2), &bodies).unwrap();
        assert_eq!(events.len(), 2);
        let event = &events[1];
        assert_eq!((event.position, event.command, event.matches), (7, 3, 5));
        assert_eq!(event.time, UNIX_EPOCH + Duration::from_millis(1500));
        assert_eq!(event.id, Id::from_wire((1, 2)));
        assert_eq!((event.type_.as_str(), event.tags.as_slice()), ("Type", &["a:1".to_owned(), "b:é".to_owned()][..]));
        assert_eq!((&*event.metadata, &*event.data), (&b"mm"[..], &b"ddd"[..]));
        assert_eq!(event.data.as_ptr(), bodies[1][6..].as_ptr());
        assert!(event.is_of(0) && !event.is_of(1) && event.is_of(2) && !event.is_of(64));
        assert_eq!(super::events(&page(0), &[]), Ok(Vec::new()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bodies = [Bytes::new(), Bytes::from_static(BODY)];
        assert_eq!(events(&page(1), &bodies[..1]), Err(Misfit), "no such body");
        let spoilt = |spoil: &dyn Fn(&mut wire::Page)| {
            let mut page = page(1);
            spoil(&mut page);
            events(&page, &bodies)
        };
        let spoils: [&dyn Fn(&mut wire::Page); 10] = [
            &|page| page.rows.truncate(7),
            &|page| page.rows.push(1),
            &|page| page.rows[7] = range(8, 2),
            &|page| page.rows[7] = u64::MAX,
            &|page| page.rows[6] = range(1, 1),
            &|page| page.rows[6] = range(1, u64::from(u32::MAX)),
            &|page| page.lengths.truncate(2),
            &|page| page.lengths[0] = 5,
            &|page| page.lengths[2] = 3,
            &|page| page.texts.push('x'),
        ];
        for (number, spoil) in spoils.into_iter().enumerate() {
            assert_eq!(spoilt(spoil), Err(Misfit), "{number}");
        }
        assert!(spoilt(&|_| {}).is_ok());
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
            metadata: (4, 2),
        };
        let bodies = [Bytes::from_static(BODY)];
        let all = commands(vec![record.clone()], &bodies).unwrap();
        assert_eq!((all[0].number, all[0].first, all[0].last), (4, 1, 2));
        assert_eq!((&*all[0].metadata, &*all[0].data), (&b"mm"[..], &b"ddd"[..]));
        assert_eq!(commands(vec![wire::Recorded { body: 1, ..record }], &bodies), Err(Misfit));
    }
}
