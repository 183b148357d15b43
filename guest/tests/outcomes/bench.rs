//! A core on the bench: calls in, what they did out.

use coracle_core::Core;
use coracle_core::client::{Reason, Traffic};
use coracle_core::config::{Credentials, Endpoint, Limits, Settings, Tracking};
use coracle_core::effects::Effect;
use coracle_core::output::Progress;
use coracle_core::pubsub::Kind;
use coracle_core::wire::{Cause, ClientState, EventKind, Failure, HELD, NEVER, NodeKind};

/// A row of `submit` with its arguments.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: u64,
    pub deadline: u64,
    pub args: Vec<Vec<u8>>,
    /// Instead of how many `args` are.
    pub arguments: Option<u32>,
    pub options: u32,
    pub total: u32,
    pub session: u32,
}

impl Row {
    pub fn command(id: u64, args: &[&str]) -> Self {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        Self { id, deadline: NEVER, total: args.len() as u32, args, arguments: None, options: 0, session: 0 }
    }
}

pub struct Bench {
    core: Core,
    now: u64,
    outputs: Vec<Vec<u8>>,
    held: Vec<(u64, u32, u32)>,
    opening: Vec<u32>,
    closing: Vec<u32>,
    logs: Vec<String>,
    progress: Progress,
}

impl Bench {
    /// Link 1 is being opened.
    pub fn new(limits: Limits) -> Self {
        Self::with(limits, |_| {})
    }

    /// The same, with settings of the test's.
    pub fn with(limits: Limits, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            seed: 7,
            endpoints: vec![Endpoint::Tcp("server".into(), 6379)],
            database: 0,
            name: String::new(),
            library_name: String::new(),
            library_version: String::new(),
            resp2: false,
            connect_timeout: 5_000_000,
            quiet_after: NEVER,
            idle_timeout: NEVER,
            primary: false,
            tracking: Tracking::Off,
            limits,
        };
        change(&mut settings);
        let core = Core::new(0, settings).unwrap();
        let (outputs, held, opening, closing) = (vec![], vec![], vec![], vec![]);
        let mut bench =
            Self { core, now: 0, outputs, held, opening, closing, logs: vec![], progress: Progress::default() };
        bench.done();
        bench
    }

    pub fn ready() -> Self {
        Self::ready_with(Limits::default())
    }

    /// Link 1 is ready.
    pub fn ready_with(limits: Limits) -> Self {
        let mut bench = Self::new(limits);
        bench.greet(1);
        bench
    }

    pub fn greet(&mut self, link: u32) {
        self.opened(link);
        self.received(link, b"%0\r\n");
    }

    pub fn opened(&mut self, link: u32) {
        self.call(|core, now| core.handle_opened(now, link, None));
    }

    pub fn received(&mut self, link: u32, bytes: &[u8]) {
        self.received_after(link, 0, bytes);
    }

    pub fn received_after(&mut self, link: u32, skipped: u64, bytes: &[u8]) {
        self.call(|core, now| core.handle_received(now, link, skipped, bytes));
    }

    pub fn closed(&mut self, link: u32, reason: Reason, written: u64) {
        self.closed_with(link, reason, written, "");
    }

    pub fn closed_with(&mut self, link: u32, reason: Reason, written: u64, detail: &str) {
        self.call(|core, now| core.handle_closed(now, link, reason, written, detail));
    }

    pub fn elapse(&mut self, now: u64) {
        self.now = now - 1;
        self.call(|core, now| core.handle_elapsed(now, &[]));
    }

    pub fn pass(&mut self, time: u64) {
        self.now += time;
    }

    pub fn drain(&mut self, deadline: u64) {
        self.call(|core, now| core.handle_drain(now, deadline));
    }

    pub fn lease(&mut self, session: u32, deadline: u64) {
        self.call(|core, now| core.lease(now, session, deadline));
    }

    pub fn release(&mut self, session: u32) {
        self.call(|core, now| core.release(now, session));
    }

    pub fn renew(&mut self, generation: u32) {
        let credentials = Credentials { generation, username: 0, password: 3 };
        self.call(|core, now| core.handle_renew(now, credentials));
    }

    pub fn moved(&mut self, link: u32, written: u64, received: u64) {
        self.call(|core, now| core.handle_elapsed(now, &[Traffic { link, written, received, held: false }]));
    }

    /// The host does not read this link.
    pub fn hold(&mut self, link: u32) {
        let held = Traffic { link, written: 0, received: 0, held: true };
        self.call(|core, now| core.handle_elapsed(now, &[held]));
    }

    pub fn cancel(&mut self, ids: &[u64]) {
        self.call(|core, now| core.cancel(now, ids));
    }

    pub fn subscribe(&mut self, id: u64, lengths: &[u32], names: &[u8]) {
        self.call(|core, now| core.subscribe(now, id, Kind::Channel, false, lengths, names));
    }

    /// To what has no names.
    pub fn subscribe_to(&mut self, kind: Kind, id: u64) {
        self.subscribe_to_names(kind, id, &[], &[]);
    }

    pub fn subscribe_to_names(&mut self, kind: Kind, id: u64, lengths: &[u32], names: &[u8]) {
        self.call(|core, now| core.subscribe(now, id, kind, false, lengths, names));
    }

    /// With a link of its own.
    pub fn subscribe_alone(&mut self, kind: Kind, id: u64, lengths: &[u32], names: &[u8]) {
        self.call(|core, now| core.subscribe(now, id, kind, true, lengths, names));
    }

    pub fn unsubscribe(&mut self, id: u64) {
        self.call(|core, now| core.unsubscribe(now, id));
    }

    pub fn submit(&mut self, rows: &[Row]) {
        self.submit_raw(rows, None, None);
    }

    /// Other lengths or bytes than the rows have.
    pub fn submit_raw(&mut self, rows: &[Row], lengths: Option<Vec<u32>>, bytes: Option<Vec<u8>>) {
        let words: Vec<u64> = rows
            .iter()
            .flat_map(|row| {
                let arguments =
                    u64::from(row.arguments.unwrap_or(row.args.len() as u32)) | u64::from(row.session) << 32;
                [row.id, row.deadline, arguments, u64::from(row.options) | u64::from(row.total) << 32]
            })
            .collect();
        let args: Vec<Vec<u8>> = rows.iter().flat_map(|row| row.args.clone()).collect();
        let lengths = lengths.unwrap_or_else(|| args.iter().map(|arg| arg.len() as u32).collect());
        let bytes = bytes.unwrap_or_else(|| args.concat());
        self.call(|core, now| core.submit(now, &words, &lengths, &bytes));
    }

    /// Rows in words, with their columns.
    pub fn submit_words(&mut self, words: &[u64], lengths: &[u32], bytes: &[u8]) {
        self.call(|core, now| core.submit(now, words, lengths, bytes));
    }

    /// The last row of a request, of these lengths.
    pub fn submit_held(&mut self, id: u64, total: u64, lengths: &[u32], bytes: &[u8]) {
        let words = [id, NEVER, lengths.len() as u64, total << 32];
        self.call(|core, now| core.submit(now, &words, lengths, bytes));
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn wake_at(&self) -> u64 {
        self.progress.wake_at
    }

    pub fn accepted(&self) -> u32 {
        self.progress.accepted
    }

    /// Bytes of output of a link, up to now.
    pub fn written(&self, link: u32) -> u64 {
        let held: u32 = self.held.iter().map(|(.., length)| length - 3).sum();
        self.output(link).len() as u64 + u64::from(held)
    }

    /// A link's output; a held argument shows as its place in `<>`.
    pub fn output(&self, link: u32) -> &[u8] {
        &self.outputs[link as usize - 1]
    }

    /// Held arguments sent: request, place, length as its frame says.
    pub fn held(&self) -> Vec<(u64, u32, u32)> {
        self.held.clone()
    }

    pub fn opening(&self) -> Vec<u32> {
        self.opening.clone()
    }

    pub fn closing(&self) -> Vec<u32> {
        self.closing.clone()
    }

    pub fn ids(&self, kind: EventKind) -> Vec<u64> {
        self.rows(kind).map(|(_, id)| id).collect()
    }

    pub fn details(&self, kind: EventKind) -> Vec<u32> {
        self.rows(kind).map(|(detail, _)| detail).collect()
    }

    pub fn count(&self, kind: EventKind) -> usize {
        self.rows(kind).count()
    }

    /// Sessions that were answered: whether they have their link.
    pub fn leased(&self) -> Vec<(u64, bool)> {
        self.rows(EventKind::Leased).map(|(detail, id)| (id, detail == 0)).collect()
    }

    /// Requests that were answered: whether the reply may be stored.
    pub fn storable(&self) -> Vec<(u64, bool)> {
        self.rows(EventKind::Reply).map(|(detail, id)| (id, detail & 1 == 1)).collect()
    }

    /// What happened, in order.
    pub fn kinds(&self) -> Vec<EventKind> {
        let kind = |row: &[u64; 3]| EventKind::ALL.into_iter().find(|kind| *kind as u8 == row[0] as u8).unwrap();
        self.progress.events.as_chunks::<3>().0.iter().map(kind).collect()
    }

    /// The kinds of the nodes of the last row of this kind.
    pub fn nodes_of(&self, kind: EventKind) -> Vec<u8> {
        let mut rows = self.progress.events.as_chunks::<3>().0.iter().rev();
        let row = rows.find(|row| row[0] as u8 == kind as u8).unwrap();
        self.nodes(row).map(|node| node[0] as u8).collect()
    }

    /// How many nodes the last call gave, those of all rows.
    pub fn all_nodes(&self) -> usize {
        self.progress.nodes.len() / 2
    }

    /// Ranges of input that this request was given, and where there are any, that they stand last in their rows.
    pub fn raw_of(&self, id: u64) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        for row in self.progress.events.as_chunks::<3>().0.iter().filter(|row| row[1] == id) {
            let is_raw = |node: &&[u64; 2]| node[0] as u8 == NodeKind::Raw as u8;
            assert_eq!(self.nodes(row).filter(is_raw).count(), self.nodes(row).last().filter(is_raw).iter().count());
            ranges.extend(self.nodes(row).filter(is_raw).map(|node| (node[1], node[0] >> 16)));
        }
        ranges
    }

    /// Lines that the last call wrote to the log.
    pub fn logs(&self) -> &[String] {
        &self.logs
    }

    pub fn keep_from(&self) -> u64 {
        self.progress.keep_from
    }

    pub fn pass_by(&self) -> u64 {
        self.progress.pass
    }

    fn nodes(&self, row: &[u64; 3]) -> impl Iterator<Item = &[u64; 2]> {
        let (first, count) = (row[2] as u32 as usize, (row[2] >> 32) as usize);
        self.progress.nodes.as_chunks::<2>().0[first..first + count].iter()
    }

    /// Requests asked for again: whether they may have been executed.
    pub fn resubmits(&self) -> Vec<(u64, bool)> {
        self.rows(EventKind::Resubmit).map(|(detail, id)| (id, detail & 1 == 1)).collect()
    }

    pub fn failed(&self) -> Vec<(u64, Failure, Cause)> {
        let failures = [Failure::NotSent, Failure::MaybeExecuted, Failure::Refused, Failure::Limit, Failure::Misuse];
        let rows = self.rows(EventKind::Failed);
        rows.map(|(detail, id)| (id, failures[detail as usize & 0xff], cause(detail >> 8))).collect()
    }

    pub fn states(&self) -> Vec<(ClientState, Cause)> {
        let states =
            [ClientState::Connecting, ClientState::Ready, ClientState::Down, ClientState::Denied, ClientState::Closed];
        self.rows(EventKind::State).map(|(detail, _)| (states[detail as usize & 0xff], cause(detail >> 8))).collect()
    }

    /// The last call's texts.
    pub fn text(&self) -> String {
        String::from_utf8(self.progress.texts.clone()).unwrap()
    }

    fn rows(&self, kind: EventKind) -> impl Iterator<Item = (u32, u64)> {
        let rows = self.progress.events.as_chunks::<3>().0.iter();
        rows.filter(move |row| row[0] as u8 == kind as u8).map(|row| ((row[0] >> 8) as u32 & 0xff_ffff, row[1]))
    }

    fn call(&mut self, call: impl FnOnce(&mut Core, u64)) {
        self.now += 1;
        call(&mut self.core, self.now);
        self.done();
    }

    fn done(&mut self) {
        self.opening.clear();
        self.closing.clear();
        self.logs = self.core.effects().logs().iter().map(|(_, text)| text.clone()).collect();
        for effect in self.core.effects().list() {
            match effect {
                Effect::Open { link, .. } => {
                    self.opening.push(*link);
                    self.outputs.push(Vec::new());
                }
                Effect::Send { link, start, end } => {
                    let bytes = self.core.effects().bytes(*start, *end);
                    self.outputs[*link as usize - 1].extend_from_slice(bytes);
                }
                Effect::SendHeld { link, request, argument } => {
                    let output = &mut self.outputs[*link as usize - 1];
                    self.held.push((*request, *argument, framed_length(output)));
                    output.extend(format!("<{argument}>").bytes());
                }
                Effect::SendSecret { .. } => {}
                Effect::Close { link } => self.closing.push(*link),
            }
        }
        self.progress = self.core.progress();
    }
}

/// The length in the frame that the output ends with.
fn framed_length(output: &[u8]) -> u32 {
    let text = std::str::from_utf8(output).unwrap().trim_end();
    let length: u32 = text.rsplit('$').next().unwrap().parse().unwrap();
    assert_eq!(length & HELD, 0);
    length
}

fn cause(number: u32) -> Cause {
    Cause::ALL[number as usize]
}
