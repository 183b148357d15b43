//! Reading the records of commands.

use crate::given::Since;
use crate::pieces::Commands;
use crate::plan::bodies;
use crate::plan::commands as plan;
use crate::reply::Reply;
use crate::step::{Fault, Outcome, Step};

use super::{Context, Flow, Input, Refresh, unasked};

/// Bytes of bodies that are enough for one page.
const PAGE_BYTES: u32 = 1 << 20;

/// `read-commands`.
pub(crate) struct ReadCommands {
    pub(crate) since: Since,
    /// How many more.
    pub(crate) left: u64,
    pub(crate) end: bool,
    pub(crate) refresh: Refresh,
}

impl Flow for ReadCommands {
    fn next(&mut self, context: &mut Context<'_>, input: Input<'_>) -> Result<Step, Fault> {
        match input {
            Input::Begin => Ok(context.send(self.plan(context))),
            Input::Reply(reply) => self.replied(context, reply),
            Input::Go if self.end || self.left == 0 => Ok(Step::Done(Outcome::Nothing)),
            Input::Go => Ok(context.send(self.plan(context))),
            Input::Lost(lost) => Err(lost.fault(false)),
            Input::Decided(_) => Err(unasked()),
        }
    }
}

impl ReadCommands {
    fn plan(&self, context: &Context<'_>) -> Commands {
        let shared = &*context.shared;
        let since = match self.since {
            Since::Number(number) => plan::Since::Number(number),
            Since::Time(time) => plan::Since::Time(time),
            Since::Position(position) => {
                return bodies::plan(&shared.layout, &shared.segments, None, &[position], PAGE_BYTES);
            }
        };
        let most = self.left.min(shared.settings.page_events.into());
        plan::plan(&shared.layout, &shared.segments, since, most as u32, PAGE_BYTES)
    }

    fn replied(&mut self, context: &mut Context<'_>, mut reply: Reply<'_>) -> Result<Step, Fault> {
        if let Some(meta) = self.refresh.told(context, &mut reply)? {
            return Ok(match self.since {
                Since::Position(position) if position > meta.head.position => Step::Done(Outcome::Nothing),
                _ => context.send(self.plan(context)),
            });
        }
        let layout = &context.shared.layout;
        if let Since::Position(position) = self.since {
            let events = bodies::read(layout, &[position], &mut reply)?;
            let Some(event) = events.as_ref().and_then(|events| events.first()) else {
                let commands = self.refresh.ask(context)?;
                return Ok(context.send(commands));
            };
            if event.command == 0 {
                return Ok(Step::Done(Outcome::Nothing));
            }
            self.since = Since::Number(event.command);
            self.refresh.fresh();
            return Ok(context.send(self.plan(context)));
        }
        match plan::read(layout, &mut reply)? {
            plan::Outcome::Page { commands, next, end } => {
                self.refresh.fresh();
                self.since = Since::Number(next);
                self.end = end;
                self.left = self.left.saturating_sub(commands.len() as u64);
                match (commands.is_empty(), end) {
                    (true, true) => Ok(Step::Done(Outcome::Nothing)),
                    (true, false) => Ok(context.send(self.plan(context))),
                    (false, _) => Ok(Step::Commands(commands)),
                }
            }
            plan::Outcome::Stale => {
                let commands = self.refresh.ask(context)?;
                Ok(context.send(commands))
            }
        }
    }
}
