//! Commands under way whose replies others wait for too: one leads, the others follow.

use std::collections::HashMap;
use std::sync::Arc;

use redis::Value;
use tokio::sync::oneshot;

use super::question::Question;
use super::shelf::Shelf;
use crate::error::Error;

/// Commands under way, by what they ask.
#[derive(Default)]
pub(crate) struct Flights {
    flights: HashMap<Question, Flight>,
    last: u64,
}

struct Flight {
    number: u64,
    followers: Followers,
}

pub(crate) type Followers = Vec<oneshot::Sender<Told>>;

/// What a follower is told. If nothing, as its leader failed or is gone, it looks again: the first to do so leads. None
/// is chosen for that, as it could be one that is not polled for long while others wait.
pub(crate) enum Told {
    /// The reply that the leader got, or the server's error.
    Reply(Result<Arc<Value>, Error>),
    /// The reply is for the leader alone: it may not be kept, and so the command may be more than a read.
    Alone,
}

/// The task to get a reply that others wait for. Whoever drops it without one leaves it to them.
pub(crate) struct Lead {
    question: Question,
    number: u64,
    /// Nothing once it is done.
    shelf: Option<Arc<Shelf>>,
}

impl Flights {
    /// Follows who asks the same already. The error is the number of a new flight, if nobody does.
    pub(crate) fn join(&mut self, question: &Question) -> Result<oneshot::Receiver<Told>, u64> {
        if let Some(flight) = self.flights.get_mut(question) {
            let (follower, told) = oneshot::channel();
            if flight.followers.len() == flight.followers.capacity() {
                // Before more room is made: those who wait no more need none.
                flight.followers.retain(|follower| !follower.is_closed());
            }
            flight.followers.push(follower);
            return Ok(told);
        }
        self.last += 1;
        self.flights.insert(question.clone(), Flight { number: self.last, followers: Followers::new() });
        Err(self.last)
    }

    /// The flight is over; gives its followers.
    pub(crate) fn land(&mut self, question: &Question, number: u64) -> Followers {
        let over = self.flights.get(question).is_some_and(|flight| flight.number == number);
        let flight = if over { self.flights.remove(question) } else { None };
        flight.map(|flight| flight.followers).unwrap_or_default()
    }

    /// Leaders go on alone, and followers look again.
    pub(crate) fn scatter(&mut self) {
        self.flights.clear();
    }
}

impl Lead {
    pub(crate) fn new(question: Question, number: u64, shelf: Arc<Shelf>) -> Self {
        Self { question, number, shelf: Some(shelf) }
    }

    /// The server has answered. `storable` is the core's word; `keep`, whether its lane's replies are kept.
    pub(crate) fn answered(mut self, reply: Result<&Value, &Error>, storable: bool, keep: bool) {
        if let Some(shelf) = self.shelf.take() {
            shelf.answered(&self.question, self.number, reply, storable, keep);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.take() {
            shelf.given_up(&self.question, self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    #[test]
    fn followers_who_left_take_no_room() {
        let question = Question::of(&Command::from_args(["GET", "k"])).unwrap();
        let mut flights = Flights::default();
        let number = flights.join(&question).err().unwrap();
        let stays = flights.join(&question).unwrap();
        for _ in 0..1000 {
            drop(flights.join(&question));
        }
        let followers = flights.land(&question, number);
        assert!(followers.len() < 10, "{}", followers.len());
        drop(followers);
        drop(stays);
        assert!(flights.join(&question).is_err(), "it is over");
    }
}
