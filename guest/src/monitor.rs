//! MONITOR: a subscription without names, whose link is a stream of lines once it is granted.

use crate::client::Core;
use crate::link::{Link, Purpose};
use crate::pubsub::{Kind, Names};
use crate::resp::decode::Fault;
use crate::wire::Cause;

/// What stands for all that the server executes, where others have names.
pub const EVERYTHING: &[u8] = b"";

/// The name of a subscription of this kind.
#[must_use]
pub fn names() -> Names {
    vec![Box::from(EVERYTHING)]
}

impl Core {
    /// The server has granted it: lines follow.
    pub(crate) fn monitors(&mut self, id: u32) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        link.monitor();
        if let Purpose::Hub(hub) = link.purpose {
            self.hubs.confirmed(hub, Kind::Monitor, EVERYTHING, &mut self.out);
        }
    }

    /// A line, whose node is at the mark.
    ///
    /// # Errors
    /// Nobody asked for it.
    pub(crate) fn line(&mut self, id: u32, mark: usize) -> Result<(), Fault> {
        let hub = match self.links.iter().find(|link| link.id == id) {
            Some(Link { purpose: Purpose::Hub(hub), .. }) => *hub,
            _ => return Err(Fault { cause: Cause::Protocol, text: "a line came that nobody asked for".to_owned() }),
        };
        let nodes = self.out.since(mark);
        if !self.hubs.publish(hub, Kind::Monitor, EVERYTHING, id, nodes, &mut self.out) {
            self.out.rewind(mark);
        }
        Ok(())
    }
}
