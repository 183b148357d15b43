//! The model network: two pipes a connection, which delay, split, stall and break.

use coracle_core::wire::NEVER;

use crate::plan::MILLISECOND;
use crate::random::Random;
use crate::tape::Tape;

/// Bytes under way in one direction.
#[derive(Debug, Default)]
pub struct Pipe {
    pub bytes: Vec<u8>,
    /// A delivery is due.
    pub scheduled: bool,
    /// Bytes put into it.
    pub taken: u64,
    /// Bytes delivered.
    pub carried: u64,
    /// The connection breaks when so many are delivered.
    pub cut_at: Option<u64>,
    /// Nothing is delivered before.
    pub stalled_until: u64,
}

/// Where a connection is in its life, as the host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Dialing,
    Open,
    /// It broke, and the host has yet to notice.
    Broken,
    /// The core asked to close it, and has yet to be told that it is.
    Closing,
    Gone,
}

/// A connection: the host's end of it and what is between. The server's end is its session.
#[derive(Debug)]
pub struct Conn {
    pub link: u32,
    /// Where it leads.
    pub endpoint: usize,
    pub phase: Phase,
    /// Noted by the core, and not yet taken by the socket.
    pub output: Vec<u8>,
    /// Bytes of output in all.
    pub appended: u64,
    /// Bytes that the socket took.
    pub written: u64,
    pub flushing: bool,
    pub up: Pipe,
    pub down: Pipe,
    /// Half-open: nothing passes.
    pub frozen: bool,
    /// What arrived at the client and the core may still point into.
    pub input: Vec<u8>,
    pub input_from: u64,
    pub pass: u64,
    pub tape: Tape,
    /// Once so much was fed, the core must have closed it.
    pub lie_ends_at: Option<u64>,
    /// Since when nothing passes.
    pub frozen_at: u64,
    /// When anything but a PING was last written to it.
    pub asked_at: u64,
    /// When the core last heard of bytes that moved, and how many it knows of.
    pub heard_at: u64,
    pub told: (u64, u64),
    /// A PING was sent to see whether the peer lives, behind so many bytes.
    pub probed: Option<u64>,
    /// When the core closed it.
    pub closed_at: u64,
    /// Requests in flight on it, and their bytes.
    pub load: (usize, u64),
    pub random: Random,
}

impl Conn {
    /// A connection that is being made; it breaks by itself, if it is fragile.
    pub fn new(link: u32, endpoint: usize, mut random: Random, fragile: bool) -> Self {
        let mut cut = |chance| random.chance(chance).then(|| random.below(600));
        let (up, down) = if fragile { (cut(60), cut(60)) } else { (None, None) };
        Self {
            link,
            endpoint,
            phase: Phase::Dialing,
            output: Vec::new(),
            appended: 0,
            written: 0,
            flushing: false,
            up: Pipe { cut_at: up, ..Pipe::default() },
            down: Pipe { cut_at: down, ..Pipe::default() },
            frozen: false,
            input: Vec::new(),
            input_from: 0,
            pass: 0,
            tape: Tape::default(),
            lie_ends_at: None,
            frozen_at: NEVER,
            asked_at: 0,
            heard_at: 0,
            told: (0, 0),
            probed: None,
            closed_at: NEVER,
            load: (0, 0),
            random,
        }
    }

    /// The socket takes what it has room for. Gives whether it took anything.
    pub fn take_output(&mut self, window: usize, splits: u64) -> bool {
        let room = match self.phase {
            Phase::Open => window.saturating_sub(self.up.bytes.len()),
            // Nobody reads any more, but the socket does not know.
            Phase::Broken => window,
            _ => 0,
        };
        let mut count = self.output.len().min(room);
        if count > 1 && self.random.chance(splits) {
            count = self.random.between(1, count as u64) as usize;
        }
        let taken = self.output.drain(..count);
        if self.phase == Phase::Open {
            self.up.bytes.extend(taken);
            self.up.taken += count as u64;
        }
        self.written += count as u64;
        count > 0
    }

    /// The core notes output.
    pub fn append(&mut self, bytes: &[u8], now: u64) {
        if bytes == b"*1\r\n$4\r\nPING\r\n" {
            self.probed = Some(self.appended);
        } else {
            self.asked_at = now;
        }
        self.output.extend_from_slice(bytes);
        self.appended += bytes.len() as u64;
    }

    /// The core hears of bytes that moved.
    pub fn hear(&mut self, now: u64) {
        (self.heard_at, self.probed) = (now, None);
    }

    /// How long a delivery takes.
    pub fn delay(&mut self, latency: u64) -> u64 {
        latency / 2 + self.random.below(latency)
    }

    /// How long until the host notices that it closed.
    pub fn notice_delay(&mut self) -> u64 {
        self.random.below(3 * MILLISECOND)
    }
}

impl Pipe {
    /// Puts bytes in.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.taken += bytes.len() as u64;
    }

    /// What is delivered now, and whether the connection breaks behind it.
    pub fn deliver(&mut self, random: &mut Random, splits: u64) -> (Vec<u8>, bool) {
        let mut count = self.bytes.len();
        if count > 1 && random.chance(splits) {
            count = random.between(1, count as u64) as usize;
        }
        let mut breaks = false;
        if let Some(cut_at) = self.cut_at
            && self.carried + count as u64 >= cut_at
        {
            count = cut_at.saturating_sub(self.carried) as usize;
            breaks = true;
        }
        self.carried += count as u64;
        let delivered = if count == self.bytes.len() {
            std::mem::take(&mut self.bytes)
        } else {
            self.bytes.drain(..count).collect()
        };
        (delivered, breaks)
    }
}
