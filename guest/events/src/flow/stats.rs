//! Counting.

use crate::plan::meta;
use crate::step::{Fault, Outcome, Step, Totals};

use super::{Context, Flow, Input, unasked};

/// `stats`.
pub(crate) struct Stats;

impl Flow for Stats {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => Ok(context.send(meta::plan(&context.shared.layout))),
            Input::Reply(mut reply) => {
                let meta = meta::read(&context.shared.layout, &mut reply)?;
                let totals = Totals {
                    head: meta.head.position,
                    commands: meta.commands,
                    types: meta.types,
                    segments: meta.segments.count() as u32,
                    segment_bytes: meta.bytes,
                };
                context.shared.segments = meta.segments;
                Ok(Step::Done(Outcome::Stats(totals)))
            }
            Input::Lost(lost) => Err(lost.fault(false)),
            Input::Go | Input::Decided(_) => Err(unasked()),
        }
    }
}
