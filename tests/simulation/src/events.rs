//! Event rows of a progress, as the host takes them.

use coracle_core::output::Progress;
use coracle_core::wire::{Cause, ClientState, EventKind, Failure};

use crate::net;
use crate::plan::MILLISECOND;
use crate::renewal::Renewing;
use crate::requests::Phase;
use crate::tape::{Source, Tape};
use crate::value::Value;
use crate::world::{Check, Event, World, note};

const FAILURES: [Failure; 5] =
    [Failure::NotSent, Failure::MaybeExecuted, Failure::Refused, Failure::Limit, Failure::Misuse];
const STATES: [ClientState; 5] =
    [ClientState::Connecting, ClientState::Ready, ClientState::Down, ClientState::Denied, ClientState::Closed];

impl World {
    /// All rows, in order. What is to be submitted again is gathered: it keeps its order.
    pub fn take_events(&mut self, progress: &Progress, input: Option<usize>) -> Check {
        let mut again = Vec::new();
        let mut message = None;
        for &[head, id, span] in progress.events.as_chunks::<3>().0 {
            let (kind, detail) = (head as u8, (head >> 8) as u32 & 0xff_ffff);
            let (first, count) = (span as u32 as usize * 2, (span >> 32) as usize * 2);
            let nodes = progress.nodes.get(first..first + count).ok_or("an event's nodes are not there")?;
            let is = |event: EventKind| kind == event as u8;
            if is(EventKind::Part) {
                self.append_nodes(nodes, input, progress)?;
            } else if is(EventKind::Reply) {
                let value = self.complete(nodes, input, progress)?;
                self.reply(id, &value)?;
            } else if is(EventKind::Failed) {
                let (failure, cause) = verdict(detail)?;
                self.host.silence |= cause == Cause::Silent;
                self.fail(id, failure, cause)?;
            } else if is(EventKind::Resubmit) {
                again.push((id, detail & 1 != 0));
            } else if is(EventKind::Kept) {
                let value = self.complete(nodes, input, progress)?;
                self.check_kept(id, &value)?;
            } else if is(EventKind::Message) {
                if detail & 1 == 0 {
                    message = Some(self.complete(nodes, input, progress)?);
                }
                let value = message.clone().ok_or("the same message as none")?;
                self.message(id, &value, input)?;
            } else if is(EventKind::Subscribed) {
                self.subscribed(id)?;
            } else if is(EventKind::Gap) {
                self.gap(id)?;
            } else if is(EventKind::Ended) {
                let verdict = if detail == 0 { None } else { Some(verdict(detail - 1)?) };
                if detail != 0 && nodes.is_empty() {
                    return Err(format!("subscription {id} ended without a word why"));
                }
                let mut tape = Tape::default();
                tape.append(nodes, &self.source(input, &progress.texts))?;
                self.subscription_ended(id, verdict)?;
            } else if is(EventKind::Leased) {
                let verdict = if detail == 0 { None } else { Some(verdict(detail - 1)?) };
                if detail != 0 && nodes.is_empty() {
                    return Err(format!("session {id} ended without a word why"));
                }
                self.leased(id, verdict)?;
            } else if is(EventKind::Renewed) {
                self.renewed(id, detail == 0)?;
            } else if is(EventKind::Room) {
                self.host.held_back = false;
                self.schedule_submit();
            } else if is(EventKind::State) {
                self.state(detail)?;
            } else if is(EventKind::Discard) {
                self.conns[input.ok_or("discard without input")?].tape.clear();
            } else if !is(EventKind::Invalidate) {
                return Err(format!("an event of kind {kind}, which nothing asked for"));
            }
        }
        if again.is_empty() { Ok(()) } else { self.resubmit(&again) }
    }

    fn state(&mut self, detail: u32) -> Check {
        self.host.silence |= detail >> 8 == Cause::Silent as u32;
        let state = *STATES.get(detail as usize & 0xff).ok_or("a state without a name")?;
        note!(self, "the client is {state:?}");
        self.host.state = state;
        if state == ClientState::Closed {
            if !self.host.draining {
                return Err("the client is closed, and nobody drained it".into());
            }
            let open = self.host.links.iter().any(|at| self.conns[*at].phase != net::Phase::Gone);
            if open {
                return Err("the client is closed, and a link is not".into());
            }
        }
        Ok(())
    }

    fn source<'a>(&'a self, input: Option<usize>, texts: &'a [u8]) -> Source<'a> {
        match input.and_then(|at| self.conns.get(at)) {
            Some(conn) => Source { from: conn.input_from, input: &conn.input, texts },
            None => Source { from: 0, input: &[], texts },
        }
    }

    fn append_nodes(&mut self, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Check {
        let at = input.ok_or("nodes without input")?;
        let mut tape = std::mem::take(&mut self.conns[at].tape);
        tape.append(nodes, &self.source(input, &progress.texts))?;
        self.conns[at].tape = tape;
        Ok(())
    }

    fn complete(&mut self, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Check<Value> {
        self.append_nodes(nodes, input, progress)?;
        self.conns[input.ok_or("nodes without input")?].tape.finish()
    }

    /// The core is lost, in a call that submitted these: what it had ends by what the sockets took, another one begins.
    pub fn trapped(&mut self, submitted: &[u64]) -> Check {
        note!(self, "the core traps");
        self.count("traps");
        for id in self.host.open.clone() {
            let request = &self.host.requests[id as usize];
            let had = request.phase == Phase::Taken || request.phase == Phase::Waiting && request.taken > 0;
            if had || submitted.contains(&id) {
                let sent = request.marks.iter().any(|(at, before)| self.conns[*at].written > *before);
                let maybe = sent || request.maybe;
                self.fail(id, if maybe { Failure::MaybeExecuted } else { Failure::NotSent }, Cause::None)?;
            }
        }
        for at in std::mem::take(&mut self.host.links) {
            if !matches!(self.conns[at].phase, net::Phase::Gone | net::Phase::Closing) {
                self.let_go(at);
            }
            self.conns[at].phase = net::Phase::Gone;
            self.conns[at].tape.clear();
        }
        self.host.instance += 1;
        self.host.renewing = Renewing::default();
        self.evict_all()?;
        self.host.held_back = false;
        self.host.state = ClientState::Connecting;
        self.core = self.host.new_core(&self.plan, self.now)?;
        self.after_call(None)?;
        self.subscribe_again()?;
        if self.host.draining {
            let until = self.now + MILLISECOND;
            self.host.drained_by = self.host.drained_by.max(until + 100 * MILLISECOND);
            self.at(self.host.drained_by, Event::Drained);
            self.call(None, |core, now| core.handle_drain(now, until))?;
            self.at(until, Event::Wake);
        }
        self.schedule_submit();
        Ok(())
    }
}

fn verdict(detail: u32) -> Check<(Failure, Cause)> {
    let failure = FAILURES.get(detail as usize & 0xff).ok_or("a failure without a name")?;
    let cause = Cause::ALL.get((detail >> 8) as usize & 0xff).ok_or("a cause without a name")?;
    Ok((*failure, *cause))
}
