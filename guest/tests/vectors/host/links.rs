//! Links: what goes out on them and what comes in.

use anyhow::{Context, Result, bail, ensure};
use coracle_core::client::{Reason, Traffic};
use coracle_core::config::Endpoint;
use coracle_core::effects::Effect;

use super::{Host, server};
use crate::tape::{Input, Tape};

pub struct Link {
    pub id: u32,
    endpoint: Endpoint,
    opened: bool,
    closing: bool,
    closed: bool,
    output: Vec<u8>,
    written: u64,
    /// What the core knows of the bytes that it took and gave.
    told: (u64, u64),
    /// What the socket still takes.
    room: usize,
    pub input: Vec<u8>,
    pub input_from: u64,
    pub tape: Tape,
    pub pass: u64,
}

impl Link {
    fn new(id: u32, endpoint: Endpoint) -> Self {
        Self {
            id,
            endpoint,
            opened: false,
            closing: false,
            closed: false,
            output: Vec::new(),
            written: 0,
            told: (0, 0),
            room: usize::MAX,
            input: Vec::new(),
            input_from: 0,
            tape: Tape::default(),
            pass: 0,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        self.written += taken as u64;
        self.output.extend_from_slice(&bytes[..taken]);
    }
}

impl Host {
    pub fn open(&mut self, link: usize, endpoint: Option<usize>) -> Result<()> {
        let (id, credentials) = (self.asked(link, endpoint)?.id, self.secrets.newest());
        let now = self.tick();
        self.core.handle_opened(now, id, credentials);
        self.done(None)
    }

    pub fn refuse(&mut self, link: usize, reason: &str) -> Result<()> {
        let reason = match reason {
            "refused" => Reason::Refused,
            "denied" => Reason::Denied,
            other => bail!("{other} is no reason"),
        };
        self.asked(link, None)?;
        self.close(link - 1, reason)
    }

    pub fn choose(&mut self, link: usize) -> Result<()> {
        self.chosen = link - 1;
        self.link().map(|_| ())
    }

    pub fn expect_output(&mut self, bytes: &[u8]) -> Result<()> {
        if self.links.len() == 1 && !self.links[0].opened {
            self.open(1, None)?;
        }
        self.link()?;
        self.wait(|host| host.links[host.chosen].output.len() >= bytes.len())?;
        let link = self.link()?;
        let got: Vec<u8> = link.output.drain(..bytes.len().min(link.output.len())).collect();
        ensure!(got == bytes, "sent \"{}\"", got.escape_ascii());
        Ok(())
    }

    pub fn input(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let now = self.tick();
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

    pub fn stall(&mut self, room: usize) -> Result<()> {
        self.link()?.room = room;
        Ok(())
    }

    pub fn hang_up(&mut self) -> Result<()> {
        let link = self.link()?;
        ensure!(link.output.is_empty(), "output is left: \"{}\"", link.output.escape_ascii());
        self.close(self.chosen, Reason::Lost)
    }

    pub fn expect_close(&mut self, link: usize) -> Result<()> {
        self.wait(|host| host.links.get(link - 1).is_some_and(|link| link.closing))?;
        ensure!(self.links.get(link - 1).is_some_and(|link| link.closing), "link {link} is not closed");
        self.close(link - 1, Reason::Local)
    }

    pub(super) fn no_link_left(&self) -> Result<()> {
        for (number, link) in (1..).zip(&self.links) {
            ensure!(link.output.is_empty(), "link {number} also sent \"{}\"", link.output.escape_ascii());
            ensure!(!link.closing || link.closed, "link {number} was closed");
        }
        // One that is asked for in place of another need not be given.
        let count = |is: fn(&Link) -> bool| self.links.iter().filter(|link| is(link)).count();
        ensure!(count(|link| !link.opened) <= count(|link| link.closed), "more links are asked for");
        Ok(())
    }

    /// The links that have come further since the core heard of it last.
    pub(super) fn traffic(&mut self) -> Vec<Traffic> {
        let mut grown = Vec::new();
        for link in self.links.iter_mut().filter(|link| link.opened && !link.closed) {
            let (written, received) = (link.written, link.input_from + link.input.len() as u64);
            if std::mem::replace(&mut link.told, (written, received)) != (written, received) {
                grown.push(Traffic { link: link.id, written, received, held: false });
            }
        }
        grown
    }

    pub(super) fn effect(&mut self, effect: Effect) -> Result<()> {
        let bytes = match &effect {
            Effect::Open { link, endpoint } => {
                self.links.push(Link::new(*link, endpoint.clone()));
                return Ok(());
            }
            Effect::Close { link } => {
                self.by_id(*link)?.closing = true;
                return Ok(());
            }
            Effect::Send { start, end, .. } => self.core.effects().bytes(*start, *end).to_vec(),
            Effect::SendHeld { request, argument, .. } => self.held(*request, *argument)?,
            Effect::SendSecret { generation, password, .. } => self.secrets.write(*generation, *password)?,
        };
        let (Effect::Send { link, .. } | Effect::SendHeld { link, .. } | Effect::SendSecret { link, .. }) = effect
        else {
            bail!("no output")
        };
        self.by_id(link)?.write(&bytes);
        Ok(())
    }

    pub(super) fn input_of(&self, input: Option<usize>) -> Input<'_> {
        match input.and_then(|place| self.links.get(place)) {
            Some(link) => Input { from: link.input_from, bytes: &link.input },
            None => Input { from: 0, bytes: &[] },
        }
    }

    /// The link that is to be opened next, once the client asks for it. It is the chosen one from now on.
    fn asked(&mut self, number: usize, endpoint: Option<usize>) -> Result<&Link> {
        let before = self.links.iter().filter(|link| link.opened).count();
        ensure!(before == number - 1, "{before} links were opened before");
        self.wait(|host| host.links.len() >= number)?;
        ensure!(self.links.len() >= number, "link {number} is not opened");
        self.chosen = number - 1;
        let link = self.link()?;
        ensure!(!std::mem::replace(&mut link.opened, true), "opened twice");
        let wanted = endpoint.map(|number| Endpoint::Tcp(server(number), 6379));
        ensure!(wanted.is_none_or(|wanted| wanted == link.endpoint), "it leads to {}", link.endpoint);
        Ok(link)
    }

    fn link(&mut self) -> Result<&mut Link> {
        self.links.get_mut(self.chosen).context("no such link")
    }

    fn by_id(&mut self, id: u32) -> Result<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id).context("an effect on an unknown link")
    }

    fn close(&mut self, place: usize, reason: Reason) -> Result<()> {
        let link = &mut self.links[place];
        ensure!(!std::mem::replace(&mut link.closed, true), "closed twice");
        link.opened = true;
        link.tape = Tape::default();
        let (id, written) = (link.id, link.written);
        let now = self.tick();
        self.core.handle_closed(now, id, reason, written, "");
        self.done(None)
    }
}
