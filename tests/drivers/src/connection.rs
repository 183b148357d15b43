//! One connection: how much it takes and gives, where it stalls, how it breaks.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::task::Waker;

use crate::script::{Faults, How, Profile};
use crate::server::{Server, Session};

#[derive(Debug, Default)]
pub struct Connection {
    profile: Profile,
    pub faults: Faults,
    pub session: Session,
    /// By the client.
    pub closed: bool,
    broken: Option<How>,
    /// Bytes from the client, and to it.
    pub taken: u64,
    pub given: u64,
    /// How many writes and reads there were.
    writes: usize,
    reads: usize,
    /// Bytes of the server's output that were given.
    sent: usize,
    stalled_in: bool,
    stalled_out: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What came of an offer.
#[derive(Clone, Copy, Debug)]
pub enum Taken {
    Bytes(usize),
    /// Nothing for the moment: ask again at once.
    Again,
    /// Nothing until something happens.
    Wait,
    Error(ErrorKind),
}

/// What there was to read.
#[derive(Debug)]
pub enum Given {
    /// None at the end.
    Bytes(Vec<u8>),
    Again,
    Wait,
    Error(ErrorKind),
}

type Counts = BTreeMap<&'static str, u64>;

impl Connection {
    pub fn new(profile: Profile) -> Self {
        Self { faults: profile.faults, profile, ..Self::default() }
    }

    pub fn take(&mut self, server: &mut Server, offered: &[&[u8]], counts: &mut Counts) -> Taken {
        let whole = offered.iter().map(|part| part.len()).sum();
        match self.broken {
            Some(How::Reset) => return Taken::Error(ErrorKind::ConnectionReset),
            Some(How::Deaf) => return Taken::Error(ErrorKind::BrokenPipe),
            Some(How::Lost) => return Taken::Bytes(whole),
            None => {}
        }
        let mut count = whole;
        if let Some(left) = left(self.faults.stall_in, self.taken) {
            if left == 0 {
                count_once(&mut self.stalled_in, counts, "stall of writes");
                return Taken::Wait;
            }
            count = count.min(left);
        }
        if let Some(most) = turn(&self.profile.writes, &mut self.writes) {
            if most == 0 {
                *counts.entry("write of nothing").or_default() += 1;
                return Taken::Again;
            }
            count = count.min(most);
        }
        count = count.min(left(self.faults.cut_in, self.taken).unwrap_or(count));
        if count < whole {
            *counts.entry("short write").or_default() += 1;
        }
        let mut rest = count;
        for part in offered {
            let part = &part[..part.len().min(rest)];
            rest -= part.len();
            self.session.receive(server, part);
        }
        self.taken += count as u64;
        self.wake();
        Taken::Bytes(count)
    }

    pub fn give(&mut self, room: usize, counts: &mut Counts) -> Given {
        if self.broken == Some(How::Reset) {
            return Given::Error(ErrorKind::ConnectionReset);
        }
        let waiting = self.session.output.len() - self.sent;
        if waiting == 0 {
            return if self.broken.is_some() { Given::Bytes(Vec::new()) } else { Given::Wait };
        }
        let mut count = waiting.min(room);
        if let Some(left) = left(self.faults.stall_out, self.given) {
            if left == 0 {
                count_once(&mut self.stalled_out, counts, "stall of reads");
                return Given::Wait;
            }
            count = count.min(left);
        }
        if let Some(most) = turn(&self.profile.reads, &mut self.reads) {
            if most == 0 {
                return Given::Again;
            }
            count = count.min(most);
        }
        count = count.min(left(self.faults.cut_out, self.given).unwrap_or(count));
        if count < waiting {
            *counts.entry("short read").or_default() += 1;
        }
        let bytes = self.session.output[self.sent..self.sent + count].to_vec();
        self.sent += count;
        self.given += count as u64;
        if self.sent == self.session.output.len() {
            self.session.output.clear();
            self.sent = 0;
        }
        Given::Bytes(bytes)
    }

    /// The client closed its end.
    pub fn close(&mut self) {
        self.closed = true;
        self.session.channels.clear();
        self.release();
    }

    pub fn cut(&mut self) {
        let how = self.faults.how;
        self.broken = Some(how);
        self.session.channels.clear();
        if how == How::Reset || left(self.faults.cut_out, self.given) == Some(0) {
            self.session.output.clear();
            self.sent = 0;
        }
        self.faults.stall_in = None;
        self.release();
    }

    pub fn is_open(&self) -> bool {
        !self.closed && self.broken.is_none()
    }

    pub fn is_at_cut(&self) -> bool {
        let at = |cut, now| left(cut, now) == Some(0);
        self.is_open() && (at(self.faults.cut_in, self.taken) || at(self.faults.cut_out, self.given))
    }

    pub fn is_stalled(&self) -> bool {
        !self.closed && (self.stalled_in || self.stalled_out)
    }

    /// The client has all that there is to read, and came for more.
    pub fn is_drained(&self) -> bool {
        !self.is_open() || self.session.output.is_empty() && self.reader.is_some()
    }

    pub fn arm(&mut self, faults: &Faults) {
        if self.is_open() {
            let later = |at: Option<u64>, now| at.map(|at| at + now);
            self.faults = Faults {
                stall_in: later(faults.stall_in, self.taken),
                stall_out: later(faults.stall_out, self.given),
                cut_in: later(faults.cut_in, self.taken),
                cut_out: later(faults.cut_out, self.given),
                how: faults.how,
            };
            (self.stalled_in, self.stalled_out) = (false, false);
            self.wake();
        }
    }

    pub fn release(&mut self) {
        if std::mem::take(&mut self.stalled_in) {
            self.faults.stall_in = None;
        }
        if std::mem::take(&mut self.stalled_out) {
            self.faults.stall_out = None;
        }
        self.wake();
    }

    pub fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }

    pub fn reads_later(&mut self, waker: &Waker) {
        self.reader = Some(waker.clone());
    }

    pub fn writes_later(&mut self, waker: &Waker) {
        self.writer = Some(waker.clone());
    }
}

/// How far it is to there.
fn left(to: Option<u64>, from: u64) -> Option<usize> {
    to.map(|to| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX))
}

/// What this turn allows.
fn turn(of: &[usize], count: &mut usize) -> Option<usize> {
    if of.is_empty() {
        return None;
    }
    *count += 1;
    Some(of[(*count - 1) % of.len()])
}

fn count_once(already: &mut bool, counts: &mut Counts, fault: &'static str) {
    if !std::mem::replace(already, true) {
        *counts.entry(fault).or_default() += 1;
    }
}
