//! A client of a cluster that appends to the store: EVALSHA to the node that has the slot, ASKING and the same to the
//! other one where it says so. The hosts have no cluster routing yet.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use coracle_events::event::{Cursor, Event, Id};
use coracle_events::layout::{Layout, Segments};
use coracle_events::pieces::Commands;
use coracle_events::plan::append::{self, Append, Condition, Marker, Outcome as Said};
use coracle_events::plan::meta;
use coracle_events::query::{Item, Query};
use events::link::{Link, Replies};

use crate::run::proxy::Random;

use super::migration::State;
use super::stage::NAMESPACE;

/// Small, so that the log begins new keys on its way.
const SEGMENT: u64 = 60_000;
/// For a while it does not.
const ENDLESS: u64 = 1 << 40;
/// Before a command is sent again that the node could not do now.
const BREATH: Duration = Duration::from_millis(2);
/// How long a slot may take to be somewhere.
const BOUND: Duration = Duration::from_secs(60);

/// A client of the cluster.
pub struct Writer<'a> {
    links: [Link; 2],
    ports: [u16; 2],
    /// The node that has the slot, as far as is known.
    owner: usize,
    segments: Segments,
    layout: Layout,
    random: Random,
    /// Whether it uses markers.
    marks: bool,
    state: &'a State,
    /// Commands sent by ASKING, and those that no node could do.
    pub asked: u64,
    pub later: u64,
}

impl<'a> Writer<'a> {
    pub fn new(ports: [u16; 2], state: &'a State, number: u64) -> Result<Self> {
        let open = |port: u16| Link::open(&format!("redis://127.0.0.1:{port}"));
        let [one, other] = ports;
        Ok(Self {
            links: [open(one)?, open(other)?],
            ports,
            owner: 0,
            segments: Segments::default(),
            layout: Layout::new(NAMESPACE),
            random: Random(number + 1),
            // Their keys are new, so that they wait until all keys are where the slot is.
            marks: number.is_multiple_of(3),
            state,
            asked: 0,
            later: 0,
        })
    }

    /// Reads the head, and appends behind it what changes one of a few accounts, if nothing else has: with keys that
    /// are all there, and sometimes with a marker, whose key is new.
    pub fn append(&mut self) -> Result<Said> {
        let tag = format!("account:{}", self.random.draw() % 4);
        let after = self.head()?;
        let query = Query { items: vec![Item { types: vec!["Moved".to_owned()], tags: vec![tag.clone()] }] };
        let id = Id(u128::from(self.random.draw()) << 64 | u128::from(self.random.draw()));
        let marked = self.marks && self.random.draw().is_multiple_of(8);
        let event = Event { id, kind: "Moved".to_owned(), tags: vec![tag], data: 0, metadata: 0 };
        loop {
            let segments = self.segments.clone();
            let plan = append::plan(
                &self.layout,
                &segments,
                &Append {
                    events: std::slice::from_ref(&event),
                    blob: 0,
                    condition: Some(&Condition { query: query.clone(), after }),
                    marker: marked.then_some(Marker { id, fingerprint: id.0, ttl: 60_000 }),
                    command: None,
                    locks: &[],
                    budget: 10_000,
                    segment_bytes: if self.state.whole.load(Relaxed) { ENDLESS } else { SEGMENT },
                },
            );
            let blobs = [Vec::new(), Vec::new()];
            let moving = self.state.moving.load(Relaxed);
            let (replies, asked) = self.send(&plan, &blobs)?;
            match append::read(&mut replies.reply()).map_err(|fault| anyhow!("{fault:?}"))? {
                Said::Stale => self.refresh()?,
                Said::Appended(appended) => {
                    if moving && self.state.moving.load(Relaxed) {
                        let side = if asked { &self.state.there } else { &self.state.here };
                        side.fetch_add(1, Relaxed);
                    }
                    return Ok(Said::Appended(appended));
                }
                other => return Ok(other),
            }
        }
    }

    fn head(&mut self) -> Result<Cursor> {
        let (replies, _) = self.send(&meta::plan(&self.layout), &[])?;
        let meta = meta::read(&self.layout, &mut replies.reply()).map_err(|fault| anyhow!("{fault:?}"))?;
        self.segments = meta.segments;
        Ok(meta.head)
    }

    fn refresh(&mut self) -> Result<()> {
        self.head().map(|_| ())
    }

    /// Sends it where it belongs, and says whether that was by ASKING.
    fn send(&mut self, commands: &Commands, blobs: &[Vec<u8>]) -> Result<(Replies, bool)> {
        let deadline = Instant::now() + BOUND;
        let (mut at, mut asking) = (self.owner, false);
        loop {
            let link = self.links.get_mut(at).context("no such node")?;
            if asking {
                link.query(&["ASKING"])?;
            }
            let replies = link.send(commands, blobs)?;
            let Some(error) = error(&replies) else { return Ok((replies, asking)) };
            match error.split(' ').next() {
                Some("ASK") => {
                    (at, asking) = (self.node(&error)?, true);
                    self.asked += 1;
                }
                Some("MOVED") => {
                    self.owner = self.node(&error)?;
                    (at, asking) = (self.owner, false);
                }
                Some("TRYAGAIN" | "CLUSTERDOWN") if Instant::now() < deadline => {
                    self.later += 1;
                    thread::sleep(BREATH);
                    (at, asking) = (self.owner, false);
                }
                _ => bail!("a node said {error}"),
            }
        }
    }

    fn node(&self, error: &str) -> Result<usize> {
        let port = error.rsplit(':').next().and_then(|port| port.trim().parse::<u16>().ok());
        self.ports.iter().position(|own| Some(*own) == port).with_context(|| format!("no node for {error}"))
    }
}

/// The error that the first reply is.
fn error(replies: &Replies) -> Option<String> {
    let (nodes, texts) = replies.columns();
    let [kind, at] = nodes.first_chunk::<2>()?;
    let length = usize::try_from(kind >> 16).ok()?;
    let at = usize::try_from(*at).ok()?;
    (kind & 0xff == 6).then(|| String::from_utf8_lossy(texts.get(at..at + length).unwrap_or_default()).into_owned())
}
