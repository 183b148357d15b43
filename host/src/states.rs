//! What a client is doing, and each of its lanes.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::Error;

/// What a client is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientState {
    /// Connecting, for the first time or again. Calls wait.
    Connecting,
    /// Commands are sent.
    Ready,
    /// The server can't be reached. The client goes on trying; calls fail meanwhile.
    Down(Error),
    /// The server does not let this client in. The client goes on trying; calls fail meanwhile.
    Denied(Error),
    /// Closed, by whatever the error says.
    Closed(Error),
}

impl ClientState {
    /// Why there is no connection, and none to be expected soon.
    pub(crate) fn error(&self) -> Option<Error> {
        match self {
            Self::Ready | Self::Connecting => None,
            Self::Down(error) | Self::Denied(error) | Self::Closed(error) => Some(error.clone()),
        }
    }
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

    /// Notes what this lane is doing. `count` hears what the client is doing then, before anybody can see it, and
    /// `tell` afterwards, with whether that is new and what `count` gave; nobody else tells anything meanwhile.
    pub(crate) fn set<T>(
        &self,
        state: ClientState,
        count: impl FnOnce(&ClientState) -> T,
        tell: impl FnOnce(&ClientState, bool, T),
    ) {
        self.states.each.send_modify(|each| {
            if let Some(place) = each.get_mut(self.place) {
                *place = state;
            }
            let Some(best) = each.iter().min_by_key(|state| rank(state)) else { return };
            let counted = count(best);
            let new = self.states.best.send_replace(best.clone()) != *best;
            tell(best, new, counted);
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
            lanes[lane].set(state.clone(), |_| (), |best, new, ()| told = Some((best.clone(), new)));
            assert_eq!(told, Some((wanted.clone(), wanted_new)), "lane {lane} is {state:?}");
            assert_eq!(*states.best().borrow(), wanted);
            assert_eq!(states.each().borrow()[lane], state);
        }
    }
}
