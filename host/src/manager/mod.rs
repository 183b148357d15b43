//! The manager task: it alone owns the instance, the sockets and the table of requests, as a lane. It ends when the
//! last handle is dropped, or when the client was closed or can't go on, or with its runtime.

mod aside;
mod awaiter;
mod batch;
mod caching;
mod closed;
mod crowd;
mod effects;
mod events;
mod keyring;
mod lane;
mod leaving;
mod life;
mod link;
mod look;
mod looks;
mod messages;
mod nap;
mod neighbours;
mod queue;
mod renewal;
mod requests;
mod sessions;
mod sockets;
mod submit;
mod subscriptions;
mod swap;
#[cfg(test)]
mod tests;
mod work;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

pub(crate) use swap::{Consent, Swap};

use crate::config::Config;
use crate::credentials::Credentials;
use crate::engine::Program;
use crate::error::Error;
use crate::job::Job;
use crate::lease::Lease;
use crate::notices::Wanted;
use crate::shared::Shared;
use crate::states::Place;
use crowd::Crowd;
use lane::{Common, Lane, Role};
use looks::Next;
use neighbours::Seat;
use renewal::{Renewal, Told};
use requests::MANY;
use swap::Candidate;

/// Other messages that may wait for the manager.
pub(crate) const CONTROLS: usize = 64;
/// How many calls may be under way for one that is prompt to go out at once. With more, the server has enough to do
/// until others have come along, and is spared a packet for each.
const PROMPT_UP_TO: usize = 12;

/// What handles ask of the manager beside jobs. It has a queue of its own, so that a client full of commands can be
/// closed.
pub(crate) enum Control {
    Subscribe(Wanted),
    Lease {
        lease: Arc<Lease>,
        /// On the client's clock.
        deadline: u64,
        grant: oneshot::Sender<Result<(), Error>>,
    },
    /// Use these.
    Renew {
        credentials: Credentials,
        told: Told,
    },
    /// Ask the provider.
    Fetch {
        told: Told,
    },
    Swap(Box<Swap>),
    Close {
        /// On the client's clock.
        deadline: u64,
        done: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Testing {
        function: &'static str,
        argument: Option<u64>,
        /// Which one, the present one first.
        lane: usize,
    },
}

/// The receiving ends of what handles send.
pub(crate) struct Inboxes {
    pub(crate) controls: mpsc::Receiver<Control>,
    /// Where it tells what it is doing.
    pub(crate) place: Place,
}

/// Makes the first instance and starts the task.
pub(crate) fn spawn(config: Config, program: Program, shared: &Arc<Shared>, inboxes: Inboxes) -> Result<(), Error> {
    let mut manager = Manager::new(config, program, Arc::clone(shared), inboxes);
    if let Err(error) = manager.lane.start_instance() {
        // Nobody has a handle yet.
        manager.lane.finished = Some(error.clone());
        return Err(error);
    }
    let span = tracing::info_span!("coracle.client");
    tokio::spawn(manager.run().instrument(span));
    Ok(())
}

struct Manager {
    common: Common,
    /// Dropped with the task, however that ends.
    _inbox: OpenInbox,
    controls: mpsc::Receiver<Control>,
    /// Taken once the task runs.
    seat: Seat,
    /// Since the task was last woken, those were looked at whose wakers stay where they are.
    looked: bool,
    /// Since it last let others run, one of those who are prompt was woken.
    woken: bool,
    arrived: Vec<Job>,
    crowd: Crowd,
    /// Calls, and those of them that wait, that the client's counters know of.
    counted: (usize, usize),
    /// The present one.
    lane: Lane,
    candidate: Option<Candidate>,
    swaps: VecDeque<Box<Swap>>,
    /// Those before the present one, until what they had has ended.
    retired: Vec<Lane>,
    renewal: Renewal,
    /// Those who wait for the client to be closed.
    closing: Vec<oneshot::Sender<()>>,
}

/// Lets all tasks run that are ready. Not `yield_now`: before a task goes on that waits by that, tokio asks the system
/// for news, which costs more than a command does.
async fn let_others_run() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Closes the inbox when it is dropped, so that no caller waits for a task that is gone.
struct OpenInbox(Arc<Shared>);

impl Drop for OpenInbox {
    fn drop(&mut self) {
        self.0.inbox.close();
        self.0.inbox.clear();
    }
}

/// What one look at all that can happen came to.
enum Turn {
    /// Something happened.
    Again,
    /// Callers were answered, or are sending: there may soon be more jobs.
    Callers,
    /// Others are to run before it goes on: one of those who are prompt, who was woken, or whoever shares the thread.
    Yield,
    /// The core has room for what waits, or what came in is worth a call.
    Room,
    /// All handles are gone.
    Alone,
}

impl Manager {
    fn new(config: Config, program: Program, shared: Arc<Shared>, inboxes: Inboxes) -> Self {
        let renewal = Renewal::new(shared.clock, config.credentials.expires_in);
        let credentials = config.credentials.clone();
        let common = Common { config: Arc::new(config), shared, states: inboxes.place };
        Self {
            lane: Lane::new(common.clone(), program, credentials, Role::Present),
            candidate: None,
            swaps: VecDeque::new(),
            retired: Vec::new(),
            _inbox: OpenInbox(Arc::clone(&common.shared)),
            common,
            controls: inboxes.controls,
            seat: Seat::default(),
            looked: false,
            woken: false,
            arrived: Vec::new(),
            crowd: Crowd::default(),
            counted: (0, 0),
            renewal,
            closing: Vec::new(),
        }
    }

    async fn run(mut self) {
        self.seat = Seat::take();
        while !self.is_over() {
            match poll_fn(|cx| self.poll_turn(cx)).await {
                Turn::Again => {}
                Turn::Callers => {
                    // Once, so that callers who are about to send get into the same batch.
                    self.yield_once().await;
                    self.submit();
                }
                Turn::Yield => self.yield_once().await,
                Turn::Room => self.submit(),
                Turn::Alone => {
                    self.retired.clear();
                    self.lane.finish(Error::closed());
                }
            }
            self.lane.after_loss();
            self.settle_candidate();
            self.settle_retired();
            self.tell_room();
        }
        self.leave();
    }

    /// Lets as many more callers in as there is room for.
    fn tell_room(&mut self) {
        let waiting = self.arrived.len();
        let waiting = self.lanes().map(|lane| lane.queue.len()).sum::<usize>() + waiting;
        self.common.shared.inbox.hold(waiting);
        let under_way = self.under_way();
        self.count_calls((under_way, waiting));
    }

    fn count_calls(&mut self, now: (usize, usize)) {
        self.common.shared.counters.calls(now, std::mem::replace(&mut self.counted, now));
    }

    async fn yield_once(&mut self) {
        let_others_run().await;
        (self.looked, self.woken) = (false, false);
    }

    /// Looks at everything that can wake the task, so that all of it will. Who would wake it by a waker that stays
    /// where it is is asked once each time that the task runs: what comes of him later makes it run again.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let first = !std::mem::replace(&mut self.looked, true);
        let mut happened = self.lane.poll(cx, first);
        happened |= self.poll_candidate(cx, first);
        for lane in &mut self.retired {
            happened |= lane.poll(cx, first);
        }
        // Behind the sockets: what those before have sent is written by then, and only then do others run.
        let mut callers = self.wake_callers();
        happened |= self.poll_renewal(cx);
        if first {
            match self.poll_handles(cx) {
                Ok(asked) => happened |= asked,
                Err(turn) => return Poll::Ready(turn),
            }
        }
        self.lanes().for_each(|lane| callers |= lane.table.has_answered());
        callers |= self.common.shared.inbox.take(cx, &mut self.arrived);
        let busy = self.is_busy();
        if self.arrived.iter().any(|job| job.prompt && !busy || job.columns.commands() >= MANY) {
            return Poll::Ready(Turn::Room);
        }
        if callers {
            return Poll::Ready(Turn::Callers);
        }
        if self.lanes().any(|lane| lane.can_submit()) {
            return Poll::Ready(Turn::Room);
        }
        if happened {
            return Poll::Ready(Turn::Again);
        }
        if self.woken {
            return Poll::Ready(Turn::Yield);
        }
        match self.lane.look_again(self.seat.thread()) {
            Next::Look | Next::Nap => Poll::Ready(Turn::Again),
            Next::Yield => Poll::Ready(Turn::Yield),
            Next::Sleep => {
                self.looked = false;
                Poll::Pending
            }
        }
    }

    /// Whether the server has enough to do until more callers have come along, also those who are prompt.
    fn is_busy(&mut self) -> bool {
        self.under_way() > PROMPT_UP_TO
    }

    /// Calls that have not ended.
    fn under_way(&mut self) -> usize {
        let waiting = self.arrived.len();
        self.lanes().map(|lane| lane.table.len()).sum::<usize>() + waiting
    }

    /// Wakes a wave of the callers who have their replies; of those who are prompt one, unless the server has enough to
    /// do. Says whether there were others.
    fn wake_callers(&mut self) -> bool {
        let under_way = self.under_way();
        let (busy, wave) = (under_way > PROMPT_UP_TO, self.crowd.wave(under_way));
        let (mut woken, mut others) = (self.woken, 0);
        for lane in self.lanes() {
            while let Some(prompt) = lane.table.next_is_prompt() {
                let enough = if prompt { woken && !busy } else { others == wave };
                if enough {
                    break;
                }
                lane.table.wake_next();
                woken |= prompt;
                others += usize::from(!prompt);
            }
        }
        self.woken = woken;
        others > 0
    }

    /// Does what handles ask for beside jobs. Says whether they did, or that there are none any more.
    fn poll_handles(&mut self, cx: &mut Context<'_>) -> Result<bool, Turn> {
        let mut happened = false;
        if self.common.shared.signal.poll(cx) {
            self.lanes().for_each(Lane::look_for_leavers);
            happened = true;
        }
        if self.common.shared.room.poll(cx) {
            self.lanes().for_each(Lane::release_links);
            happened = true;
        }
        while let Poll::Ready(control) = self.controls.poll_recv(cx) {
            self.control(control.ok_or(Turn::Alone)?);
            happened = true;
        }
        Ok(happened)
    }

    /// Submits all that came in.
    fn submit(&mut self) {
        self.take_jobs();
        self.lanes().for_each(Lane::submit_all);
        let under_way = self.under_way();
        self.crowd.note(under_way);
    }

    fn take_jobs(&mut self) {
        self.common.shared.inbox.drain(&mut self.arrived);
        let mut arrived = std::mem::take(&mut self.arrived);
        for job in arrived.drain(..) {
            self.enqueue(job);
        }
        self.arrived = arrived;
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Subscribe(wanted) => self.lane.subscribe(wanted),
            Control::Lease { lease, deadline, grant } => self.lane.lease(lease, deadline, grant),
            Control::Renew { credentials, told } => self.renew(credentials, vec![told]),
            Control::Fetch { told } => self.fetch_credentials(Some(told)),
            Control::Swap(swap) => self.swap(swap),
            Control::Close { deadline, done } => self.close(deadline, done),
            #[cfg(test)]
            Control::Testing { function, argument, lane } => {
                let lane = self.lanes().nth(lane);
                lane.into_iter().for_each(|lane| lane.test(function, argument));
            }
        }
    }

    /// Closes the client in order.
    fn close(&mut self, deadline: u64, done: oneshot::Sender<()>) {
        self.closing.push(done);
        self.refuse_swaps(&Error::closed());
        self.lanes().for_each(|lane| lane.close(deadline));
    }

    /// A session's jobs go where the session is.
    fn enqueue(&mut self, job: Job) {
        let session = job.session;
        let its = self.retired.iter_mut().find(|lane| session != 0 && lane.has_session(session));
        its.unwrap_or(&mut self.lane).enqueue(job);
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut Lane> {
        let candidate = self.candidate.as_mut().map(|candidate| &mut candidate.lane);
        std::iter::once(&mut self.lane).chain(candidate).chain(&mut self.retired)
    }

    /// A client that is closed in order waits for all its lanes.
    fn is_over(&self) -> bool {
        self.lane.finished.is_some() && (self.retired.is_empty() || self.closing.is_empty())
    }
}
