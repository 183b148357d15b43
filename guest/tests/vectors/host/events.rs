//! What a call into the core did.

use anyhow::{Context, Result, bail};
use coracle_core::effects::Effect;
use coracle_core::output::Progress;
use vectors::{End, Value};

use super::names::{CAUSES, FAILURES, STATES, name};
use super::{Event, Host};
use crate::tape::Tape;

impl Host {
    /// Does what a call into the core asked for, and submits what there is room for. `input` is the link that was fed.
    pub(super) fn done(&mut self, input: Option<usize>) -> Result<()> {
        self.take_progress(input)?;
        self.submit_waiting()
    }

    /// Does the effects of a call, and takes its progress. Gives how many rows were accepted.
    pub(super) fn take_progress(&mut self, input: Option<usize>) -> Result<u32> {
        let effects: Vec<Effect> = self.core.effects().list().to_vec();
        for effect in effects {
            self.effect(effect)?;
        }
        let progress = self.core.progress();
        self.wake_at = progress.wake_at;
        let room = self.take_events(&progress, input)?;
        if let Some(link) = input.and_then(|place| self.links.get_mut(place)) {
            link.pass = progress.pass;
            let forget = progress.keep_from.saturating_sub(link.input_from).min(link.input.len() as u64);
            link.input.drain(..usize::try_from(forget)?);
            link.input_from += forget;
        }
        self.held_back &= !room;
        Ok(progress.accepted)
    }

    /// Takes the event rows; `true` if one of them was `room`.
    fn take_events(&mut self, progress: &Progress, input: Option<usize>) -> Result<bool> {
        let (mut room, mut last_message) = (false, None);
        for row in progress.events.as_chunks::<3>().0 {
            let [head, id, span] = *row;
            let (kind, detail) = (head as u8, (head >> 8) as u32 & 0xff_ffff);
            let (first, count) = (span as u32 as usize * 2, (span >> 32) as usize * 2);
            let nodes = progress.nodes.get(first..first + count).context("an event's nodes are not there")?;
            match kind {
                0 => self.append(nodes, input, progress)?,
                1 => {
                    self.append(nodes, input, progress)?;
                    let raw = self.tape(input)?.take_raw();
                    let value = self.complete(&[], input, progress)?;
                    self.answer(id, value, raw, detail & 1 != 0)?;
                }
                2 => {
                    self.fail(id, name(&FAILURES, detail & 0xff)?, name(&CAUSES, detail >> 8)?)?;
                }
                3 => {
                    let call = self.calls.get_mut(&id).context("a call that is unknown is asked for")?;
                    call.maybe_executed |= detail & 1 != 0;
                    self.again.push_back(id);
                }
                4 => drop(self.complete(nodes, input, progress)?),
                5 => {
                    if detail & 1 == 0 {
                        last_message = Some(self.complete(nodes, input, progress)?);
                    }
                    let value = last_message.clone().context("the same message as none")?;
                    self.events.push_back(Event::Message { id, value });
                }
                6 => self.events.push_back(Event::Subscribed(id)),
                7 => self.events.push_back(Event::Gap(id)),
                8 => self.ended(id, detail, nodes, input, progress)?,
                9 => self.events.push_back(Event::Leased { session: u32::try_from(id)?, end: end(detail)? }),
                10 => room = true,
                12 => {
                    let told_by_link = head >> 32 != 0;
                    let keys = if told_by_link {
                        self.complete(nodes, input, progress)?
                    } else {
                        self.own_value(nodes, input, progress)?
                    };
                    self.stored.forget(&keys)?;
                }
                13 => {
                    let (state, cause) = (name(&STATES, detail & 0xff)?, name(&CAUSES, detail >> 8)?);
                    self.events.push_back(Event::State { state, cause });
                }
                14 => self.links[input.context("discard without input")?].tape = Tape::default(),
                15 => self.renewed(id, end(detail)?),
                other => bail!("event kind {other}"),
            }
        }
        Ok(room)
    }

    /// All who wait for this generation, or for one before, have their answer.
    fn renewed(&mut self, generation: u64, end: Option<End>) {
        let told: Vec<u64> =
            self.secrets.renewing.extract_if(.., |(wanted, _)| *wanted <= generation).map(|(_, id)| id).collect();
        self.events.extend(told.into_iter().map(|id| Event::Renewed { id, end: end.clone() }));
    }

    fn ended(&mut self, id: u64, detail: u32, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Result<()> {
        let value = if detail == 0 { None } else { Some(self.own_value(nodes, input, progress)?) };
        self.events.push_back(Event::Ended { id, end: end(detail)?, value });
        Ok(())
    }

    /// A value that leaves the unfinished one alone.
    fn own_value(&self, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Result<Value> {
        let mut tape = Tape::default();
        tape.append(nodes, &self.input_of(input), &progress.texts)?;
        tape.finish()
    }

    fn append(&mut self, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Result<()> {
        let place = input.context("nodes without input")?;
        let mut tape = std::mem::take(&mut self.links[place].tape);
        tape.append(nodes, &self.input_of(input), &progress.texts)?;
        self.links[place].tape = tape;
        Ok(())
    }

    fn complete(&mut self, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Result<Value> {
        self.append(nodes, input, progress)?;
        std::mem::take(self.tape(input)?).finish()
    }

    fn tape(&mut self, input: Option<usize>) -> Result<&mut Tape> {
        Ok(&mut self.links[input.context("nodes without input")?].tape)
    }
}

/// A detail as `ended`, `leased` and `renewed` have it.
fn end(detail: u32) -> Result<Option<End>> {
    if detail == 0 {
        return Ok(None);
    }
    Ok(Some(End { failure: name(&FAILURES, (detail & 0xff) - 1)?, cause: name(&CAUSES, detail >> 8)? }))
}
