//! The lanes of a client: each an instance of the core, with connections and a task of its own. See [`Config::lanes`].
//!
//! [`Config::lanes`]: crate::Config::lanes

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver, Sender, channel};
use tokio::sync::{Mutex, mpsc};

use crate::client::Client;
use crate::clock::from_now;
use crate::engine::Program;
use crate::error::Error;
use crate::manager::{Consent, Control, Swap};
use crate::shared::Shared;
use crate::states::ClientState;

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
    pub(crate) async fn swap(&self, program: Program, runtime: &Handle) -> Result<(), Error> {
        let turn = Arc::clone(&self.swapping).lock_owned().await;
        let mut asked = Vec::new();
        for lane in &self.all {
            let ((told, heard), (ready, is_ready), (go, gone)) = (channel(), channel(), channel());
            let consent = Some(Consent { ready: Some(ready), go: gone });
            let control = Control::Swap(Box::new(Swap { program: program.clone(), told, consent }));
            lane.controls.send(control).await.map_err(|_| lane.shared.end())?;
            asked.push(Asked { heard, is_ready, go });
        }
        let exchanged = runtime.spawn(async move {
            let outcome = exchange(asked).await;
            drop(turn);
            outcome
        });
        exchanged.await.unwrap_or_else(|_| Err(Error::closed()))
    }
}

impl Client {
    /// The lane that a call goes on.
    #[inline]
    pub(crate) fn lane(&self) -> &Shared {
        self.picked().map_or(&self.shared, |lane| &lane.shared)
    }

    /// A handle whose calls all go on one lane.
    pub(crate) fn on_one_lane(&self) -> Self {
        self.tied_to(self.picked())
    }

    /// The lane of a key whose replies are kept; nothing if that has no connection, and another lane has one.
    pub(crate) fn lane_of(&self, key: &[u8]) -> Option<&Shared> {
        let Some(lanes) = self.lanes.as_ref().filter(|_| !self.tied) else { return Some(&self.shared) };
        let lane = &lanes.of(&[key])?.shared;
        (lane.is_ready() || *self.shared.state.borrow() != ClientState::Ready).then_some(lane)
    }

    fn picked(&self) -> Option<&Lane> {
        self.lanes.as_ref().filter(|_| !self.tied)?.pick()
    }

    pub(crate) fn tied_to(&self, lane: Option<&Lane>) -> Self {
        let lane =
            lane.cloned().unwrap_or_else(|| Lane { shared: Arc::clone(&self.shared), controls: self.controls.clone() });
        Self { shared: lane.shared, controls: lane.controls, tied: true, ..self.clone() }
    }

    pub(crate) fn each_lane(&self) -> impl Iterator<Item = (&Arc<Shared>, &mpsc::Sender<Control>)> {
        let several = self.lanes.iter().flat_map(|lanes| lanes.all()).map(|lane| (&lane.shared, &lane.controls));
        several.chain(self.lanes.is_none().then_some((&self.shared, &self.controls)))
    }

    /// Asks for the same on all lanes, at the same time. Gives the first error.
    pub(crate) async fn on_each_lane(
        &self,
        control: impl Fn(oneshot::Sender<Result<(), Error>>) -> Control,
    ) -> Result<(), Error> {
        let (mut asked, mut outcome) = (Vec::new(), Ok(()));
        for (lane, controls) in self.each_lane() {
            let (told, heard) = oneshot::channel();
            match self.send_control(lane, controls, control(told)).await {
                Ok(()) => asked.push((lane, heard)),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        for (lane, heard) in asked {
            outcome = outcome.and(heard.await.unwrap_or_else(|_| Err(lane.end())));
        }
        outcome
    }

    pub(crate) async fn send_control(
        &self,
        lane: &Shared,
        controls: &mpsc::Sender<Control>,
        control: Control,
    ) -> Result<(), Error> {
        let deadline = self.deadline.and_then(from_now);
        lane.room_by(deadline, controls.send(control)).await?.map_err(|_| lane.end())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_number() {
        let first = token();
        assert_eq!(token(), first);
        assert_ne!(std::thread::spawn(token).join().unwrap(), first);
    }
}
