//! Where consumers are.

use crate::event::Cursor;
use crate::plan::checkpoint as plan;
use crate::step::{Fault, Outcome, Step};

use super::{Context, Flow, Input, unasked};

/// `checkpoint`, and `advance`.
pub(crate) struct Checkpoint {
    pub(crate) consumer: String,
    /// What is expected, and what is to be stored; none only asks.
    pub(crate) advance: Option<(Option<Cursor>, Cursor)>,
}

impl Flow for Checkpoint {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        let layout = &context.shared.layout;
        match (input, self.advance) {
            (Input::Begin, None) => Ok(context.send(plan::load(layout, &self.consumer))),
            (Input::Begin, Some((expected, to))) => {
                let mark = context.shared.random.up_to(u64::MAX);
                let layout = &context.shared.layout;
                Ok(context.send(plan::advance(layout, &self.consumer, expected, to, mark)))
            }
            (Input::Reply(mut reply), None) => Ok(Step::Done(Outcome::Checkpoint(plan::loaded(layout, &mut reply)?))),
            (Input::Reply(mut reply), Some(_)) => match plan::advanced(layout, &mut reply)? {
                (true, _) => Ok(Step::Done(Outcome::Nothing)),
                (false, stored) => Err(Fault::CheckpointMoved(stored)),
            },
            (Input::Lost(lost), _) => Err(lost.fault(false)),
            (Input::Go | Input::Decided(_), _) => Err(unasked()),
        }
    }

    fn unsure(&self, sent: bool) -> bool {
        sent && self.advance.is_some()
    }
}
