//! What the hook for events is told, added up as a metric would be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use coracle::{
    Cache, Cause, Client, ClientState, Command, Config, Credentials, Event, Names, Notice, SubscribeOptions,
};
use redis::AsyncCommands;

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: breaks_are_counted drops_are_counted credentials_are_told_of a_server_that_dies_is_told_of
}

#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<HashMap<&'static str, u64>>>);

impl Counts {
    pub fn on(&self, config: Config) -> Config {
        let counts = self.0.clone();
        config.on_event(move |event| *counts.lock().unwrap().entry(event.name()).or_default() += event.count())
    }

    pub fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    pub async fn until(&self, name: &str, count: u64) {
        in_time(async {
            while self.of(name) < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn subscribe(client: &Client, options: SubscribeOptions) -> coracle::Subscription {
    let mut subscription = client.subscribe(Names::channels(["c"]), options).await.unwrap();
    assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
    subscription
}

async fn breaks_are_counted(target: Target) {
    let admin = target.client().await;
    let counts = Counts::default();
    let config = counts.on(target.config()).cache(Cache::opt_in(1 << 20));
    let client = in_time(config.connect()).await.unwrap();
    let mut subscription = subscribe(&client, SubscribeOptions::default()).await;
    for round in 1..=3 {
        admin.command(["CLIENT", "KILL", "SKIPME", "yes"]).await.unwrap();
        assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Gap)));
        assert_eq!(in_time(subscription.next()).await, Some(Ok(Notice::Subscribed)));
        counts.until("reconnected", round).await;
        in_time(client.ready()).await.unwrap();
        let stats = client.stats();
        assert_eq!((counts.of("link-lost"), counts.of("reconnected")), (stats.links_lost, stats.reconnects));
        assert_eq!((counts.of("link-lost"), counts.of("gap")), (2 * round, round));
        assert_eq!((counts.of("cache-flushed"), stats.cache.flushes), (round, round));
    }
    // Ready; each time connecting, and ready again, of which this one may have to wait for the last.
    counts.until("state", 7).await;
    assert_eq!(counts.of("state"), 7);
}

async fn drops_are_counted(target: Target) {
    let counts = Counts::default();
    let client = in_time(counts.on(target.config()).connect()).await.unwrap();
    let options = SubscribeOptions { messages: 10, ..SubscribeOptions::default() };
    let _subscription = subscribe(&client, options).await;
    let publish = |number: usize| Command::new("PUBLISH").arg("c").arg(number.to_string());
    in_time(client.pipeline((0..1000).map(publish))).await.unwrap();
    counts.until("dropped", 990).await;
    assert_eq!((counts.of("dropped"), client.stats().messages_dropped), (990, 990));
}

async fn credentials_are_told_of(target: Target) {
    let counts = Counts::default();
    let mut client = in_time(counts.on(target.config()).connect()).await.unwrap();
    in_time(client.command(["CONFIG", "SET", "requirepass", "right"])).await.unwrap();
    in_time(client.renew(Credentials::new("", "wrong"))).await.unwrap_err();
    in_time(client.renew(Credentials::new("", "right"))).await.unwrap();
    let () = client.set("k", "v").await.unwrap();
    assert_eq!((counts.of("renewal-failed"), counts.of("renewed")), (1, 1));
}

async fn a_server_that_dies_is_told_of(mut target: Target) {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let told = Arc::clone(&events);
    let config = target.config().on_event(move |event| told.lock().unwrap().push(event.clone()));
    let _client = in_time(config.connect()).await.unwrap();
    target.server_mut().kill().unwrap();
    let place = |wanted: fn(&Event) -> bool| events.lock().unwrap().iter().position(wanted);
    let down = |event: &Event| match event {
        Event::State { state: ClientState::Down(error), down_since: Some(_) } => error.cause() == Cause::Unreachable,
        _ => false,
    };
    in_time(async {
        while place(down).is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let broken = place(|event| matches!(event, Event::LinkLost { cause: Cause::Lost, .. }));
    let refused = place(|event| matches!(event, Event::ConnectFailed { cause: Cause::Unreachable, .. }));
    let told = events.lock().unwrap();
    let down = told.iter().rposition(down);
    assert!(broken.is_some() && broken < refused && refused < down, "{told:?}");
}
