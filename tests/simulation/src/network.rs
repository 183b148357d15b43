//! What connections do in the course of a run.

use coracle_core::client::Reason;
use coracle_core::config::Credentials;

use crate::net::Phase;
use crate::server::password;
use crate::session::Session;
use crate::world::{Check, Event, World, note};

impl World {
    /// A connection is made, or not.
    pub fn dial(&mut self, at: usize) -> Check {
        if self.conns[at].phase != Phase::Dialing || self.server.modes.hanging {
            return Ok(());
        }
        let link = self.conns[at].link;
        if self.server.modes.down || self.server.modes.refusing {
            self.conns[at].phase = Phase::Gone;
            note!(self, "link {link} is refused");
            return self.call(None, |core, now| core.handle_closed(now, link, Reason::Refused, 0, "nobody listens"));
        }
        self.conns[at].phase = Phase::Open;
        self.server.sessions[at] = Session::new(at, self.conns[at].endpoint);
        note!(self, "link {link} is open");
        let credentials = self.plan.shape.password.then(|| self.credentials());
        self.call(None, |core, now| core.handle_opened(now, link, credentials))
    }

    /// What the host knows now.
    pub fn credentials(&self) -> Credentials {
        let password = password(self.host.generation).len() as u32;
        Credentials { generation: self.host.generation, username: 0, password }
    }

    /// The host's writer.
    pub fn flush(&mut self, at: usize) -> Check {
        let (window, splits) = (self.plan.shape.window, self.plan.shape.splits);
        let conn = &mut self.conns[at];
        conn.flushing = false;
        let took = conn.take_output(window, splits);
        self.schedule_up(at);
        if took && !self.conns[at].output.is_empty() {
            self.schedule_flush(at);
        }
        Ok(())
    }

    /// Bytes come to the server.
    pub fn deliver_up(&mut self, at: usize) -> Check {
        let splits = self.plan.shape.splits;
        let conn = &mut self.conns[at];
        conn.up.scheduled = false;
        if conn.frozen || !self.server.sessions[at].open {
            return Ok(());
        }
        if conn.up.stalled_until > self.now {
            conn.up.scheduled = true;
            let until = conn.up.stalled_until;
            self.at(until, Event::Up(at));
            return Ok(());
        }
        let (bytes, breaks) = conn.up.deliver(&mut conn.random, splits);
        note!(self, "link {} → \"{}\"", self.conns[at].link, bytes.escape_ascii());
        self.server.receive(at, &bytes)?;
        self.collect_replies(at);
        self.note_blocked();
        if breaks {
            self.conns[at].up.bytes.clear();
            if self.conns[at].phase != Phase::Open {
                self.end_session(at);
            }
            return self.break_conn(at);
        }
        self.schedule_up(at);
        if !self.conns[at].output.is_empty() {
            self.schedule_flush(at);
        }
        // The host closed it: the server reads what was sent, and then sees the end.
        if !matches!(self.conns[at].phase, Phase::Open) && self.conns[at].up.bytes.is_empty() {
            self.end_session(at);
        }
        Ok(())
    }

    /// Bytes come to the client.
    pub fn deliver_down(&mut self, at: usize) -> Check {
        let splits = self.plan.shape.splits;
        let conn = &mut self.conns[at];
        conn.down.scheduled = false;
        if conn.frozen || conn.phase != Phase::Open {
            return Ok(());
        }
        if conn.down.stalled_until > self.now {
            conn.down.scheduled = true;
            let until = conn.down.stalled_until;
            self.at(until, Event::Down(at));
            return Ok(());
        }
        let (bytes, breaks) = conn.down.deliver(&mut conn.random, splits);
        self.feed(at, &bytes)?;
        if breaks {
            self.conns[at].down.bytes.clear();
            return self.break_conn(at);
        }
        self.schedule_down(at);
        Ok(())
    }

    /// What the server answered gets under way.
    pub fn collect_replies(&mut self, at: usize) {
        let output = std::mem::take(&mut self.server.sessions[at].output);
        if self.conns[at].phase == Phase::Open {
            self.conns[at].down.put(&output);
            self.schedule_down(at);
        }
    }

    /// A connection breaks: each side keeps what it has, and perhaps gets what was under way.
    pub fn break_conn(&mut self, at: usize) -> Check {
        let conn = &mut self.conns[at];
        if conn.phase != Phase::Open {
            return Ok(());
        }
        conn.phase = Phase::Broken;
        let (read, keep) = (conn.random.chance(50), conn.random.chance(50));
        let up = std::mem::take(&mut conn.up.bytes);
        if !keep {
            conn.down.bytes.clear();
        }
        let delay = conn.notice_delay();
        note!(self, "link {} breaks", self.conns[at].link);
        if read && !self.conns[at].frozen {
            note!(self, "its last → \"{}\"", up.escape_ascii());
            self.server.receive(at, &up)?;
            self.note_blocked();
        }
        self.end_session(at);
        self.after(delay, Event::Hangup(at));
        Ok(())
    }

    /// The host notices that a connection is no more.
    pub fn hang_up(&mut self, at: usize) -> Check {
        if self.conns[at].phase == Phase::Broken {
            let rest = std::mem::take(&mut self.conns[at].down.bytes);
            self.feed(at, &rest)?;
        }
        let conn = &mut self.conns[at];
        let reason = match conn.phase {
            Phase::Broken => Reason::Lost,
            Phase::Closing => Reason::Local,
            _ => return Ok(()),
        };
        conn.phase = Phase::Gone;
        conn.tape.clear();
        let (link, written) = (conn.link, conn.written);
        if written > conn.appended {
            return Err("the model wrote more than the core noted".into());
        }
        note!(self, "link {link} is closed, {reason:?}, {written} of {} bytes written", self.conns[at].appended);
        self.host.silence = false;
        self.call(None, |core, now| core.handle_closed(now, link, reason, written, ""))?;
        self.check_silence(at)
    }

    /// The server's side of it is over.
    pub fn end_session(&mut self, at: usize) {
        let session = &mut self.server.sessions[at];
        session.open = false;
        session.blocked = None;
        session.subscribed.clear();
        session.output.clear();
    }

    /// The host lets go of a connection: what was written may still come to the server.
    pub fn let_go(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        conn.output.clear();
        if conn.phase != Phase::Open || conn.frozen || conn.up.bytes.is_empty() || conn.random.chance(30) {
            conn.up.bytes.clear();
            self.end_session(at);
        }
    }

    /// Output waits for the writer.
    pub fn schedule_flush(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        if !conn.flushing && !conn.output.is_empty() {
            conn.flushing = true;
            let delay = conn.random.below(60);
            self.after(delay, Event::Flush(at));
        }
    }

    fn schedule_up(&mut self, at: usize) {
        let latency = self.plan.shape.latency;
        let conn = &mut self.conns[at];
        if !conn.up.scheduled && !conn.up.bytes.is_empty() {
            conn.up.scheduled = true;
            let delay = conn.delay(latency);
            self.after(delay, Event::Up(at));
        }
    }

    fn schedule_down(&mut self, at: usize) {
        let latency = self.plan.shape.latency;
        let conn = &mut self.conns[at];
        if !conn.down.scheduled && !conn.down.bytes.is_empty() {
            conn.down.scheduled = true;
            let delay = conn.delay(latency);
            self.after(delay, Event::Down(at));
        }
    }
}
