//! Sessions.

use anyhow::Result;
use coracle_core::wire::NEVER;

use super::Host;

impl Host {
    pub fn lease(&mut self, session: u32) -> Result<()> {
        let now = self.tick();
        self.core.lease(now, session, NEVER);
        self.done(None)
    }

    pub fn release(&mut self, session: u32) -> Result<()> {
        let now = self.tick();
        self.core.release(now, session);
        self.done(None)
    }
}
