//! A host without I/O: what the WIT asks of one, and nothing else.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, Result, bail, ensure};
use coracle_core::client::{Core, Reason};
use coracle_core::config::{self, Credentials, Endpoint, Limits};
use coracle_core::effects::Effect;
use coracle_core::output::Progress;
use coracle_core::pubsub::Kind;
use coracle_core::wire::{HELD, NEVER, option};
use vectors::Value;

use crate::tape::{Input, Tape};

/// What a vector can see.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Reply { id: u64, value: Value },
    Failed { id: u64, failure: String, cause: String },
    Message { id: u64, value: Value },
    Subscribed(u64),
    Gap(u64),
    Ended { id: u64, failure: Option<String>, cause: Option<String>, value: Option<Value> },
    State { state: String, cause: String },
}

pub struct Host {
    core: Core,
    now: u64,
    settings: vectors::Settings,
    limits: Limits,
    wake_at: u64,
    /// Links in the order in which they were opened; all that a vector calls the Nth.
    links: Vec<Link>,
    chosen: usize,
    calls: BTreeMap<u64, Call>,
    waiting: VecDeque<u64>,
    held_back: bool,
    events: VecDeque<Event>,
}

#[derive(Default)]
struct Link {
    id: u32,
    opened: bool,
    closing: bool,
    closed: bool,
    output: Vec<u8>,
    written: u64,
    input: Vec<u8>,
    input_from: u64,
    tape: Tape,
    pass: u64,
}

struct Call {
    commands: Vec<Vec<Vec<u8>>>,
    atomic: bool,
}

impl Host {
    pub fn new(settings: &vectors::Settings) -> Result<Self> {
        let limits = limits(&settings.limits)?;
        let core = Core::new(
            0,
            config::Settings {
                seed: 1,
                endpoints: vec![Endpoint::Tcp("server".into(), 6379)],
                database: settings.database,
                name: settings.name.clone(),
                library_name: "vectors".into(),
                library_version: "1".into(),
                resp2: settings.resp2,
                connect_timeout: 5_000_000,
                quiet_after: NEVER,
                idle_timeout: NEVER,
                primary: false,
                tracking: config::Tracking::Off,
                limits,
            },
        )
        .map_err(anyhow::Error::msg)?;
        let mut host = Self {
            core,
            now: 0,
            settings: settings.clone(),
            limits,
            wake_at: NEVER,
            links: Vec::new(),
            chosen: 0,
            calls: BTreeMap::new(),
            waiting: VecDeque::new(),
            held_back: false,
            events: VecDeque::new(),
        };
        host.done(None)?;
        Ok(host)
    }

    pub fn open(&mut self, link: usize) -> Result<()> {
        for _ in 0..4 {
            if self.links.len() >= link {
                break;
            }
            ensure!(self.wake_at != NEVER, "link {link} is not opened, nor ever will be");
            self.now = self.wake_at;
            self.core.handle_elapsed(self.now, &[]);
            self.done(None)?;
        }
        ensure!(self.links.len() == link, "{} links were opened", self.links.len());
        self.chosen = link - 1;
        let (id, credentials) = (self.links[self.chosen].id, self.credentials());
        ensure!(!std::mem::replace(&mut self.links[self.chosen].opened, true), "opened twice");
        self.now += 1;
        self.core.handle_opened(self.now, id, credentials);
        self.done(None).map(drop)
    }

    pub fn choose(&mut self, link: usize) -> Result<()> {
        self.chosen = link - 1;
        self.link().map(|_| ())
    }

    pub fn expect_output(&mut self, bytes: &[u8]) -> Result<()> {
        if self.links.len() == 1 && !self.links[0].opened {
            self.open(1)?;
        }
        for _ in 0..4 {
            if self.link()?.output.len() >= bytes.len() || self.wake_at == NEVER {
                break;
            }
            self.now = self.wake_at;
            self.core.handle_elapsed(self.now, &[]);
            self.done(None)?;
        }
        let link = self.link()?;
        let got: Vec<u8> = link.output.drain(..bytes.len().min(link.output.len())).collect();
        ensure!(got == bytes, "sent \"{}\"", got.escape_ascii());
        Ok(())
    }

    pub fn input(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            self.now += 1;
            let now = self.now;
            let link = self.link()?;
            ensure!(link.opened && !link.closed, "input on a link that is not open");
            let skipped = usize::try_from(link.pass)?.min(bytes.len());
            let (passed, rest) = bytes.split_at(skipped);
            let fed = if skipped as u64 == link.pass { &rest[..rest.len().min(65_536)] } else { &[] };
            bytes = &rest[fed.len()..];
            if !passed.is_empty() {
                link.tape.pass(passed)?;
                link.input_from += (link.input.len() + passed.len()) as u64;
                link.input.clear();
            }
            link.input.extend_from_slice(fed);
            let id = link.id;
            self.core.handle_received(now, id, skipped as u64, fed);
            self.done(Some(self.chosen))?;
        }
        Ok(())
    }

    pub fn hang_up(&mut self) -> Result<()> {
        let link = self.link()?;
        ensure!(link.output.is_empty(), "output is left: \"{}\"", link.output.escape_ascii());
        self.close(self.chosen, Reason::Lost)
    }

    pub fn expect_close(&mut self, link: usize) -> Result<()> {
        ensure!(self.links.get(link - 1).is_some_and(|link| link.closing), "link {link} is not closed");
        self.close(link - 1, Reason::Local)
    }

    pub fn call(&mut self, id: u64, commands: Vec<Vec<Vec<u8>>>, atomic: bool) -> Result<()> {
        self.calls.insert(id, Call { commands, atomic });
        self.waiting.push_back(id);
        self.submit_waiting()
    }

    pub fn cancel(&mut self, id: u64) -> Result<()> {
        self.now += 1;
        self.core.cancel(self.now, &[id]);
        self.done(None).map(drop)
    }

    pub fn subscribe(&mut self, id: u64, kind: &str, names: &[Vec<u8>]) -> Result<()> {
        let kind = match kind {
            "channel" => Kind::Channel,
            "pattern" => Kind::Pattern,
            "shard" => Kind::Shard,
            other => bail!("{other} is no kind"),
        };
        let lengths: Vec<u32> = names.iter().map(|name| name.len() as u32).collect();
        self.now += 1;
        self.core.subscribe(self.now, id, kind, false, &lengths, &names.concat());
        self.done(None).map(drop)
    }

    pub fn unsubscribe(&mut self, id: u64) -> Result<()> {
        self.now += 1;
        self.core.unsubscribe(self.now, id);
        self.done(None).map(drop)
    }

    /// The next thing that happened, states on the way to `ready` left out.
    pub fn event(&mut self) -> Option<Event> {
        let silent =
            |event: &Event| matches!(event, Event::State { state, .. } if state == "connecting" || state == "ready");
        while self.events.front().is_some_and(silent) {
            self.events.pop_front();
        }
        self.events.pop_front()
    }

    pub fn expect(&mut self, wanted: &Event) -> Result<()> {
        let got = self.event();
        ensure!(got.as_ref() == Some(wanted), "instead: {got:?}");
        Ok(())
    }

    pub fn expect_state(&mut self, wanted: &str, why: Option<&str>) -> Result<()> {
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::State { state, cause } if state == wanted => {
                    ensure!(why.is_none_or(|why| why == cause), "cause {cause}");
                    return Ok(());
                }
                Event::State { state, .. } if state == "connecting" || state == "ready" => {}
                other => bail!("instead: {other:?}"),
            }
        }
        bail!("no state {wanted}")
    }

    pub fn nothing_left(&mut self) -> Result<()> {
        if let Some(event) = self.event() {
            bail!("the vector does not say: {event:?}");
        }
        ensure!(self.calls.is_empty(), "calls are open: {:?}", self.calls.keys());
        for (place, link) in self.links.iter().enumerate() {
            ensure!(link.output.is_empty(), "link {} also sent \"{}\"", place + 1, link.output.escape_ascii());
            ensure!(!link.closing || link.closed, "link {} was closed", place + 1);
        }
        Ok(())
    }

    fn link(&mut self) -> Result<&mut Link> {
        self.links.get_mut(self.chosen).context("no such link")
    }

    fn close(&mut self, place: usize, reason: Reason) -> Result<()> {
        let link = &mut self.links[place];
        link.closed = true;
        link.tape = Tape::default();
        let (id, written) = (link.id, link.written);
        self.now += 1;
        self.core.handle_closed(self.now, id, reason, written, "");
        self.done(None).map(drop)
    }

    fn credentials(&self) -> Option<Credentials> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() as u32);
        self.settings.password.as_ref()?;
        let (username, password) = (length(&self.settings.username), length(&self.settings.password));
        Some(Credentials { generation: 1, username, password })
    }

    fn submit_waiting(&mut self) -> Result<()> {
        while !self.held_back
            && let Some(id) = self.waiting.pop_front()
        {
            let call = self.calls.get(&id).context("a call that is unknown waits")?;
            let (mut rows, mut lengths, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
            for (place, command) in call.commands.iter().enumerate() {
                let more = call.atomic && place + 1 < call.commands.len();
                let lone = call.atomic && call.commands.len() == 1;
                let count = command.len() as u64;
                rows.extend([
                    id,
                    NEVER,
                    count,
                    u64::from(if more {
                        option::ATOMIC
                    } else if lone {
                        option::LONE
                    } else {
                        0
                    }) | count << 32,
                ]);
                for argument in command {
                    let held = argument.len() > self.limits.hold_above as usize;
                    lengths.push(argument.len() as u32 | if held { HELD } else { 0 });
                    bytes.extend_from_slice(if held { &[] } else { argument });
                }
            }
            let count = rows.len() / 4;
            self.now += 1;
            self.core.submit(self.now, &rows, &lengths, &bytes);
            let accepted = self.done(None)? as usize;
            ensure!(accepted == count || accepted == 0, "{accepted} of {count} rows accepted");
            if accepted == 0 {
                self.waiting.push_front(id);
                self.held_back = true;
            }
        }
        Ok(())
    }

    /// Does the effects of a call, and takes its progress. `input` is the link that was fed.
    fn done(&mut self, input: Option<usize>) -> Result<u32> {
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
        self.submit_waiting()?;
        Ok(progress.accepted)
    }

    fn effect(&mut self, effect: Effect) -> Result<()> {
        let bytes = match &effect {
            Effect::Open { link, .. } => {
                self.links.push(Link { id: *link, ..Link::default() });
                return Ok(());
            }
            Effect::Close { link } => {
                self.by_id(*link)?.closing = true;
                return Ok(());
            }
            Effect::Send { start, end, .. } => self.core.effects().bytes(*start, *end).to_vec(),
            Effect::SendHeld { request, argument, .. } => {
                let call = self.calls.get(request).context("an argument of an unknown call")?;
                call.commands.concat().get(*argument as usize).context("no such argument")?.clone()
            }
            Effect::SendSecret { password, .. } => {
                let secret = if *password { &self.settings.password } else { &self.settings.username };
                secret.clone().context("no such secret")?.into_bytes()
            }
        };
        let (Effect::Send { link, .. } | Effect::SendHeld { link, .. } | Effect::SendSecret { link, .. }) = effect
        else {
            bail!("no output")
        };
        let link = self.by_id(link)?;
        link.written += bytes.len() as u64;
        link.output.extend(bytes);
        Ok(())
    }

    fn by_id(&mut self, id: u32) -> Result<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id).context("an effect on an unknown link")
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
                    let value = self.complete(nodes, input, progress)?;
                    ensure!(self.calls.remove(&id).is_some(), "call {id} ended twice, or never began");
                    self.events.push_back(Event::Reply { id, value });
                }
                2 => {
                    ensure!(self.calls.remove(&id).is_some(), "call {id} ended twice, or never began");
                    let (failure, cause) = (name(&FAILURES, detail & 0xff)?, name(&CAUSES, detail >> 8)?);
                    self.events.push_back(Event::Failed { id, failure, cause });
                }
                3 => self.waiting.push_front(id),
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
                10 => room = true,
                13 => {
                    let (state, cause) = (name(&STATES, detail & 0xff)?, name(&CAUSES, detail >> 8)?);
                    self.events.push_back(Event::State { state, cause });
                }
                14 => self.links[input.context("discard without input")?].tape = Tape::default(),
                other => bail!("event kind {other}"),
            }
        }
        Ok(room)
    }

    fn ended(&mut self, id: u64, detail: u32, nodes: &[u64], input: Option<usize>, progress: &Progress) -> Result<()> {
        let (mut failure, mut cause, mut value) = (None, None, None);
        if detail != 0 {
            failure = Some(name(&FAILURES, (detail & 0xff) - 1)?);
            cause = Some(name(&CAUSES, detail >> 8)?);
            let mut tape = Tape::default();
            tape.append(nodes, &self.input_of(input), &progress.texts)?;
            value = Some(tape.finish()?);
        }
        self.events.push_back(Event::Ended { id, failure, cause, value });
        Ok(())
    }

    fn input_of(&self, input: Option<usize>) -> Input<'_> {
        match input.and_then(|place| self.links.get(place)) {
            Some(link) => Input { from: link.input_from, bytes: &link.input },
            None => Input { from: 0, bytes: &[] },
        }
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
        let place = input.context("nodes without input")?;
        std::mem::take(&mut self.links[place].tape).finish()
    }
}

const FAILURES: [&str; 5] = ["not-sent", "maybe-executed", "refused", "limit", "misuse"];
const CAUSES: [&str; 14] = [
    "none",
    "deadline",
    "cancelled",
    "lost",
    "unreachable",
    "denied",
    "protocol",
    "too-large",
    "closing",
    "unsupported",
    "usage",
    "silent",
    "loading",
    "replica",
];
const STATES: [&str; 5] = ["connecting", "ready", "down", "denied", "closed"];

fn name(names: &[&str], number: u32) -> Result<String> {
    Ok((*names.get(number as usize).context("a number without a name")?).to_owned())
}

fn limits(given: &[(String, u64)]) -> Result<Limits> {
    let mut limits = Limits::default();
    for (name, value) in given {
        let small = u32::try_from(*value).unwrap_or(u32::MAX);
        match name.as_str() {
            "queued" => limits.queued = small,
            "queued-bytes" => limits.queued_bytes = small,
            "inflight" => limits.inflight = small,
            "inflight-bytes" => limits.inflight_bytes = small,
            "links" => limits.links = small,
            "depth" => limits.depth = small,
            "elements" => limits.elements = *value,
            "reply-bytes" => limits.reply_bytes = *value,
            "hold-above" => limits.hold_above = small,
            "pass-above" => limits.pass_above = small,
            other => bail!("{other} is no limit"),
        }
    }
    Ok(limits)
}
