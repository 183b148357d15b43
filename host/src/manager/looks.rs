//! How often the task looks for replies before it sleeps. To be woken costs more than a server on the same machine
//! needs for its answer; and a server that is written to while it is still awake answers sooner.

use super::neighbours::Thread;

/// The Go host, whose looks are longer, has other numbers: this is some 25 µs of processor time where it was measured,
/// of which a look takes 0.4.
const SLEEP_COST: i32 = 64;
/// More than a sleep costs: a server that has slept too answers late, and is no longer late once nobody sleeps.
const MOST_LOOKS: i32 = 128;
/// In the middle of a long value a sleep costs more: the server, which was writing, falls asleep too, and both are
/// woken for each piece. Megabytes take the server half of the time where nobody sleeps.
const REST_SLEEP_COST: i32 = 192;
const REST_MOST_LOOKS: i32 = 192;
/// A nap takes as much processor time as so many looks, where that was measured: hardly less than a sleep, but none of
/// the server's.
const NAP_COST: i32 = 64;
/// As many looks come first: what the server is just writing is there by then.
const LOOKS_BEFORE_NAPS: usize = 12;
/// How often it is tried whether looking pays.
const TRIAL_WAITS: u32 = 8;
/// After how many waits it is asked anew.
const LOOK_WINDOW: u32 = 32;
/// For how many waits nobody looks where it did not pay, and where it never does.
const LEAST_PAUSE: u32 = 64;
const MOST_PAUSE: u32 = 2048;
/// How often the task looks while nothing is under way: those who were answered may be about to ask again.
const IDLE_LOOKS: i32 = 3;

/// One wait after the other.
#[derive(Debug)]
pub(super) struct Watch {
    replies: Looks,
    /// The rest of a long value comes at other times.
    rests: Looks,
    wait: Option<Wait>,
}

#[derive(Debug)]
struct Wait {
    rest: bool,
    /// What it may cost, and did, in looks.
    most: i32,
    taken: i32,
    looks: usize,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coming {
    /// Calls, as nothing is under way.
    Calls,
    Replies,
    /// The rest of a long value, and replies on other links.
    Rest,
    /// Nothing but rests of long values.
    Rests,
}

impl Coming {
    /// By whether nothing is under way, and by which of the links the rest of a long value comes.
    pub(super) fn on(idle: bool, mut rests: impl Iterator<Item = bool> + Clone) -> Self {
        if idle {
            Self::Calls
        } else if !rests.clone().any(|rest| rest) {
            Self::Replies
        } else if rests.all(|rest| rest) {
            Self::Rests
        } else {
            Self::Rest
        }
    }
}

/// What is to be done until it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Look,
    /// Look once all who are ready have run.
    Yield,
    /// Look once the thread has slept for a moment.
    Nap,
    /// Sleep until the system says that it is there.
    Sleep,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self {
            replies: Looks::new(SLEEP_COST, MOST_LOOKS),
            rests: Looks::new(REST_SLEEP_COST, REST_MOST_LOOKS),
            wait: None,
        }
    }

    /// A thread that is shared is left to the others between two looks, of whom each would else wait for all. Of
    /// several threads another may run them, and a yield has it look for work in vain; nor does any of those nap, as
    /// the system would move the others about: half of the long values a second, at more processor time, where that
    /// was measured.
    pub(super) fn next(&mut self, coming: Coming, thread: Thread) -> Next {
        let rest = matches!(coming, Coming::Rest | Coming::Rests);
        if self.wait.as_ref().is_some_and(|wait| wait.rest != rest) {
            self.wait = None;
        }
        let looks = if rest { &mut self.rests } else { &mut self.replies };
        let wait = self.wait.get_or_insert_with(|| Wait { rest, most: looks.begin(), taken: 0, looks: 0 });
        if wait.taken < wait.most && !(coming == Coming::Calls && wait.taken >= IDLE_LOOKS) {
            let next = match (thread, coming) {
                (Thread::Own, Coming::Rests) if wait.looks >= LOOKS_BEFORE_NAPS => Next::Nap,
                (Thread::Shared, _) => Next::Yield,
                _ => Next::Look,
            };
            wait.taken += if next == Next::Nap { NAP_COST } else { 1 };
            wait.looks += 1;
            return next;
        }
        if wait.most > 0 {
            looks.missed(wait.taken);
        }
        self.wait = None;
        Next::Sleep
    }

    /// Something was read.
    pub(super) fn came(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        if wait.looks > 1 {
            let looks = if wait.rest { &mut self.rests } else { &mut self.replies };
            looks.found(wait.taken - 1);
        }
    }

    /// The number of the look that is being taken, if one is.
    pub(super) fn look(&self) -> Option<usize> {
        self.wait.as_ref().map(|wait| wait.looks).filter(|looks| *looks > 0)
    }
}

/// How often to look, by what that has spared: nothing where the server is far or slow. The Go host counts the same
/// way: `tests/drivers/looks.json` is of both.
#[derive(Debug)]
struct Looks {
    /// As many cost as much as to fall asleep and be woken.
    sleep_cost: i32,
    /// Before a sleep.
    most: i32,
    /// In looks, since it was last decided.
    gain: i32,
    /// Waits until it is decided again.
    left: u32,
    /// The last one.
    pause: u32,
    resting: bool,
}

impl Looks {
    const fn new(sleep_cost: i32, most: i32) -> Self {
        Self { sleep_cost, most, gain: 0, left: TRIAL_WAITS, pause: 0, resting: false }
    }

    /// How many there may be in the wait that begins.
    fn begin(&mut self) -> i32 {
        if self.resting {
            self.left -= 1;
            if self.left > 0 {
                return 0;
            }
            (self.gain, self.left, self.resting) = (0, TRIAL_WAITS, false);
        }
        self.most
    }

    /// What was waited for had come after so many looks in vain.
    fn found(&mut self, after: i32) {
        self.note(self.sleep_cost - after);
    }

    /// Nothing had come after so many.
    fn missed(&mut self, after: i32) {
        self.note(-after);
    }

    fn note(&mut self, gain: i32) {
        self.gain += gain;
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        if self.gain >= 0 {
            (self.gain, self.left, self.pause) = (0, LOOK_WINDOW, 0);
        } else {
            self.pause = (2 * self.pause).clamp(LEAST_PAUSE, MOST_PAUSE);
            (self.left, self.resting) = (self.pause, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Go host looks as often before it sleeps.
    #[test]
    fn looks_of_both_hosts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/drivers/looks.json");
        let text = std::fs::read_to_string(path).unwrap();
        let script: serde_json::Value = serde_json::from_str(&text).unwrap();
        let number = |of: &serde_json::Value, name| of[name].as_i64().map(|number| number as i32);
        let mut looks = Looks::new(number(&script, "sleep_cost").unwrap(), number(&script, "most").unwrap());
        let steps = script["steps"].as_array().unwrap();
        assert!(!steps.is_empty());
        for (at, step) in steps.iter().enumerate() {
            let number = |name| number(step, name);
            for _ in 0..number("times").unwrap_or(1) {
                assert_eq!(Some(looks.begin()), number("most"), "step {at}");
                number("found").into_iter().for_each(|after| looks.found(after));
                number("missed").into_iter().for_each(|after| looks.missed(after));
            }
        }
    }

    /// Waits until something comes after so many looks, or the task is to sleep. Gives how often it looked.
    fn wait(watch: &mut Watch, after: usize, coming: Coming) -> usize {
        let mut looks = 0;
        while watch.next(coming, Thread::Own) != Next::Sleep {
            assert_eq!(watch.look(), Some(looks + 1));
            if looks == after {
                watch.came();
                assert_eq!(watch.look(), None);
                return looks;
            }
            looks += 1;
        }
        assert_eq!(watch.look(), None);
        looks
    }

    #[test]
    fn what_comes_soon_is_waited_for() {
        let mut watch = Watch::new();
        assert!((0..100).all(|_| wait(&mut watch, 26, Coming::Replies) == 26));
    }

    #[test]
    fn where_it_does_not_pay_the_task_sleeps() {
        let mut watch = Watch::new();
        let looks: usize = (0..10_000).map(|_| wait(&mut watch, usize::MAX, Coming::Replies)).sum();
        assert!(looks < 10_000 / 10 * MOST_LOOKS as usize / 2, "{looks}");
    }

    #[test]
    fn where_nothing_is_under_way_the_task_sleeps() {
        assert_eq!(wait(&mut Watch::new(), usize::MAX, Coming::Calls), IDLE_LOOKS as usize);
    }

    #[test]
    fn rests_of_values_tell_nothing_of_replies() {
        let mut watch = Watch::new();
        for _ in 0..TRIAL_WAITS {
            assert_eq!(wait(&mut watch, usize::MAX, Coming::Rest), REST_MOST_LOOKS as usize);
        }
        assert_eq!(wait(&mut watch, usize::MAX, Coming::Rest), 0);
        assert_eq!(wait(&mut watch, usize::MAX, Coming::Replies), MOST_LOOKS as usize);
    }

    #[test]
    fn a_thread_that_waits_for_long_values_alone_naps() {
        let mut watch = Watch::new();
        let mut next = || watch.next(Coming::Rests, Thread::Own);
        assert!((0..LOOKS_BEFORE_NAPS).all(|_| next() == Next::Look));
        assert_eq!([next(), next(), next(), next()], [Next::Nap, Next::Nap, Next::Nap, Next::Sleep]);
    }

    #[test]
    fn one_of_several_threads_does_not_nap() {
        let mut watch = Watch::new();
        assert!((0..REST_MOST_LOOKS).all(|_| watch.next(Coming::Rests, Thread::OneOfMany) == Next::Look));
        assert_eq!(watch.next(Coming::Rests, Thread::OneOfMany), Next::Sleep);
    }

    #[test]
    fn a_thread_is_left_to_others_where_it_is_shared() {
        let all = [Coming::Calls, Coming::Replies, Coming::Rest, Coming::Rests];
        for coming in all {
            let mut watch = Watch::new();
            assert!((0..IDLE_LOOKS).all(|_| watch.next(coming, Thread::Shared) == Next::Yield), "{coming:?}");
        }
        for thread in [Thread::Own, Thread::OneOfMany] {
            let next = all.map(|coming| Watch::new().next(coming, thread));
            assert_eq!(next, [Next::Look; 4], "{thread:?}");
        }
    }

    #[test]
    fn a_thread_naps_only_while_nothing_else_can_come() {
        let on = |idle, rests: &[bool]| Coming::on(idle, rests.iter().copied());
        assert_eq!(on(true, &[true]), Coming::Calls);
        assert_eq!(on(false, &[false, false]), Coming::Replies);
        assert_eq!(on(false, &[true, false]), Coming::Rest);
        assert_eq!(on(false, &[true, true]), Coming::Rests);
        let mut watch = Watch::new();
        assert!((0..8).all(|_| watch.next(Coming::Rest, Thread::Own) == Next::Look));
    }
}
