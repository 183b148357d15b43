//! Commands in: rows and columns to bytes on a link.

use crate::client::Core;
use crate::effects::Effects;
use crate::inflight::{BLOCKS, RAW, REPEAT, RUNS, SCRIPT, STORE, What};
use crate::link::{Link, State};
use crate::mutant::{self, Mutant};
use crate::output::Verdict;
use crate::plan::{Destination, Plan};
use crate::resp::decode::Fault;
use crate::resp::encode;
use crate::rows::{Arguments, Columns, Row, write_arguments};
use crate::wire::{Cause, ClientState, EventKind, Failure, NEVER, option};

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
    /// Where its first part went; 0 where it waits for a link, and the rest of it is let go.
    pub link: u32,
    /// When its caller gives up.
    pub deadline: u64,
    /// Arguments of the present command that are still to come.
    rest: u32,
    /// Arguments written so far, of all its commands.
    argument: u32,
    /// Place of the present command in its transaction, if it is one.
    place: Option<u32>,
    /// What may be done should it fail: see `inflight::Entry`.
    flags: u8,
}

/// Whether requests can be taken.
enum Gate {
    Open,
    /// Not now.
    Wait,
    /// They end at once.
    Shut(Verdict, String),
}

impl Core {
    /// `commands.submit`.
    pub fn submit(&mut self, now: u64, rows: &[u64], lengths: &[u32], bytes: &[u8]) {
        let (rows, odd) = rows.as_chunks::<4>();
        if !odd.is_empty() || rows.len() > MAX_ROWS || lengths.len() > MAX_LENGTHS || bytes.len() > MAX_BYTES {
            return self.misuse_all(rows, "a submit is over its bounds, or holds part of a row");
        }
        let mut columns = Columns { lengths, bytes };
        // The request that ended last: what comes of it in this call is let go.
        let mut over = 0;
        let mut place = 0;
        while let Some(rest) = rows.get(place..) {
            let taken = self.express(now, rest, &mut columns, over);
            self.out.accepted += taken as u32;
            place += taken;
            let Some(words) = rows.get(place) else { break };
            let row = Row::unpack(words);
            let mut ahead = columns;
            let Some(arguments) = ahead.take(row.arguments) else {
                return self.misuse_all(rows.get(place..).unwrap_or_default(), "lengths and bytes do not fit the rows");
            };
            place += 1;
            if row.id == over {
                self.out.accepted += 1;
                columns = ahead;
                continue;
            }
            let begins = self.partial.as_ref().is_none_or(|partial| partial.id != row.id || partial.rest == 0);
            let plan = if begins { self.plan(row, &arguments).map(Some) } else { Ok(None) };
            let destination =
                plan.as_ref().map_or(Destination::Main, |plan| plan.map_or(Destination::Main, |plan| plan.destination));
            match self.gate(now, row, destination) {
                Gate::Open => {}
                Gate::Wait => {
                    self.starved = true;
                    return;
                }
                Gate::Shut(verdict, why) => {
                    self.out.failed(row.id, verdict, &why);
                    over = row.id;
                    self.out.accepted += 1;
                    columns = ahead;
                    continue;
                }
            }
            columns = ahead;
            self.out.accepted += 1;
            if let Err(why) = plan.and_then(|plan| self.write_row(now, row, plan, &arguments)) {
                self.refuse(row.id, why);
                over = row.id;
            }
        }
        self.close_retired();
    }

    /// `commands.cancel`.
    pub fn cancel(&mut self, now: u64, requests: &[u64]) {
        let verdict = |failure| Verdict::new(failure, Cause::Cancelled);
        self.cancel_waiting(now, requests);
        if let Some(partial) = self.partial.take_if(|partial| requests.contains(&partial.id))
            && partial.link != 0
        {
            self.out.failed(partial.id, verdict(Failure::NotSent), "cancelled before it was sent");
            self.abandon(partial, "a request was cancelled between its parts");
        }
        let why = "cancelled before the reply came";
        self.swallow(now, verdict(Failure::MaybeExecuted), why, |entry| requests.contains(&entry.id));
        // They may have been the last that a link, or a drain, was waiting for.
        self.close_retired();
        self.finish_drain(now);
    }

    /// Why nothing can be taken now, nor soon.
    pub(crate) fn refusal(&self, now: u64) -> Option<(Verdict, String)> {
        let closing = Verdict::new(Failure::NotSent, Cause::Closing);
        match self.connection.state {
            ClientState::Closed => Some((closing, "the client is closed".to_owned())),
            _ if self.draining.is_some() => Some((closing, "the client is closing".to_owned())),
            ClientState::Down | ClientState::Denied => {
                let cause = self.connection.cause();
                let failure = if cause == Cause::Denied { Failure::Refused } else { Failure::NotSent };
                Some((Verdict::new(failure, cause), self.connection.explain(now)))
            }
            ClientState::Connecting | ClientState::Ready => None,
        }
    }

    fn gate(&mut self, now: u64, row: Row, destination: Destination) -> Gate {
        if let Some(partial) = self.partial.as_ref().filter(|partial| partial.id == row.id) {
            // Where its link closes, it is asked for again, or ends, once the host says how much was written.
            let closing = self.links.iter().any(|link| link.id == partial.link && link.state == State::Closing);
            return if closing { Gate::Wait } else { Gate::Open };
        }
        if self.partial.is_none()
            && let Some((verdict, why)) = self.refusal(now)
        {
            return Gate::Shut(verdict, why);
        }
        match destination {
            Destination::Session(session) => match self.session_link(session) {
                Some(link) if self.is_clogged(link) => {
                    // To wait here would keep back the requests of everybody else, for as long as that blocks.
                    let why = "its session has limits.inflight behind a command that blocks".to_owned();
                    Gate::Shut(Verdict::new(Failure::Limit, Cause::None), why)
                }
                Some(link) => self.room_on(Some(link)),
                None => {
                    let why = "its session has no link, or no longer".to_owned();
                    Gate::Shut(Verdict::new(Failure::NotSent, Cause::Lost), why)
                }
            },
            _ if self.connection.state != ClientState::Ready => Gate::Wait,
            Destination::Alone if self.crowds_out(row.id) => {
                // To wait here would keep back the requests of those who have the links.
                let why = "as many as limits.queued wait for a link already".to_owned();
                Gate::Shut(Verdict::new(Failure::Limit, Cause::None), why)
            }
            Destination::Alone if self.is_full() && !self.has_reserved(row.id) => Gate::Wait,
            Destination::Alone => Gate::Open,
            Destination::Main => {
                let main = self.main().map(|link| link.id);
                self.room_on(main)
            }
        }
    }

    fn room_on(&self, link: Option<u32>) -> Gate {
        let Some(link) = self.links.iter().find(|candidate| Some(candidate.id) == link) else { return Gate::Wait };
        if self.has_no_room(link) || self.is_full() { Gate::Wait } else { Gate::Open }
    }

    fn has_no_room(&self, link: &Link) -> bool {
        let most = self.inflight_most() + usize::from(mutant::on(Mutant::OverfillLinks));
        let bytes = u64::from(self.settings.limits.inflight_bytes);
        link.inflight.len() >= most || link.inflight.bytes(link.sent) >= bytes
    }

    /// Whether a link has no room, and the command whose turn it is may hold its reply back.
    fn is_clogged(&self, link: u32) -> bool {
        let link = self.links.iter().find(|candidate| candidate.id == link && self.has_no_room(candidate));
        link.and_then(|link| link.inflight.front()).is_some_and(|entry| entry.flags & BLOCKS != 0)
    }

    /// Whether the client as a whole takes no more.
    fn is_full(&self) -> bool {
        let limits = &self.settings.limits;
        self.load().is_over(limits.queued as usize, u64::from(limits.queued_bytes))
    }

    /// Whether the request that was accepted in part is a transaction.
    pub(crate) fn in_transaction(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.place.is_some())
    }

    /// The link of a destination, or none where the request has to wait for one.
    fn link_of(&mut self, row: Row, destination: Destination) -> Option<u32> {
        match destination {
            Destination::Main => self.main().map(|link| link.id),
            Destination::Session(session) => self.session_link(session),
            Destination::Alone => self.link_for_request(row.id),
        }
    }

    /// Writes one row; there is a plan where a command begins. The error says what is wrong with it.
    fn write_row(
        &mut self,
        now: u64,
        row: Row,
        plan: Option<Plan>,
        arguments: &Arguments<'_>,
    ) -> Result<(), &'static str> {
        let id = match (&self.partial, plan) {
            (Some(partial), _) if partial.id == row.id => partial.link,
            (Some(_), _) => return Err("a row came between the parts of another request"),
            (None, Some(plan)) => {
                check_command(row, arguments)?;
                match self.link_of(row, plan.destination) {
                    Some(link) => link,
                    None if plan.destination == Destination::Alone => {
                        self.begin_waiting(now, row, plan);
                        return Ok(());
                    }
                    None => return Err("there is no link"),
                }
            }
            (None, None) => return Err("a row goes on with what did not begin"),
        };
        if id == 0 {
            return self.let_go(row);
        }
        let in_transaction = row.has(option::ATOMIC | option::LONE) || self.in_transaction();
        let Some(link) = self.links.iter_mut().find(|link| link.id == id && link.state == State::Ready) else {
            return Err("there is no link");
        };
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => begin_request(now, row, link, &mut self.effects),
        };
        if let Some(plan) = plan {
            if plan.store && crate::tracking::begin(link, &mut self.effects, &self.settings) {
                partial.flags |= STORE;
            }
            note_plan(now, row, plan, arguments, link, &mut partial);
        }
        let checked = if partial.rest == 0 { check_command(row, arguments) } else { check_rest(row, partial.rest) };
        if let Err(why) = checked {
            // What was written of it can't be taken back: leave `partial` to `refuse`.
            let begun = partial.rest > 0 || partial.place.is_some();
            self.partial = begun.then_some(partial);
            return Err(why);
        }
        let begins = partial.rest == 0;
        let written = if begins && row.has(option::SCRIPT) {
            // A transaction may not be executed, nor what is in it.
            let send_source = in_transaction || !link.scripts.add(arguments);
            if !send_source {
                partial.flags |= SCRIPT;
            }
            crate::script::write(link.id, &mut self.effects, row, arguments, partial.argument, send_source)
        } else {
            write_arguments(link.id, &mut self.effects, row, arguments, begins, partial.argument)
        };
        link.sent += written as u64;
        partial.argument = partial.argument.saturating_add(row.arguments);
        partial.rest = if begins { row.total } else { partial.rest } - row.arguments;
        if partial.rest > 0 {
            self.partial = Some(partial);
            return Ok(());
        }
        self.partial = end_command(row, partial, link, &mut self.effects);
        Ok(())
    }

    /// A request that needs a link for itself, while there is none: it will be asked for again.
    fn begin_waiting(&mut self, now: u64, row: Row, plan: Plan) {
        // It has blocked before, and may block for as long again.
        let again = row.has(option::PATIENT) && row.deadline <= now;
        let deadline = row.deadline.saturating_add(if again { plan.blocks_for } else { 0 });
        if row.total > row.arguments {
            let rest = row.total - row.arguments;
            let (argument, place) = (0, None);
            self.partial = Some(Partial { id: row.id, link: 0, deadline, rest, argument, place, flags: 0 });
        }
        self.park(now, row.id, deadline);
    }

    /// The rest of a request that waits for a link.
    fn let_go(&mut self, row: Row) -> Result<(), &'static str> {
        let Some(mut partial) = self.partial.take() else { return Ok(()) };
        check_rest(row, partial.rest)?;
        partial.rest -= row.arguments;
        self.partial = (partial.rest > 0).then_some(partial);
        Ok(())
    }

    /// Ends a request that was not as the contract says; its link goes with it if part of it was written.
    fn refuse(&mut self, id: u64, why: &str) {
        self.out.failed(id, Verdict::new(Failure::Misuse, Cause::Usage), why);
        self.leases.forget(id);
        if let Some(partial) = self.partial.take() {
            if partial.link == 0 {
                self.partial = (partial.id != id).then_some(partial);
                return;
            }
            let text = format!("a request was not gone on with as it began: {why}");
            if partial.id == id {
                return self.abandon(partial, &text);
            }
            self.out.notice(EventKind::Resubmit, partial.id);
            self.fail_link(partial.link, Fault { cause: Cause::Lost, text });
        }
    }

    /// Lets go of a request of which part was written: a transaction between two of its commands is discarded, but half
    /// a command can't be taken back, and takes its link with it. In a session a MULTI of the caller's own may be open,
    /// which is not ours to discard.
    fn abandon(&mut self, partial: Partial, text: &str) {
        let between = partial.rest == 0;
        let open = |link: &&mut Link| link.id == partial.link && link.state == State::Ready && !link.in_session();
        if let Some(link) = self.links.iter_mut().find(open).filter(|_| between) {
            let bytes = self.effects.send(link.id, |out| encode::words(out, &[b"DISCARD"]));
            link.wrote(bytes as u64, 0, NEVER, What::Swallow);
            link.inflight.swallow_parts(&[partial.id]);
            return;
        }
        self.fail_link(partial.link, Fault { cause: Cause::Lost, text: text.to_owned() });
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
fn begin_request(now: u64, row: Row, link: &mut Link, effects: &mut Effects) -> Partial {
    if link.inflight.len() == 0 {
        link.heard = now;
    }
    let mut place = None;
    if row.has(option::ATOMIC | option::LONE) {
        let bytes = effects.send(link.id, |out| encode::words(out, &[b"MULTI"]));
        link.wrote(bytes as u64, row.id, NEVER, What::Multi);
        place = Some(0);
    }
    let flags = if row.has(option::MAY_REPEAT) { REPEAT } else { 0 } | if row.has(option::RAW) { RAW } else { 0 };
    Partial { id: row.id, link: link.id, deadline: row.deadline, rest: 0, argument: 0, place, flags }
}

/// What the plan of a command means for its link, and for its request as a whole.
fn note_plan(now: u64, row: Row, plan: Plan, arguments: &Arguments<'_>, link: &mut Link, partial: &mut Partial) {
    if !plan.repeat {
        partial.flags &= !REPEAT;
    }
    if row.session != 0 {
        link.traces.note(arguments.first().unwrap_or_default(), partial.place.is_some());
    }
    link.traces.lasting |= plan.lasting;
    if plan.blocks_for > 0 {
        partial.flags |= BLOCKS;
    }
    if plan.runs {
        partial.flags |= RUNS;
    }
    if plan.blocks_for > 0 && !mutant::on(Mutant::CloseBlocked) {
        link.heard = link.heard.max(now.saturating_add(plan.blocks_for));
    }
    if row.has(option::PATIENT) {
        partial.deadline = row.deadline.saturating_add(plan.blocks_for);
    }
}

fn check_command(row: Row, arguments: &Arguments<'_>) -> Result<(), &'static str> {
    if row.arguments == 0 {
        return Err("a command needs at least its name");
    }
    check_count(row, row.total)?;
    if row.has(option::SCRIPT) { crate::script::check(arguments) } else { Ok(()) }
}

fn check_rest(row: Row, rest: u32) -> Result<(), &'static str> {
    if row.arguments == 0 {
        return Err("a row that goes on has no arguments");
    }
    check_count(row, rest)
}

/// `left` counts this row's arguments and those of the rows to come.
fn check_count(row: Row, left: u32) -> Result<(), &'static str> {
    let fits = if row.has(option::CONTINUES) { row.arguments < left } else { row.arguments == left };
    if fits { Ok(()) } else { Err("a row's arguments are not as many as its command's") }
}

/// A command is whole: what is to be answered, and whether its transaction goes on.
fn end_command(row: Row, mut partial: Partial, link: &mut Link, effects: &mut Effects) -> Option<Partial> {
    let Some(place) = partial.place else {
        link.wrote_request(0, row.id, partial.deadline, What::Command, partial.flags);
        return None;
    };
    link.wrote(0, row.id, NEVER, What::Queued(place));
    if row.has(option::ATOMIC) {
        partial.place = Some(place.saturating_add(1));
        return Some(partial);
    }
    let bytes = effects.send(link.id, |out| encode::words(out, &[b"EXEC"]));
    link.wrote_request(bytes as u64, row.id, partial.deadline, What::Exec, partial.flags & (REPEAT | RAW));
    None
}
