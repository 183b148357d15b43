//! Subscribers: each notes what it is told, and whether that is in order and whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use coracle::{Client, Names, Notice, SubscribeOptions};
use tokio::sync::Notify;

use crate::payload::token_of;
use crate::script::Subscribe;
use crate::server::Server;
use crate::world::World;

/// All subscribers of a run.
#[derive(Debug, Default)]
pub struct Readers(BTreeMap<u64, Reader>);

/// What one was told.
#[derive(Debug)]
struct Reader {
    channel: String,
    wanted: Option<u64>,
    confirmed: bool,
    /// The last message that came, or that need not come.
    last: u64,
    /// A message up to this one may have been lost to a gap.
    forgiven: u64,
    /// There was a gap, and the server has not confirmed again.
    gap: bool,
    /// Since the last message.
    dropped: u64,
    dropped_ever: u64,
    over: bool,
    signals: Signals,
}

/// What tells a subscriber to leave, and one that stopped to read on.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    leave: Arc<Notify>,
    read: Arc<Notify>,
}

impl Readers {
    /// A subscriber begins.
    pub fn start(&mut self, subscribe: &Subscribe) -> Signals {
        let signals = Signals::default();
        let reader = Reader {
            channel: subscribe.channel.clone(),
            wanted: subscribe.dropped,
            confirmed: false,
            last: 0,
            forgiven: 0,
            gap: false,
            dropped: 0,
            dropped_ever: 0,
            over: false,
            signals: signals.clone(),
        };
        self.0.insert(subscribe.id, reader);
        signals
    }

    pub fn leave(&self, id: u64) {
        if let Some(reader) = self.0.get(&id) {
            reader.signals.leave.notify_one();
        }
    }

    pub fn leave_all(&self) {
        self.0.values().for_each(|reader| reader.signals.leave.notify_one());
    }

    pub fn read(&self, id: u64) {
        if let Some(reader) = self.0.get(&id) {
            reader.signals.read.notify_one();
        }
    }

    pub fn read_all(&self) {
        self.0.values().for_each(|reader| reader.signals.read.notify_one());
    }

    pub fn are_confirmed(&self) -> bool {
        self.0.values().all(|reader| reader.over || reader.confirmed)
    }

    pub fn are_over(&self) -> bool {
        self.0.values().all(|reader| reader.over)
    }

    /// The channels that somebody reads.
    pub fn channels(&self) -> Vec<String> {
        let mut channels: Vec<_> = self.0.values().filter(|reader| !reader.over).map(|at| at.channel.clone()).collect();
        channels.sort();
        channels.dedup();
        channels
    }

    /// Everybody has the newest message.
    pub fn are_up_to_date(&self, server: &Server) -> bool {
        self.0.values().all(|reader| reader.over || reader.last == server.published(&reader.channel))
    }

    /// All messages that were dropped, as the readers were told; nothing if one of them left.
    pub fn dropped(&self) -> Option<u64> {
        self.0.values().map(|reader| (!reader.over).then_some(reader.dropped_ever)).sum()
    }

    pub fn check_dropped(&self) -> Vec<String> {
        let wrong =
            self.0.iter().filter(|(_, reader)| reader.wanted.is_some_and(|wanted| wanted != reader.dropped_ever));
        wrong.map(|(id, reader)| format!("subscriber {id} was told of {} drops", reader.dropped_ever)).collect()
    }
}

impl Reader {
    fn note(&mut self, notice: &Notice, server: &Server) -> Result<(), String> {
        match notice {
            Notice::Subscribed => {
                // What was published before is here or not; what comes now must come.
                let published = server.published(&self.channel);
                if self.gap || !self.confirmed {
                    self.forgiven = published;
                }
                (self.confirmed, self.gap) = (true, false);
            }
            Notice::Gap => self.gap = true,
            Notice::Dropped(count) => {
                self.dropped += count;
                self.dropped_ever += count;
            }
            Notice::Message(message) => {
                let number = token_of(&message.payload)
                    .and_then(|token| token.strip_prefix(&format!("{}#", self.channel))?.parse().ok())
                    .filter(|_| message.channel == self.channel && message.pattern.is_none());
                return self.message(number.ok_or_else(|| format!("a message for another: {message:?}"))?);
            }
            other => return Err(format!("an unknown notice: {other:?}")),
        }
        Ok(())
    }

    fn message(&mut self, number: u64) -> Result<(), String> {
        let (last, dropped) = (self.last, std::mem::take(&mut self.dropped));
        if number <= last {
            return Err(format!("message {number} of {} after {last}", self.channel));
        }
        self.last = number;
        let missing = number - last - 1;
        let unforgiven = number.saturating_sub(last.max(self.forgiven) + 1);
        if self.gap || dropped < unforgiven || missing < dropped {
            let Self { channel, gap, forgiven, .. } = self;
            return Err(format!(
                "message {number} of {channel} after {last}: {dropped} dropped, gap {gap}, {forgiven} may be missing"
            ));
        }
        Ok(())
    }
}

/// Subscribes and reads, until it is told to leave or the subscription ends.
pub async fn subscriber(world: Arc<World>, client: Client, subscribe: Subscribe, signals: Signals) {
    let (id, Signals { leave, read }) = (subscribe.id, signals);
    tokio::select! {
        () = leave.notified() => {}
        () = listen(&world, &client, &subscribe, &read) => {}
    }
    drop(client);
    world.change(|state| {
        if let Some(reader) = state.readers.0.get_mut(&id) {
            reader.over = true;
        }
    });
}

async fn listen(world: &World, client: &Client, subscribe: &Subscribe, read: &Notify) {
    let names = Names::channels([subscribe.channel.clone()]);
    let options = SubscribeOptions { messages: subscribe.queue, ..SubscribeOptions::default() };
    let Ok(mut notices) = client.subscribe(names, options).await else { return };
    let mut stops = subscribe.stops;
    while let Some(Ok(notice)) = notices.next().await {
        let confirmed = world.change(|state| {
            let Some(reader) = state.readers.0.get_mut(&subscribe.id) else { return false };
            if let Err(wrong) = reader.note(&notice, &state.server) {
                state.server.violations.push(format!("subscriber {}: {wrong}", subscribe.id));
            }
            reader.confirmed
        });
        // Before, it may be told of messages that it lost: a wait for its confirmation would never end.
        if confirmed && std::mem::take(&mut stops) {
            read.notified().await;
        }
    }
}
