//! The lanes of a client: each an instance of the core, with connections and a task of its own. See [`Config::lanes`].
//!
//! [`Config::lanes`]: crate::Config::lanes

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::sync::{Mutex, mpsc, watch};

use crate::client::{ClientState, Shared};
use crate::engine::Program;
use crate::error::Error;
use crate::manager::{Consent, Control, Swap};

/// Lanes that a client may have.
pub(crate) const MAX_LANES: usize = 64;

/// All lanes of a client that has several.
pub(crate) struct Lanes {
    all: Box<[Lane]>,
    hasher: RandomState,
    /// One exchange at a time, or two could wait for each other.
    swapping: Arc<Mutex<()>>,
}

/// A lane, as handles know it.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) shared: Arc<Shared>,
    pub(crate) controls: mpsc::Sender<Control>,
}

impl Lanes {
    pub(crate) fn new(all: Vec<Lane>) -> Self {
        Self { all: all.into(), hasher: RandomState::new(), swapping: Arc::default() }
    }

    pub(crate) fn all(&self) -> &[Lane] {
        &self.all
    }

    /// One for what may go anywhere: who runs on one thread uses the same one each time, as others there do, so that
    /// batches stay large. Without a connection it is passed over while another one has one.
    pub(crate) fn pick(&self) -> Option<&Lane> {
        let (before, from) = self.all.split_at_checked(token() % self.all.len().max(1)).unwrap_or_default();
        let ready = from.iter().chain(before).find(|lane| lane.shared.is_ready());
        ready.or_else(|| from.first())
    }

    /// The one for what has to meet there what has the same names.
    pub(crate) fn of<T: AsRef<[u8]>>(&self, names: &[T]) -> Option<&Lane> {
        let names: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
        // It is less than the number of lanes.
        let place = self.hasher.hash_one(&names) % self.all.len().max(1) as u64;
        self.all.get(usize::try_from(place).unwrap_or_default())
    }

    /// Exchanges the component of all lanes, or of none. Goes on by itself where the future is dropped.
    pub(crate) async fn swap(&self, program: Program) -> Result<(), Error> {
        let turn = Arc::clone(&self.swapping).lock_owned().await;
        let mut asked = Vec::new();
        for lane in &self.all {
            let ((told, heard), (ready, is_ready), (go, gone)) = (channel(), channel(), channel());
            let consent = Some(Consent { ready: Some(ready), go: gone });
            let control = Control::Swap(Box::new(Swap { program: program.clone(), told, consent }));
            lane.controls.send(control).await.map_err(|_| lane.shared.end())?;
            asked.push(Asked { heard, is_ready, go });
        }
        let exchanged = tokio::spawn(async move {
            let outcome = exchange(asked).await;
            drop(turn);
            outcome
        });
        exchanged.await.unwrap_or_else(|_| Err(Error::closed()))
    }
}

/// A lane that was asked to exchange its component.
struct Asked {
    heard: Receiver<Result<(), Error>>,
    is_ready: Receiver<()>,
    go: Sender<()>,
}

async fn exchange(asked: Vec<Asked>) -> Result<(), Error> {
    let (mut lanes, mut all_ready) = (Vec::new(), true);
    for Asked { heard, is_ready, go } in asked {
        let ready = is_ready.await.is_ok();
        all_ready &= ready;
        lanes.push((ready, heard, go));
    }
    // The error of one that could not says more than those of the others.
    lanes.sort_by_key(|(ready, ..)| *ready);
    let mut outcomes = Vec::new();
    for (_, heard, go) in lanes {
        if all_ready {
            // An error means that it has ended since.
            let _ = go.send(());
        }
        outcomes.push(heard);
    }
    let mut outcome = Ok(());
    for heard in outcomes {
        outcome = outcome.and(heard.await.unwrap_or_else(|_| Err(Error::closed())));
    }
    outcome
}

/// A number of this thread's own.
fn token() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static TOKEN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // Where a thread ends, it has none any more.
    TOKEN.try_with(|token| *token).unwrap_or_default()
}

/// What all lanes are doing, and what that means for the client: it is as well as the best of them.
pub(crate) struct States {
    each: watch::Sender<Vec<ClientState>>,
    best: watch::Sender<ClientState>,
}

/// Where a lane tells what it is doing.
#[derive(Clone)]
pub(crate) struct Place {
    states: Arc<States>,
    place: usize,
}

impl States {
    /// Of so many lanes that connect.
    pub(crate) fn new(lanes: usize) -> Arc<Self> {
        let (each, best) = (vec![ClientState::Connecting; lanes], ClientState::Connecting);
        Arc::new(Self { each: watch::Sender::new(each), best: watch::Sender::new(best) })
    }

    pub(crate) fn place(self: &Arc<Self>, place: usize) -> Place {
        Place { states: Arc::clone(self), place }
    }

    /// What the client is doing.
    pub(crate) fn best(&self) -> watch::Receiver<ClientState> {
        self.best.subscribe()
    }

    /// What each lane is doing.
    pub(crate) fn each(&self) -> watch::Receiver<Vec<ClientState>> {
        self.each.subscribe()
    }
}

impl Place {
    /// Whether this is the first lane, which tells what would be told by all.
    pub(crate) fn is_first(&self) -> bool {
        self.place == 0
    }

    /// Notes what this lane is doing. `tell` hears what the client is doing then, and whether that is new; nobody else
    /// tells anything meanwhile.
    pub(crate) fn set(&self, state: ClientState, tell: impl FnOnce(&ClientState, bool)) {
        self.states.each.send_modify(|each| {
            if let Some(place) = each.get_mut(self.place) {
                *place = state;
            }
            let Some(best) = each.iter().min_by_key(|state| rank(state)) else { return };
            let new = self.states.best.send_replace(best.clone()) != *best;
            tell(best, new);
        });
    }
}

fn rank(state: &ClientState) -> u8 {
    match state {
        ClientState::Ready => 0,
        ClientState::Connecting => 1,
        ClientState::Down(_) => 2,
        ClientState::Denied(_) => 3,
        ClientState::Closed(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_as_well_as_its_best_lane() {
        use ClientState::{Closed, Connecting, Denied, Down, Ready};
        let error = || Error::config("a reason");
        let states = States::new(2);
        let lanes = [states.place(0), states.place(1)];
        assert!(lanes[0].is_first() && !lanes[1].is_first());
        for (lane, state, wanted, wanted_new) in [
            (0, Down(error()), Connecting, false),
            (1, Ready, Ready, true),
            (0, Ready, Ready, false),
            (1, Denied(error()), Ready, false),
            (0, Connecting, Connecting, true),
            (0, Down(error()), Down(error()), true),
            (0, Closed(error()), Denied(error()), true),
            (1, Closed(error()), Closed(error()), true),
        ] {
            let mut told = None;
            lanes[lane].set(state.clone(), |best, new| told = Some((best.clone(), new)));
            assert_eq!(told, Some((wanted.clone(), wanted_new)), "lane {lane} is {state:?}");
            assert_eq!(*states.best().borrow(), wanted);
            assert_eq!(states.each().borrow()[lane], state);
        }
    }

    #[test]
    fn a_thread_keeps_its_number() {
        let first = token();
        assert_eq!(token(), first);
        assert_ne!(std::thread::spawn(token).join().unwrap(), first);
    }
}
