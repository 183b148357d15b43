//! What the core wants done outside, done.

use coracle_core::config::Endpoint;
use coracle_core::effects::Effect;

use crate::net::{Conn, Phase};
use crate::random::Random;
use crate::server::password;
use crate::session::Session;
use crate::world::{Check, Event, World, note};

impl World {
    /// What a call wants done outside, in order.
    pub fn do_effects(&mut self) -> Check {
        self.host.touched.clear();
        for place in 0..self.core.effects().list().len() {
            let effect = self.core.effects().list()[place].clone();
            self.do_effect(&effect)?;
        }
        Ok(())
    }

    fn do_effect(&mut self, effect: &Effect) -> Check {
        match effect {
            Effect::Open { link, endpoint } => self.open(*link, endpoint),
            Effect::Close { link } => {
                let at = self.conn_of(*link)?;
                self.close(at)
            }
            Effect::Send { link, start, end } => {
                let at = self.conn_of(*link)?;
                self.grow(at)?;
                let bytes = self.core.effects().bytes(*start, *end);
                self.conns[at].append(bytes, self.now);
                self.schedule_flush(at);
                Ok(())
            }
            Effect::SendHeld { link, request, argument } => {
                let at = self.conn_of(*link)?;
                let bytes = self.held(*request, *argument)?;
                self.append(at, &bytes)
            }
            Effect::SendSecret { link, generation, password: is_password } => {
                if !(1..=self.host.generation).contains(generation) || !is_password {
                    return Err(format!("a secret is asked for that there is not: {effect:?}"));
                }
                let at = self.conn_of(*link)?;
                self.append(at, password(*generation).as_bytes())
            }
        }
    }

    fn open(&mut self, link: u32, endpoint: &Endpoint) -> Check {
        if link as usize != self.host.links.len() + 1 {
            return Err(format!("link {link} is opened where {} is the next", self.host.links.len() + 1));
        }
        let Endpoint::Tcp(name, _) = endpoint else { return Err("an endpoint of another kind".into()) };
        let place = name.trim_start_matches("server").parse().map_err(|_| "an endpoint that there is not")?;
        let at = self.conns.len();
        let mut random = Random::new(self.plan.seed, 1000 + at as u64);
        let fragile = !self.calm && random.chance(self.plan.shape.fragile);
        let delay = random.between(10, 2 * self.plan.shape.latency);
        if fragile {
            self.count("fragile connections");
        }
        self.conns.push(Conn::new(link, place, random, fragile));
        self.server.sessions.push(Session::default());
        self.host.links.push(at);
        note!(self, "link {link} is being opened");
        self.check_links()?;
        self.after(delay, Event::Dial(at));
        Ok(())
    }

    fn close(&mut self, at: usize) -> Check {
        let link = self.conns[at].link;
        if matches!(self.conns[at].phase, Phase::Closing | Phase::Gone) {
            return Err(format!("link {link} is closed twice"));
        }
        note!(self, "the core closes link {link}");
        self.let_go(at);
        let conn = &mut self.conns[at];
        conn.phase = Phase::Closing;
        conn.closed_at = self.now;
        let delay = conn.notice_delay();
        self.after(delay, Event::Hangup(at));
        Ok(())
    }

    fn append(&mut self, at: usize, bytes: &[u8]) -> Check {
        self.grow(at)?;
        self.conns[at].append(bytes, self.now);
        self.schedule_flush(at);
        Ok(())
    }

    /// There is to be more output of a connection.
    fn grow(&mut self, at: usize) -> Check {
        let conn = &mut self.conns[at];
        if !matches!(conn.phase, Phase::Open | Phase::Broken) {
            return Err(format!("output on link {}, which is {:?}", conn.link, conn.phase));
        }
        if !self.host.touched.iter().any(|(touched, _)| *touched == at) {
            self.host.touched.push((at, conn.appended));
        }
        Ok(())
    }

    fn conn_of(&self, link: u32) -> Check<usize> {
        let at = (link as usize).checked_sub(1).and_then(|at| self.host.links.get(at));
        at.copied().ok_or_else(|| format!("an effect on link {link}, which was never opened"))
    }
}
