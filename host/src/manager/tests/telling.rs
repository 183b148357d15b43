//! What the hook for events is told, and in what order.

use std::sync::{Arc, Mutex};

use super::fake::Server;
use super::{component, config, in_time, next, ping, pong, until};
use crate::{Cause, Client, ClientState, Config, Credentials, Event, Names, Notice, SubscribeOptions};

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    fn listening(&self, config: Config) -> Config {
        let told = self.clone();
        config.on_event(move |event| told.0.lock().unwrap().push(event.clone()))
    }

    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn names(&self) -> Vec<&'static str> {
        self.take().iter().map(Event::name).collect()
    }

    async fn until(&self, name: &str) {
        in_time(until(|| self.0.lock().unwrap().iter().any(|event| event.name() == name))).await;
    }
}

async fn connect(server: &Server) -> (Client, Told) {
    let told = Told::default();
    let client = told.listening(config(server)).connect().await.unwrap();
    let ready = Event::State { state: ClientState::Ready, down_since: None };
    assert_eq!(told.take(), [ready]);
    (client, told)
}

#[tokio::test]
async fn a_broken_connection() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    let mut subscription = client.subscribe(Names::channels(["news"]), SubscribeOptions::default()).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    server.break_connections();
    assert_eq!(next(&mut subscription).await, Notice::Gap);
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    assert_eq!(in_time(client.command(["PING"])).await, Ok(pong()));
    let events = told.take();
    let lost = |event: &&Event| matches!(event, Event::LinkLost { cause: Cause::Lost, detail } if !detail.is_empty());
    let down = |event: &&Event| matches!(event, Event::State { state: ClientState::Connecting, down_since: Some(_) });
    assert_eq!(events.iter().filter(lost).count(), 2, "{events:?}");
    assert_eq!(events.iter().filter(down).count(), 1, "{events:?}");
    for once in ["gap", "reconnected"] {
        assert_eq!(events.iter().filter(|event| event.name() == once).count(), 1, "{once}: {events:?}");
    }
}

#[tokio::test]
async fn a_trap() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    for _ in 0..2 {
        client.testing("trap", None).await.unwrap();
        assert_eq!(ping(&client).await, Ok(pong()));
        let events = told.take();
        let names: Vec<_> = events.iter().map(Event::name).collect();
        assert_eq!(names, ["trap", "state", "reconnected", "state"]);
        assert!(matches!(&events[0], Event::Trap { detail, in_a_row: 1 } if !detail.is_empty()), "{events:?}");
    }
}

#[tokio::test]
async fn an_exchange_and_the_end() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    in_time(client.swap(component())).await.unwrap();
    assert_eq!(told.names(), ["swapped"], "for the client nothing else changes");
    in_time(client.close(super::PATIENCE)).await;
    let [Event::State { state: ClientState::Closed(_), .. }] = &told.take()[..] else { panic!("it is not closed") };
}

#[tokio::test]
async fn credentials() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    in_time(client.renew(Credentials::new("", "good"))).await.unwrap();
    assert_eq!(told.names(), ["renewed"]);
}

/// One event tells of all that one call of the core brought.
#[tokio::test]
async fn messages_that_were_dropped() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    let options = SubscribeOptions { messages: 1, ..SubscribeOptions::default() };
    let mut subscription = client.subscribe(Names::channels(["news"]), options).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    server.say_after("SUBSCRIBE", &">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n".repeat(100));
    told.until("dropped").await;
    assert_eq!(told.take(), [Event::Dropped(99)]);
    assert_eq!((next(&mut subscription).await, client.stats().messages_dropped), (Notice::Dropped(99), 99));
}

/// What the hook sees of the client agrees with what it is told.
#[tokio::test]
async fn a_hook_may_ask_the_client_and_panic() {
    let server = Server::default();
    let seen: Arc<Mutex<Option<Client>>> = Arc::default();
    let told = Told::default();
    let (asked, tells) = (Arc::clone(&seen), told.clone());
    let hook = move |event: &Event| {
        if let (Event::State { state, .. }, Some(client)) = (event, &*asked.lock().unwrap()) {
            assert_eq!(client.state(), *state);
        }
        tells.0.lock().unwrap().push(event.clone());
        panic!("as it is meant to");
    };
    let client = config(&server).on_event(hook).connect().await.unwrap();
    *seen.lock().unwrap() = Some(client.clone());
    client.testing("trap", None).await.unwrap();
    assert_eq!(ping(&client).await, Ok(pong()));
    assert_eq!(told.names(), ["state", "trap", "state", "reconnected", "state"]);
    *seen.lock().unwrap() = None;
}
