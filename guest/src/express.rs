//! The usual command: whole in its row, known to the table, on the link that all share, and nothing about it but to be
//! written and answered in its turn. What holds for all commands of a call is asked once, not for each of them;
//! whatever is not usual is left to `submit.rs`, which would do the same with these.

use crate::client::Core;
use crate::commands::{self, Blocks, Flags};
use crate::inflight::{Entry, REPEAT, RUNS, What};
use crate::mutant::{self, Mutant};
use crate::plan::{interrupts, of_a_module, runs_a_program};
use crate::refused;
use crate::resp::encode;
use crate::rows::{Columns, Row};
use crate::wire::{ClientState, option};

/// Longest name that is remembered.
const LONGEST: u32 = 15;
/// Names that are remembered at a time.
const PLACES: usize = 16;
/// Options that change nothing here: there is no time for which these commands may block, which `PATIENT` would add.
const USUAL: u32 = option::MAY_REPEAT | option::PATIENT;

/// What was found out of the names that were used last, so that it need not be found out for each command.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    names: [Name; PLACES],
}

/// A usual command's name.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    key: Key,
    /// Of the entries of its requests, if their callers allow that.
    flags: u8,
}

/// A name's bytes, and its length in the highest. No name has all bits zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key(u64, u64);

/// How much more a link takes.
struct Room {
    requests: usize,
    bytes: u64,
}

impl Core {
    /// Takes rows as long as they are usual and there is room, and their arguments off the columns. Says how many. The
    /// request `over` has ended already.
    #[inline(never)]
    pub(crate) fn express(&mut self, now: u64, rows: &[[u64; 4]], columns: &mut Columns<'_>, over: u64) -> usize {
        if self.partial.is_some() || self.draining.is_some() || self.connection.state != ClientState::Ready {
            return 0;
        }
        let Some((at, room)) = self.express_room() else { return 0 };
        let Some(link) = self.links.get_mut(at) else { return 0 };
        let memo = &mut self.memo;
        let mut taken = 0;
        let idle = link.inflight.len() == 0;
        let bytes = self.effects.send(link.id, |out| {
            let size = encode::room_for(rows.len(), columns.lengths.len(), columns.bytes.len());
            let target = out.room(size);
            let mut at = 0;
            for words in rows {
                let row = Row::unpack(words);
                let usual = row.session == 0 && row.options & !USUAL == 0 && row.arguments == row.total;
                if !usual || row.id == over || taken >= room.requests || at as u64 >= room.bytes {
                    break;
                }
                let Some((lengths, more)) = columns.lengths.split_at_checked(row.arguments as usize) else { break };
                let Some(flags) = memo.look_up(lengths, columns.bytes) else { break };
                let Some(target) = target.get_mut(at..) else { break };
                let Some((written, used)) = encode::columns(target, lengths, columns.bytes) else { break };
                *columns = Columns { lengths: more, bytes: columns.bytes.get(used..).unwrap_or_default() };
                at += written;
                link.inflight.push(Entry {
                    id: row.id,
                    end: link.sent + at as u64,
                    deadline: row.deadline,
                    what: What::Command,
                    flags: if row.has(option::MAY_REPEAT) { flags } else { flags & !REPEAT },
                });
                taken += 1;
            }
            out.wrote(at);
        });
        link.sent += bytes as u64;
        if idle && taken > 0 {
            link.heard = now;
        }
        taken
    }

    /// The place of the link that all share, and what it takes beyond what is in flight.
    fn express_room(&self) -> Option<(usize, Room)> {
        let limits = &self.settings.limits;
        let at = self.main_at()?;
        let link = self.links.get(at)?;
        let load = self.load();
        let most = self.inflight_most() + usize::from(mutant::on(Mutant::OverfillLinks));
        let requests = most.saturating_sub(link.inflight.len()).min(load.requests_left(limits.queued as usize));
        let bytes = u64::from(limits.inflight_bytes).saturating_sub(link.inflight.bytes(link.sent));
        Some((at, Room { requests, bytes: bytes.min(load.bytes_left(u64::from(limits.queued_bytes))) }))
    }
}

impl Memo {
    /// The flags of the command of these arguments, which begin `bytes`; `None` where it is not a usual one.
    #[inline]
    fn look_up(&mut self, lengths: &[u32], bytes: &[u8]) -> Option<u8> {
        let length = *lengths.first()?;
        let key = Key::of(bytes, length)?;
        let place = self.names.get_mut(key.place())?;
        if place.key != key {
            let flags = usual(bytes.get(..length as usize)?)?;
            *place = Name { key, flags };
        }
        Some(place.flags)
    }
}

impl Key {
    /// That of the first `length` bytes.
    #[inline]
    fn of(bytes: &[u8], length: u32) -> Option<Self> {
        let (low, high) = match bytes.first_chunk::<16>() {
            Some(chunk) => {
                let (words, _) = chunk.as_chunks::<8>();
                (u64::from_le_bytes(*words.first()?), u64::from_le_bytes(*words.get(1)?))
            }
            None => Self::short(bytes),
        };
        let ends = u64::from(length) << 56;
        match length {
            1..8 => Some(Self(low & !(u64::MAX << (8 * length)), ends)),
            8..=LONGEST if length as usize <= bytes.len() => {
                Some(Self(low, high & !(u64::MAX << (8 * (length - 8))) | ends))
            }
            _ => None,
        }
    }

    #[inline(never)]
    fn short(bytes: &[u8]) -> (u64, u64) {
        let word = |from: usize| {
            let bytes = bytes.get(from..).unwrap_or_default();
            bytes.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        (word(0), word(8))
    }

    fn place(self) -> usize {
        ((self.0 ^ self.1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize
    }
}

/// The flags of its entries; `None` unless the command's name alone says that it is usual.
fn usual(name: &[u8]) -> Option<u8> {
    let Some(found) = commands::find(name, None) else { return of_a_module(name).then_some(RUNS) };
    let alone = found.blocks == Blocks::Never && !found.flags.has(Flags::CONTAINER);
    let goes = refused::always(name, None).is_ok() && refused::on_a_shared_link(name, None).is_ok();
    let flags = if found.flags.has(Flags::REPEATABLE) { REPEAT } else { 0 };
    let runs = if runs_a_program(Some(found)) { RUNS } else { 0 };
    (alone && goes && !interrupts(found)).then_some(flags | runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_keys_of_their_own() {
        let key = |text: &str, length| Key::of(text.as_bytes(), length);
        assert_eq!(key("GETkey", 3), key("GETand much more behind it", 3));
        assert_ne!(key("GET", 3), key("GETS", 4));
        assert_ne!(key("GET\0", 4), key("GET", 3));
        assert_ne!(key("12345678", 8), key("1234567", 7));
        assert_eq!(key("123456789012345", 15), key("1234567890123456", 15));
        assert_eq!(key("1234567890123456", 16), None);
        assert_eq!(key("", 0), None);
        assert_eq!(key("GETEX", 9), None);
    }

    #[test]
    fn knows_what_is_usual_by_its_name() {
        for (name, flags) in
            [("GET", REPEAT), ("exists", REPEAT), ("INCR", 0), ("JSON.GET", RUNS), ("EVAL", RUNS), ("SHUTDOWN", 0)]
        {
            assert_eq!(usual(name.as_bytes()), Some(flags), "{name}");
        }
        for name in ["BLPOP", "XREAD", "CLIENT", "SUBSCRIBE", "MULTI", "select", "NOSUCH", "MONITOR"] {
            assert_eq!(usual(name.as_bytes()), None, "{name}");
        }
    }
}
