//! How a call gets from its caller to the manager, and its answer back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;
use tracing::Instrument;

use crate::client::Client;
use crate::clock::from_now;
use crate::command::{Columns, Command, usage};
use crate::config::Repeat;
use crate::error::{Error, Outcome};
use crate::inbox::Refused;
use crate::job::{Aside, Job, MAX_COMMANDS};
use crate::rows::MAY_REPEAT;
use crate::session::Handle;
use crate::shared::Shared;
use crate::ticket::{Answer, Call, Ticket};
use crate::ticket::{Replies, Shape};

/// Commands from this size on count against `Limits::waiting_bytes`; smaller ones are bounded by their number.
const LARGE: u64 = 4096;

/// Until when a call may take.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// As its caller said.
    Own(Duration),
    /// As the client's calls do unless their callers say otherwise.
    Usual(Option<Duration>),
}

impl Until {
    pub(crate) fn of(command: &Command, usual: Option<Duration>) -> Self {
        command.own_deadline().map_or(Self::Usual(usual), Self::Own)
    }

    fn instant(self) -> Option<Instant> {
        let (Self::Own(within) | Self::Usual(Some(within))) = self else { return None };
        from_now(within)
    }
}

impl Client {
    /// Commands as columns, and until when they may take, as the first one says; `None` if there are none.
    pub(crate) fn columns(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Option<(Columns, Until)>, Error> {
        let mut commands = commands.into_iter();
        let Some(first) = commands.next() else { return Ok(None) };
        let until = Until::of(&first, self.deadline);
        let mut columns = Columns::default();
        columns.reserve(commands.size_hint().0.saturating_add(1), &first);
        let (options, hold_above) = (self.options(), self.shared.hold_above);
        let mut add = |mut command: Command| {
            if columns.commands() == MAX_COMMANDS {
                return Err(usage("a pipeline takes at most 16,777,216 commands"));
            }
            columns.add(&mut command, options, hold_above)
        };
        add(first)?;
        // Within the iterator, where a command need not be moved from hand to hand.
        commands.try_for_each(add)?;
        Ok(Some((columns, until)))
    }

    /// Sends a command, once this is polled, and waits for its reply.
    pub(crate) fn call_one(&self, command: Command, until: Until, aside: Option<Box<Aside>>) -> Calling<'_> {
        Calling { client: self, lane: None, step: Step::New(command, until, aside) }
    }

    /// Sends what is in the columns, and waits for the replies.
    pub(crate) async fn submit(&self, columns: Columns, shape: Shape, until: Until) -> Result<Replies, Error> {
        self.send(self.lane(), columns, shape, until, None)?.finish().await
    }

    /// Sends it on this lane if there is room, else says how to wait for that.
    fn send<'a>(
        &self,
        lane: &'a Shared,
        columns: Columns,
        shape: Shape,
        until: Until,
        aside: Option<Box<Aside>>,
    ) -> Result<Sent<'a>, Error> {
        let deadline = until.instant();
        let large = columns.size >= LARGE;
        let (ticket, answer) = self.ticket(lane, columns, shape, until, deadline)?;
        let mut job = Job { ticket, aside, _permit: None };
        if !large {
            match lane.inbox.try_send(job) {
                Ok(()) => return Ok(Sent::Now(answer)),
                Err(Refused::Closed) => return Err(lane.end()),
                Err(Refused::Full(back)) => job = back,
            }
        }
        Ok(Sent::Slowly(Box::pin(lane.send_slowly(job, large, deadline)), answer))
    }

    fn ticket<'a>(
        &self,
        lane: &'a Shared,
        columns: Columns,
        shape: Shape,
        until: Until,
        deadline: Option<Instant>,
    ) -> Result<(Ticket, Answer<'a>), Error> {
        let session = self.session.as_deref().map_or(Ok(0), Handle::number)?;
        let deadline = lane.clock.until(deadline);
        let patient = matches!(until, Until::Usual(Some(_)));
        let call = Call::new(columns, shape, deadline, patient, session).prompt(self.prompt);
        let ticket = Ticket::new(call);
        let answer = ticket.answer(&lane.signal);
        Ok((ticket, answer))
    }

    /// What is said of all its commands. A session's link is its caller's state: nothing on it can be repeated
    /// elsewhere.
    fn options(&self) -> u32 {
        let repeat = self.shared.repeat == Repeat::Allowed && self.session.is_none();
        if repeat { MAY_REPEAT } else { 0 }
    }
}

impl Shared {
    /// Waits for room for a large command's bytes, and in the queue, until the deadline.
    async fn send_slowly(&self, mut job: Job, large: bool, deadline: Option<Instant>) -> Result<(), Error> {
        if large {
            let size = u32::try_from(job.columns.size).unwrap_or(u32::MAX).min(self.large_limit);
            let permit = Arc::clone(&self.large).acquire_many_owned(size);
            // The semaphore is never closed.
            job._permit = self.room_by(deadline, permit).await?.ok();
        }
        let sent = self.room_by(deadline, self.inbox.send(job)).await?;
        if sent { Ok(()) } else { Err(self.end()) }
    }
}

/// Where a call is, once it was made.
enum Sent<'a> {
    Now(Answer<'a>),
    Slowly(Sending<'a>, Answer<'a>),
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A call of one command. Written by hand, since an `async fn` would move the command about in its own state.
pub(crate) struct Calling<'a> {
    client: &'a Client,
    /// Where it must go, if it must.
    lane: Option<&'a Shared>,
    step: Step<'a>,
}

#[expect(clippy::large_enum_variant, reason = "a command is moved in here, and not on to the heap for itself")]
enum Step<'a> {
    New(Command, Until, Option<Box<Aside>>),
    Waiting(Answer<'a>),
    Slow(Pin<Box<dyn Future<Output = Result<Replies, Error>> + Send + 'a>>),
    Over,
}

impl<'a> Calling<'a> {
    /// The same, on this lane.
    pub(crate) fn on(self, lane: &'a Shared) -> Self {
        Self { lane: Some(lane), ..self }
    }

    /// Sends the command.
    #[inline]
    fn begin(client: &'a Client, lane: Option<&'a Shared>, step: &mut Step<'a>) -> Result<(), Error> {
        let Step::New(command, until, aside) = std::mem::replace(step, Step::Over) else { return Ok(()) };
        let lane = lane.unwrap_or_else(|| client.lane());
        if tracing::level_filters::LevelFilter::current() >= tracing::Level::DEBUG {
            let span = tracing::debug_span!("coracle.call", command = command.name());
            let columns = Columns::of(command, client.options(), client.shared.hold_above)?;
            let sent = client.send(lane, columns, Shape::Single, until, aside)?;
            *step = Step::Slow(Box::pin(sent.finish().instrument(span)));
            return Ok(());
        }
        let columns = Columns::of(command, client.options(), client.shared.hold_above)?;
        *step = match client.send(lane, columns, Shape::Single, until, aside)? {
            Sent::Now(answer) => Step::Waiting(answer),
            slowly @ Sent::Slowly(..) => Step::Slow(Box::pin(slowly.finish())),
        };
        Ok(())
    }
}

impl Future for Calling<'_> {
    type Output = Result<Value, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { client, lane, step } = &mut *self;
        if matches!(step, Step::New(..)) {
            Self::begin(client, *lane, step)?;
        }
        let replies = match step {
            Step::Waiting(answer) => answered(ready!(Pin::new(answer).poll(cx))),
            Step::Slow(sending) => ready!(sending.as_mut().poll(cx)),
            Step::New(..) | Step::Over => return Poll::Pending,
        };
        *step = Step::Over;
        Poll::Ready(match replies? {
            Replies::One(reply) => reply,
            Replies::Many(_) => Err(Error::core(Outcome::MaybeExecuted, "one reply expected, not many")),
        })
    }
}

impl Sent<'_> {
    /// Waits for the replies.
    async fn finish(self) -> Result<Replies, Error> {
        match self {
            Self::Now(answer) => answered(answer.await),
            Self::Slowly(sending, answer) => {
                sending.await?;
                answered(answer.await)
            }
        }
    }
}

/// The manager answers every job that it takes, so one that is not answered ended with it.
fn answered(replies: Option<Replies>) -> Result<Replies, Error> {
    replies.ok_or_else(|| Error::core(Outcome::MaybeExecuted, "the client's task is gone"))
}
