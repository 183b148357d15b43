//! Commands in: rows and columns to bytes on a link.

use crate::client::Core;
use crate::effects::{Effect, Effects};
use crate::inflight::What;
use crate::link::{Link, Purpose, State};
use crate::output::Verdict;
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::wire::{Cause, ClientState, EventKind, Failure, HELD, NEVER, option};

/// Most rows of one `submit`.
pub const MAX_ROWS: usize = 1024;
/// Most arguments of one `submit`.
pub const MAX_LENGTHS: usize = 16_384;
/// Most bytes of one `submit`.
pub const MAX_BYTES: usize = 131_072;

/// A request that was accepted in part: its next row is all that may come.
#[derive(Debug)]
pub struct Partial {
    /// The request.
    pub id: u64,
    /// Where its first part went.
    pub link: u32,
    /// When its caller gives up.
    pub deadline: u64,
    /// Arguments of the present command that are still to come.
    rest: u32,
    /// Arguments written so far, of all its commands.
    argument: u32,
    /// Place of the present command in its transaction, if it is one.
    place: Option<u32>,
}

/// A row of `submit`, unpacked.
#[derive(Clone, Copy, Debug)]
struct Row {
    id: u64,
    deadline: u64,
    arguments: u32,
    session: u32,
    options: u32,
    total: u32,
}

/// What is left of the columns.
struct Columns<'a> {
    lengths: &'a [u32],
    bytes: &'a [u8],
}

/// A row's arguments: as `Columns`, and no more than that.
type Arguments<'a> = Columns<'a>;

/// Whether requests can be taken.
enum Gate {
    Open,
    /// Not now.
    Wait,
    /// They end at once.
    Shut(Verdict, String),
}

impl Row {
    fn unpack(words: &[u64; 4]) -> Self {
        let [id, deadline, counts, options] = *words;
        Self {
            id,
            deadline,
            arguments: counts as u32,
            session: (counts >> 32) as u32,
            options: options as u32,
            total: (options >> 32) as u32,
        }
    }

    fn has(self, option: u32) -> bool {
        self.options & option != 0
    }
}

impl<'a> Columns<'a> {
    /// Takes a row's arguments off the columns.
    fn take(&mut self, arguments: u32) -> Option<Arguments<'a>> {
        let (lengths, other_lengths) = self.lengths.split_at_checked(arguments as usize)?;
        let inline = lengths.iter().filter(|length| **length & HELD == 0).map(|length| *length as usize).sum();
        let (bytes, other_bytes) = self.bytes.split_at_checked(inline)?;
        *self = Self { lengths: other_lengths, bytes: other_bytes };
        Some(Arguments { lengths, bytes })
    }

    /// The first argument, if it is not held.
    fn first(&self) -> Option<&'a [u8]> {
        let length = *self.lengths.first()?;
        if length & HELD == 0 { self.bytes.get(..length as usize) } else { None }
    }
}

impl Core {
    /// `commands.submit`.
    pub fn submit(&mut self, now: u64, rows: &[u64], lengths: &[u32], bytes: &[u8]) {
        let (rows, odd) = rows.as_chunks::<4>();
        if !odd.is_empty() || rows.len() > MAX_ROWS || lengths.len() > MAX_LENGTHS || bytes.len() > MAX_BYTES {
            return self.misuse_all(rows, "a submit is over its bounds, or holds part of a row");
        }
        let mut columns = Columns { lengths, bytes };
        for (place, words) in rows.iter().enumerate() {
            let row = Row::unpack(words);
            match self.gate(now, row) {
                Gate::Open => {}
                Gate::Wait => {
                    self.starved = true;
                    return;
                }
                Gate::Shut(verdict, why) => {
                    self.out.failed(row.id, verdict, &why);
                    self.out.accepted += 1;
                    let _ = columns.take(row.arguments);
                    continue;
                }
            }
            let Some(arguments) = columns.take(row.arguments) else {
                return self.misuse_all(rows.get(place..).unwrap_or_default(), "lengths and bytes do not fit the rows");
            };
            self.out.accepted += 1;
            if let Err(why) = self.write_row(row, &arguments) {
                self.refuse(row.id, why);
            }
        }
    }

    /// `commands.cancel`.
    pub fn cancel(&mut self, _now: u64, requests: &[u64]) {
        let verdict = |failure| Verdict::new(failure, Cause::Cancelled);
        if let Some(partial) = self.partial.take_if(|partial| requests.contains(&partial.id)) {
            self.out.failed(partial.id, verdict(Failure::NotSent), "cancelled before it was sent");
            let text = "a request was cancelled between its parts".to_owned();
            self.fail_link(partial.link, Fault { cause: Cause::Lost, text });
        }
        let out = &mut self.out;
        for link in &mut self.links {
            link.inflight.swallow(|entry| {
                let gone = requests.contains(&entry.id);
                if gone {
                    out.failed(entry.id, verdict(Failure::MaybeExecuted), "cancelled before the reply came");
                }
                gone
            });
        }
    }

    /// `commands.lease`: not in this build.
    pub fn lease(&mut self, _now: u64, session: u32, _deadline: u64) {
        let nodes = self.out.text(b"sessions are not supported yet");
        let verdict = Verdict::new(Failure::NotSent, Cause::Unsupported);
        self.out.event(EventKind::Leased, verdict.of_ended(), 0, u64::from(session), nodes);
    }

    /// `commands.release`.
    pub fn release(&mut self, _now: u64, _session: u32) {}

    fn gate(&mut self, now: u64, row: Row) -> Gate {
        if self.draining.is_some() && self.partial.is_none() {
            return Gate::Shut(Verdict::new(Failure::NotSent, Cause::Closing), "the client is closing".to_owned());
        }
        match self.connection.state {
            ClientState::Connecting => Gate::Wait,
            ClientState::Closed => {
                Gate::Shut(Verdict::new(Failure::NotSent, Cause::Closing), "the client is closed".to_owned())
            }
            ClientState::Down | ClientState::Denied => {
                let cause = self.connection.cause();
                let failure = if cause == Cause::Denied { Failure::Refused } else { Failure::NotSent };
                Gate::Shut(Verdict::new(failure, cause), self.connection.explain(now))
            }
            ClientState::Ready => self.room_for(row),
        }
    }

    fn room_for(&mut self, row: Row) -> Gate {
        let most = self.inflight_most();
        let most_bytes =
            u64::from(self.settings.limits.inflight_bytes).min(u64::from(self.settings.limits.queued_bytes));
        let partial = self.partial.as_ref().map(|partial| (partial.id, partial.link));
        let Some(link) = self.main() else { return Gate::Wait };
        match partial {
            Some((id, on)) if id == row.id && on == link.id => Gate::Open,
            _ if link.inflight.len() >= most || link.inflight.bytes(link.sent) >= most_bytes => Gate::Wait,
            _ => Gate::Open,
        }
    }

    /// Writes one row. The error says what is wrong with it.
    fn write_row(&mut self, row: Row, arguments: &Arguments<'_>) -> Result<(), &'static str> {
        let at = self.links.iter().position(|link| link.purpose == Purpose::Main && link.state == State::Ready);
        let Some(link) = at.and_then(|at| self.links.get_mut(at)) else { return Err("there is no link") };
        let mut partial = match self.partial.take() {
            None => begin_request(row, link, &mut self.effects)?,
            Some(partial) if partial.id == row.id => partial,
            Some(partial) => {
                self.partial = Some(partial);
                return Err("a row came between the parts of another request");
            }
        };
        let checked = if partial.rest == 0 { check_command(row, arguments) } else { check_rest(row, &partial) };
        if let Err(why) = checked {
            // What was written of it can't be taken back: leave `partial` to `refuse`.
            let begun = partial.rest > 0 || partial.place.is_some();
            self.partial = begun.then_some(partial);
            return Err(why);
        }
        let begins = partial.rest == 0;
        write_arguments(link, &mut self.effects, row, arguments, begins, partial.argument);
        partial.argument = partial.argument.saturating_add(row.arguments);
        partial.rest = if begins { row.total } else { partial.rest } - row.arguments;
        if partial.rest > 0 {
            self.partial = Some(partial);
            return Ok(());
        }
        self.partial = end_command(row, partial, link, &mut self.effects);
        Ok(())
    }

    /// Ends a request that was not as the contract says; its link goes with it if part of it was written.
    fn refuse(&mut self, id: u64, why: &str) {
        self.out.failed(id, Verdict::new(Failure::Misuse, Cause::Usage), why);
        if let Some(partial) = self.partial.take() {
            let text = format!("a request was not gone on with as it began: {why}");
            self.fail_link(partial.link, Fault { cause: Cause::Lost, text });
            if partial.id != id {
                self.out.notice(EventKind::Resubmit, partial.id);
            }
        }
    }

    fn misuse_all(&mut self, rows: &[[u64; 4]], why: &str) {
        let mut last = 0;
        for words in rows {
            let id = Row::unpack(words).id;
            self.out.accepted += 1;
            if id != last {
                self.refuse(id, why);
            }
            last = id;
        }
    }
}

/// The first row of a request: a transaction begins with MULTI.
fn begin_request(row: Row, link: &mut Link, effects: &mut Effects) -> Result<Partial, &'static str> {
    if row.session != 0 {
        return Err("sessions are not supported yet");
    }
    let mut place = None;
    if row.has(option::ATOMIC | option::LONE) {
        let bytes = effects.send(link.id, |out| encode::words(out, &[b"MULTI"]));
        link.wrote(bytes as u64, row.id, NEVER, What::Multi);
        place = Some(0);
    }
    Ok(Partial { id: row.id, link: link.id, deadline: row.deadline, rest: 0, argument: 0, place })
}

fn check_command(row: Row, arguments: &Arguments<'_>) -> Result<(), &'static str> {
    if row.arguments == 0 {
        return Err("a command needs at least its name");
    }
    check_count(row, row.total)?;
    match arguments.first() {
        Some([]) | None => Err("a command's name must not be empty, nor be held by the host"),
        Some(name) => crate::refused::check(name, arguments.second()),
    }
}

fn check_rest(row: Row, partial: &Partial) -> Result<(), &'static str> {
    if row.arguments == 0 {
        return Err("a row that goes on has no arguments");
    }
    check_count(row, partial.rest)
}

/// `left` counts this row's arguments and those of the rows to come.
fn check_count(row: Row, left: u32) -> Result<(), &'static str> {
    let fits = if row.has(option::CONTINUES) { row.arguments < left } else { row.arguments == left };
    if fits { Ok(()) } else { Err("a row's arguments are not as many as its command's") }
}

fn write_arguments(
    link: &mut Link,
    effects: &mut Effects,
    row: Row,
    arguments: &Arguments<'_>,
    begins: bool,
    first: u32,
) {
    let mut bytes = 0;
    if begins {
        bytes += effects.send(link.id, |out| encode::command(out, row.total));
    }
    let mut rest = arguments.bytes;
    let mut index = first;
    let mut lengths = arguments.lengths;
    while !lengths.is_empty() {
        let inline = lengths.iter().take_while(|length| **length & HELD == 0).count();
        let (run, other) = lengths.split_at_checked(inline).unwrap_or((lengths, &[]));
        bytes += effects.send(link.id, |out| {
            for length in run {
                let (argument, after) = rest.split_at_checked(*length as usize).unwrap_or((rest, &[]));
                encode::argument(out, argument);
                rest = after;
            }
        });
        index = index.saturating_add(run.len() as u32);
        lengths = other;
        if let Some((held, other)) = lengths.split_first() {
            bytes += write_held(link.id, effects, row.id, index, held & !HELD);
            index = index.saturating_add(1);
            lengths = other;
        }
    }
    link.sent += bytes as u64;
}

fn write_held(link: u32, effects: &mut Effects, request: u64, argument: u32, length: u32) -> usize {
    let before = effects.send(link, |out| encode::begin_argument(out, length));
    effects.push(Effect::SendHeld { link, request, argument });
    before + length as usize + effects.send(link, encode::end_argument)
}

/// A command is whole: what is to be answered, and whether its transaction goes on.
fn end_command(row: Row, mut partial: Partial, link: &mut Link, effects: &mut Effects) -> Option<Partial> {
    let Some(place) = partial.place else {
        link.wrote(0, row.id, partial.deadline, What::Command);
        return None;
    };
    link.wrote(0, row.id, NEVER, What::Queued(place));
    if row.has(option::ATOMIC) {
        partial.place = Some(place.saturating_add(1));
        return Some(partial);
    }
    let bytes = effects.send(link.id, |out| encode::words(out, &[b"EXEC"]));
    link.wrote(bytes as u64, row.id, partial.deadline, What::Exec);
    None
}

impl<'a> Columns<'a> {
    /// The second argument, if neither it nor the first is held.
    fn second(&self) -> Option<&'a [u8]> {
        let (first, second) = (*self.lengths.first()?, *self.lengths.get(1)?);
        if (first | second) & HELD != 0 {
            return None;
        }
        self.bytes.get(first as usize..)?.get(..second as usize)
    }
}
