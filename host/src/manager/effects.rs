//! What the core asked for, done in order once its call has returned.

use super::lane::Lane;
use super::link::{Body, Link};
use crate::connector::{Endpoint, connect};
use crate::engine::{Effect, Reason};
use crate::rows::{Fault, fault};
use crate::stats::add;
use crate::wit;

impl Lane {
    pub(super) fn do_effects(&mut self) -> Result<(), Fault> {
        let mut effects = std::mem::take(&mut self.effects);
        let mut done = Ok(());
        for effect in effects.drain(..) {
            if done.is_ok() {
                done = self.do_effect(effect);
            }
        }
        self.effects = effects;
        done
    }

    fn do_effect(&mut self, effect: Effect) -> Result<(), Fault> {
        match effect {
            Effect::Open { link, endpoint } => self.open(link, endpoint),
            Effect::Send { link, bytes } => self.append(link, Body::Copied(bytes)),
            Effect::SendHeld { link, request, argument } => self.append_held(link, request, argument as usize)?,
            Effect::SendSecret { link, generation, password } => {
                match self.keyring.secret(generation, password) {
                    Some(secret) => self.append(link, Body::Shared(secret)),
                    // The link would wait for ever.
                    None => self.shut(link, Reason::Local, "its credentials were replaced".to_owned()),
                }
            }
            Effect::Close { link } => self.shut(link, Reason::Local, String::new()),
        }
        Ok(())
    }

    fn open(&mut self, id: u32, endpoint: wit::Endpoint) {
        let endpoint = match endpoint {
            wit::Endpoint::Tcp((host, port)) => Endpoint::Tcp { host, port },
            wit::Endpoint::Unix(path) => Endpoint::Unix { path },
        };
        add(&self.counters().links_opened, 1);
        tracing::debug!(link = id, ?endpoint, "connecting");
        self.links.push(Link::new(id, connect(&*self.config.connector, &endpoint)));
    }

    fn append(&mut self, id: u32, body: Body) {
        self.sequence += 1;
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.append(body, self.sequence);
        }
    }

    fn append_held(&mut self, link: u32, request: u64, argument: usize) -> Result<(), Fault> {
        let held = self.table.find(request).and_then(|(live, index)| {
            let first = live.first_argument(index);
            live.job.columns.held(first + argument).cloned().map(Body::Shared)
        });
        match held {
            Some(held) => self.append(link, held),
            None => return fault("the core wants an argument written that the host does not hold"),
        }
        Ok(())
    }
}
