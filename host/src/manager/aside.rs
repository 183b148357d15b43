//! What a reply is for beside its caller.

use redis::Value;

use super::events::Tape;
use super::lane::Lane;
use crate::error::Error;
use crate::job::Aside;
use crate::rows::{Event, Fault};

impl Lane {
    /// Takes the value of a reply to a request that had this.
    pub(super) fn value_aside(&mut self, aside: Aside, event: &Event, tape: &Tape<'_>) -> Result<Value, Fault> {
        const STORABLE: u32 = 1;
        self.append_nodes(event, tape)?;
        let builder = self.builder(event, tape)?;
        let raw = builder.take_raw();
        let value = builder.take()?;
        match aside {
            // Who tells of changes to what a lane before the present one has read may be there no more.
            Aside::Lead(lead) => lead.answered(Ok(&value), event.detail & STORABLE != 0, self.is_present()),
            // An error means that nobody waits any more.
            Aside::Raw(told) => _ = told.send(raw.unwrap_or_default()),
        }
        Ok(value)
    }

    /// A request that had this ends with a server's error.
    pub(super) fn refuse_aside(&mut self, aside: Aside, error: &Error) {
        if let Aside::Lead(lead) = aside {
            lead.answered(Err(error), false, self.is_present());
        }
    }
}
