//! A publisher and a subscriber: order is kept, and what is missing was announced.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coracle::{Client, Command, Names, Notice, SubscribeOptions};
use tokio::sync::watch;

use super::caller::Shared;

/// Where the numbered messages go.
const NEWS: &str = "f:news";
/// Where the runner publishes what fills buffers; subscribed to, and not counted.
const FLOOD: &str = "f:flood";
/// Between two messages, and after a failure.
const PACE: Duration = Duration::from_millis(1);
const BREATH: Duration = Duration::from_millis(10);

/// What publisher and subscriber know together.
pub struct News {
    shared: Arc<Shared>,
    /// The last number that was published, or tried.
    pub published: AtomicU64,
    /// Numbers whose publication was not confirmed: they may be missing, or come late.
    unsure: Mutex<BTreeSet<u64>>,
    /// The last number that was heard.
    pub heard: AtomicU64,
    /// What was published when the fault ended.
    marked: AtomicU64,
    quiet: AtomicBool,
    /// True while the subscriber leaves its queue alone.
    pub deaf: watch::Sender<bool>,
}

impl News {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            published: AtomicU64::new(0),
            unsure: Mutex::default(),
            heard: AtomicU64::new(0),
            marked: AtomicU64::new(u64::MAX),
            quiet: AtomicBool::new(false),
            deaf: watch::channel(false).0,
        }
    }

    /// The fault is over.
    pub fn mark(&self) {
        self.marked.store(self.published.load(Relaxed), Relaxed);
    }

    /// Publishes numbers, once there is somebody to hear them, until told to be quiet.
    pub async fn publish(self: Arc<Self>, client: Client, subscribed: Arc<tokio::sync::Notify>) {
        subscribed.notified().await;
        while !self.quiet.load(Relaxed) {
            let fine = self.publish_one(&client).await;
            tokio::time::sleep(if fine { PACE } else { BREATH }).await;
        }
    }

    async fn publish_one(&self, client: &Client) -> bool {
        let number = self.published.load(Relaxed) + 1;
        // Before it is sent: it may be heard before its confirmation is.
        self.published.store(number, Relaxed);
        let started = Instant::now();
        let result = client.call(Command::new("PUBLISH").arg(NEWS).arg(number.to_string())).await;
        if started.elapsed() > self.shared.deadline + super::tally::MARGIN {
            self.shared.tally.complain("hung", || format!("PUBLISH took {:?}", started.elapsed()));
        }
        if result.is_err() {
            self.unsure.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
        self.shared.tally.add(if result.is_ok() { "published" } else { "publish_failed" }, 1);
        result.is_ok()
    }

    /// The publisher is to stop.
    pub fn quiet(&self) {
        self.quiet.store(true, Relaxed);
    }

    /// Publishes on, once nobody else does, until the subscriber keeps up. False if it does not within `bound`.
    pub async fn finish(&self, client: &Client, bound: Duration) -> bool {
        let deadline = Instant::now() + bound;
        while Instant::now() < deadline {
            self.publish_one(client).await;
            tokio::time::sleep(BREATH).await;
            if self.heard.load(Relaxed) + 1 >= self.published.load(Relaxed) {
                return true;
            }
        }
        false
    }

    /// Listens, and subscribes anew if the subscription ends, which is counted.
    pub async fn listen(self: Arc<Self>, queue: usize, ready: Arc<tokio::sync::Notify>) {
        loop {
            let options = SubscribeOptions { messages: queue, ..SubscribeOptions::default() };
            let subscribed = self.shared.client.subscribe(Names::channels([NEWS, FLOOD]), options).await;
            let Ok(mut subscription) = subscribed else {
                self.shared.tally.add("subscribe_failed", 1);
                tokio::time::sleep(BREATH).await;
                continue;
            };
            let mut ear = Ear::default();
            let mut deaf = self.deaf.subscribe();
            loop {
                // The sender lives as long as this does.
                let _ = deaf.wait_for(|deaf| !deaf).await;
                match subscription.next().await {
                    Some(Ok(Notice::Subscribed)) => ready.notify_one(),
                    Some(Ok(notice)) => self.hear(&mut ear, &notice),
                    Some(Err(error)) => self.shared.tally.complain("subscription_ended", || error.to_string()),
                    None => break,
                }
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    fn hear(&self, ear: &mut Ear, notice: &Notice) {
        let tally = &self.shared.tally;
        match notice {
            Notice::Gap => {
                tally.add("gaps", 1);
                ear.gap = true;
            }
            Notice::Dropped(count) => {
                tally.add("dropped", *count);
                ear.dropped += count;
            }
            Notice::Message(message) if message.channel == NEWS => {
                let number = std::str::from_utf8(&message.payload).ok().and_then(|text| text.parse().ok());
                let Some(number) = number else {
                    return tally.complain("crossed", || format!("a message says {:?}", message.payload));
                };
                self.number(ear, number);
            }
            _ => {}
        }
    }

    fn number(&self, ear: &mut Ear, number: u64) {
        let tally = &self.shared.tally;
        tally.add("messages", 1);
        let mut unsure = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
        match ear.hear(number, &unsure) {
            Heard::Fine => {}
            Heard::Missing(count) => {
                tally.complain("missing", || format!("{count} messages before {number}, unannounced"));
            }
            Heard::Disorder => tally.complain("disorder", || format!("{number} after {:?}", ear.last)),
        }
        // What is long past can't be asked about any more.
        while unsure.first().is_some_and(|first| first + 100_000 < number) {
            unsure.pop_first();
        }
        drop(unsure);
        self.heard.fetch_max(number, Relaxed);
        if number > self.marked.load(Relaxed) {
            tally.heard();
        }
    }
}

/// What one subscription has heard.
#[derive(Default)]
struct Ear {
    last: Option<u64>,
    gap: bool,
    dropped: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Fine,
    Missing(u64),
    Disorder,
}

impl Ear {
    /// Holds a number against the last one, and what was announced since.
    fn hear(&mut self, number: u64, unsure: &BTreeSet<u64>) -> Heard {
        let Some(last) = self.last else {
            self.last = Some(number);
            return Heard::Fine;
        };
        if number <= last {
            // One that nobody confirmed may have been published late.
            return if number < last && unsure.contains(&number) { Heard::Fine } else { Heard::Disorder };
        }
        let missing = number - last - 1 - unsure.range(last + 1..number).count() as u64;
        let announced = self.gap || missing <= self.dropped;
        *self = Self { last: Some(number), ..Self::default() };
        if announced { Heard::Fine } else { Heard::Missing(missing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_missing_and_was_not_announced() {
        let unsure = BTreeSet::from([5]);
        let mut ear = Ear::default();
        assert_eq!(ear.hear(3, &unsure), Heard::Fine);
        assert_eq!(ear.hear(4, &unsure), Heard::Fine);
        assert_eq!(ear.hear(6, &unsure), Heard::Fine);
        assert_eq!(ear.hear(5, &unsure), Heard::Fine);
        assert_eq!(ear.hear(9, &unsure), Heard::Missing(2));
        assert_eq!(ear.hear(9, &unsure), Heard::Disorder);
        ear.gap = true;
        assert_eq!(ear.hear(12, &unsure), Heard::Fine);
        ear.dropped = 2;
        assert_eq!(ear.hear(15, &unsure), Heard::Fine);
        assert_eq!(ear.hear(18, &unsure), Heard::Missing(2));
    }
}
