//! What the plan says, done.

use coracle_core::wire::{Cause, NEVER};

use crate::asks::tag;
use crate::net::Phase;
use crate::plan::{Ask, CHANNELS, Fault, MILLISECOND, Step, Tenancy};
use crate::requests;
use crate::value::Value;
use crate::world::{Check, Event, Mode, World, note};

impl World {
    /// One step of the plan.
    pub fn step(&mut self, at: usize) -> Check {
        match std::mem::replace(&mut self.plan.steps[at].1, Step::Wake) {
            Step::Call(ask) => self.ask(ask),
            Step::Cancel(id) => {
                let phase = self.host.requests.get(id as usize).map(|request| request.phase);
                if matches!(phase, Some(requests::Phase::Waiting | requests::Phase::Taken)) {
                    return self.give_up(id, Cause::Cancelled);
                }
            }
            Step::Lease(tenancy) => return self.begin_tenancy(tenancy),
            Step::Release(session) => return self.release(session),
            Step::Subscribe { id, kind, own_link, names } => return self.subscribe(id, kind, own_link, &names),
            Step::Unsubscribe(id) => return self.unsubscribe(id),
            Step::Publish { channel, shard } => self.publish(&channel, shard),
            Step::Push(list) => return self.push_element(&list),
            Step::Renew(forget) => return self.renew(forget),
            Step::Wake => return self.elapse(),
            Step::Drain(patience) => return self.drain(patience),
            Step::Fault(fault) => return self.fault(fault),
        }
        Ok(())
    }

    /// Faults are over.
    pub fn calm_down(&mut self) -> Check {
        note!(self, "faults are over");
        self.calm = true;
        self.host.doomed = false;
        // A network that takes longer for what is queued than recovery may take is no fault of the core.
        let shape = &mut self.plan.shape;
        (shape.latency, shape.window) = (shape.latency.min(2000), shape.window.max(300));
        for mode in [Mode::Down, Mode::Refusing, Mode::Hanging, Mode::Loading, Mode::Readonly, Mode::Denying] {
            self.heal(mode);
        }
        for at in 0..self.conns.len() {
            let conn = &mut self.conns[at];
            (conn.up.cut_at, conn.down.cut_at) = (None, None);
            if conn.frozen {
                self.break_conn(at)?;
            }
        }
        Ok(())
    }

    /// A mode of the server is over.
    pub fn heal(&mut self, mode: Mode) {
        let modes = &mut self.server.modes;
        match mode {
            Mode::Down => modes.down = false,
            Mode::Refusing => modes.refusing = false,
            Mode::Hanging => modes.hanging = false,
            Mode::Loading => modes.loading = false,
            Mode::Readonly => modes.readonly = false,
            Mode::Denying => modes.denying = false,
        }
    }

    /// All should have recovered: one more command, and a message on each channel.
    pub fn probe(&mut self) -> Check {
        if self.host.draining {
            return Ok(());
        }
        self.check_recovered()?;
        // It takes as long as a tenth of a run.
        if self.plan.seed.is_multiple_of(16) {
            self.check_leftovers()?;
        }
        note!(self, "all has recovered");
        let id = self.host.requests.len() as u64 - 1;
        let commands = vec![vec![b"ECHO".to_vec(), b"are you there".to_vec(), tag(id)]];
        self.ask(Ask { id, commands, ..Ask::default() });
        let write = vec![b"SET".to_vec(), b"key1".to_vec(), b"the last".to_vec(), tag(id - 1)];
        self.ask(Ask { id: id - 1, commands: vec![write], ..Ask::default() });
        let tenancy = Tenancy { session: u32::MAX, patience: None, turns: vec![Vec::new()], hasty: false, hold: 0 };
        self.begin_tenancy(tenancy)?;
        for channel in CHANNELS {
            for shard in [false, true] {
                self.publish(channel.as_bytes(), shard);
            }
        }
        Ok(())
    }

    fn publish(&mut self, channel: &[u8], shard: bool) {
        if self.server.modes.down {
            return;
        }
        note!(self, "a publication to {}", String::from_utf8_lossy(channel));
        for at in self.server.publish(channel, shard) {
            self.collect_replies(at);
        }
    }

    fn drain(&mut self, patience: u64) -> Check {
        note!(self, "drain");
        self.host.draining = true;
        let until = self.now + patience;
        self.host.drained_by = until + 100 * MILLISECOND;
        self.at(self.host.drained_by, Event::Drained);
        self.call(None, |core, now| core.handle_drain(now, until))
    }

    fn fault(&mut self, fault: Fault) -> Check {
        let done = match fault {
            Fault::Restart { down, forget } => self.restart(down, forget)?,
            Fault::RefuseDials(time) => self.turn(Mode::Refusing, time),
            Fault::HangDials(time) => self.turn(Mode::Hanging, time),
            Fault::Loading(time) => self.turn(Mode::Loading, time),
            Fault::Readonly(time) => self.turn(Mode::Readonly, time),
            Fault::DenyAuth(time) => self.turn(Mode::Denying, time),
            Fault::Failover => {
                let other = self.server.primary.map(|primary| 1 - primary);
                self.server.primary = other;
                other.is_some()
            }
            Fault::ForgetScripts => {
                self.server.scripts.clear();
                true
            }
            Fault::Trap => {
                self.host.doomed = true;
                true
            }
            of_a_link => match self.choose_conn() {
                Some(at) => self.fault_at(at, of_a_link)?,
                None => false,
            },
        };
        if done {
            note!(self, "fault: {fault:?}");
            *self.stats.faults.entry(fault.name()).or_default() += 1;
        }
        Ok(())
    }

    fn fault_at(&mut self, at: usize, fault: Fault) -> Check<bool> {
        let conn = &mut self.conns[at];
        match fault {
            Fault::CutUp(bytes) => conn.up.cut_at = Some(conn.up.carried + bytes),
            Fault::CutDown(bytes) => conn.down.cut_at = Some(conn.down.carried + bytes),
            Fault::HalfOpen(time) if !conn.frozen => {
                (conn.frozen, conn.frozen_at) = (true, self.now);
                let quiet = self.plan.shape.quiet_after;
                if quiet != NEVER {
                    self.after(4 * quiet + 60 * MILLISECOND, Event::Frozen(at));
                }
                self.after(time, Event::Break(at));
            }
            Fault::SlowServer(time) => conn.up.stalled_until = self.now + time,
            Fault::SlowClient(time) => conn.down.stalled_until = self.now + time,
            Fault::OddPush if self.server.sessions[at].resp3 => {
                let push = Value::Push(vec![Value::bulk("tidings"), Value::Int(1), Value::bulk("x".repeat(70))]);
                push.encode(true, &mut self.server.sessions[at].output);
                self.collect_replies(at);
            }
            Fault::Garbage(kind) => {
                let bytes: &[u8] =
                    [&b"\0\xff\x17 no RESP\r\n"[..], b"?7\r\n", b":12x\r\n", b"HTTP/1.1 400 Bad\r\n"][kind as usize];
                self.lie(at, bytes);
            }
            Fault::Unasked(kind) if self.is_idle(at) => {
                let bytes: &[u8] = [&b"+unasked\r\n"[..], b"$3\r\nfoo\r\n", b"-ERR unasked\r\n"][kind as usize];
                self.lie(at, bytes);
                // At once: a moment later it might pass for an answer.
                let conn = &mut self.conns[at];
                let bytes = std::mem::take(&mut conn.down.bytes);
                conn.down.carried += bytes.len() as u64;
                self.feed(at, &bytes)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn lie(&mut self, at: usize, bytes: &[u8]) {
        self.server.sessions[at].output.extend_from_slice(bytes);
        self.collect_replies(at);
        let conn = &mut self.conns[at];
        conn.lie_ends_at.get_or_insert(conn.down.taken);
    }

    /// Everything that was asked on it was answered, and the answers have come.
    fn is_idle(&self, at: usize) -> bool {
        let (conn, session) = (&self.conns[at], &self.server.sessions[at]);
        let nothing = conn.output.is_empty() && conn.up.bytes.is_empty() && conn.down.bytes.is_empty();
        nothing && session.greeted && session.blocked.is_none() && session.input.is_empty() && !conn.frozen
    }

    fn restart(&mut self, down: u64, forget: bool) -> Check<bool> {
        if self.server.modes.down {
            return Ok(false);
        }
        for at in 0..self.conns.len() {
            if self.server.sessions[at].open {
                self.break_conn(at)?;
                self.end_session(at);
            }
        }
        self.server.scripts.clear();
        if forget {
            self.server.data.clear();
            self.server.lists.clear();
        }
        Ok(self.turn(Mode::Down, down))
    }

    fn turn(&mut self, mode: Mode, time: u64) -> bool {
        let modes = &mut self.server.modes;
        match mode {
            Mode::Down => modes.down = true,
            Mode::Refusing => modes.refusing = true,
            Mode::Hanging => modes.hanging = true,
            Mode::Loading => modes.loading = true,
            Mode::Readonly => modes.readonly = true,
            Mode::Denying => modes.denying = true,
        }
        self.after(time, Event::Heal(mode));
        true
    }

    /// One of the connections that are open.
    fn choose_conn(&mut self) -> Option<usize> {
        let open: Vec<usize> =
            self.host.links.iter().copied().filter(|at| self.conns[*at].phase == Phase::Open).collect();
        (!open.is_empty()).then(|| self.random.pick(&open))
    }
}
