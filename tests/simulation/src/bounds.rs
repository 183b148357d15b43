//! What is in flight, and that it is within the limits.

use crate::asks::tag;
use crate::net;
use crate::requests::{Phase, Request};
use crate::tenants;
use crate::world::{Check, World};

impl World {
    /// A request was accepted: it is in flight on a link from now on, or waits for one.
    pub fn load(&mut self, id: u64) -> Check {
        let begun = self.host.requests[id as usize].begun;
        let Some(at) = begun.or_else(|| self.written_to(id)) else { return Ok(()) };
        let total: u64 = self.host.links.iter().map(|at| self.conns[*at].load.1).sum();
        let request = &mut self.host.requests[id as usize];
        let shape = &self.plan.shape;
        request.conn = Some(at);
        if request.ask.as_ref().is_some_and(|ask| ask.atomic) {
            // What was answered of a transaction is in flight no longer, and only the core knows how much that is.
            request.size = 0;
        }
        let alone = request.ask.as_ref().is_some_and(|ask| ask.alone);
        if total >= u64::from(shape.queued_bytes) && !alone {
            return Err(format!("request {id} joins {total} bytes in flight in all"));
        }
        let conn = &mut self.conns[at];
        let (count, bytes) = conn.load;
        conn.load = (count + 1, bytes + request.size);
        let link = conn.link;
        if count >= shape.inflight.min(shape.queued) as usize {
            return Err(format!("link {link} has {} requests in flight", count + 1));
        }
        if count > 0 && bytes >= u64::from(shape.inflight_bytes) {
            return Err(format!("request {id} joins {bytes} bytes in flight on link {link}"));
        }
        Ok(())
    }

    /// It is in flight no longer.
    pub fn unload(&mut self, id: u64) {
        let request = &mut self.host.requests[id as usize];
        if let Some(at) = request.conn.take() {
            let (count, bytes) = &mut self.conns[at].load;
            (*count, *bytes) = (*count - 1, *bytes - request.size);
        }
    }

    /// The connection that got the end of it in this call.
    pub fn written_to(&self, id: u64) -> Option<usize> {
        // The only request of a call needs no search.
        if let ([(at, _)], [_]) = (&self.host.touched[..], &self.host.batch[..]) {
            return Some(*at);
        }
        let word = [&tag(id)[..], b"\r\n"].concat();
        let written = |at: &usize| {
            let output = &self.conns[*at].output;
            output.windows(word.len()).rev().any(|window| window == word)
        };
        self.host.touched.iter().map(|(at, _)| *at).find(written)
    }

    /// A link was opened.
    pub fn check_links(&self) -> Check {
        let open = self.host.links.iter().filter(|at| self.conns[**at].phase != net::Phase::Gone).count();
        if open > self.plan.shape.links as usize {
            return Err(format!("{open} links are open, and {} may be", self.plan.shape.links));
        }
        Ok(())
    }

    /// Long after the last request, session and subscription that could wait, nothing is kept of those that ended.
    pub fn check_leftovers(&self) -> Check {
        let state = format!("{:?}", self.core);
        if !state.contains("partial: None") {
            return Err("the core still waits for the rest of a request".into());
        }
        let open = self.host.links.iter().filter(|at| self.conns[**at].phase != net::Phase::Gone).count();
        let most = 20_000 + 5_000 * open;
        if state.len() > most {
            return Err(format!("the core's state takes {} bytes to tell, with {open} links", state.len()));
        }
        Ok(())
    }

    /// Something was accepted, or began to wait for a link.
    pub fn check_bounds(&self) -> Check {
        let most = self.plan.shape.queued as usize;
        let requests = || self.host.open.iter().map(|id| &self.host.requests[*id as usize]);
        let waiting = requests().filter(|request| request.phase == Phase::Taken && request.conn.is_none()).count();
        let sessions = self.host.tenants.values().filter(|tenant| tenant.phase == tenants::Phase::Waiting).count();
        if waiting + sessions > most {
            return Err(format!("{waiting} requests and {sessions} sessions wait for a link, and {most} may"));
        }
        // Those that have a link for themselves are as many as links at most.
        let shared = |request: &&Request| request.conn.is_some() && !request.ask.as_ref().is_some_and(|ask| ask.alone);
        let written = requests().filter(shared).count();
        if written > most {
            return Err(format!("{written} requests are in flight in all, and {most} may be"));
        }
        Ok(())
    }
}
