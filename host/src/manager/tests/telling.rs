//! What the hook for events is told, and in what order.

use std::sync::{Arc, Mutex};

use super::fake::{HANG, Server};
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

/// Waits, in time that passes by itself, until the client is in such a state.
async fn state_of(client: &Client, wanted: impl FnMut(&ClientState) -> bool) {
    client.states().wait_for(wanted).await.unwrap();
}

/// The core closes such a link, and it is lost all the same.
#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    assert_eq!(client.stats().links, 1);
    server.stop_reading();
    server.refuse_connections();
    state_of(&client, |state| *state == ClientState::Connecting).await;
    let lost = Event::LinkLost { cause: Cause::Silent, detail: "the server fell silent".into() };
    assert_eq!(told.take().last(), Some(&lost));
    let stats = client.stats();
    assert_eq!((stats.links_lost, stats.connects_failed, stats.links), (1, 0, 0), "{stats:?}");
}

#[tokio::test]
async fn a_server_that_does_not_keep_to_the_protocol() {
    let server = Server::default();
    let (client, told) = connect(&server).await;
    server.say_on(0, "nonsense\r\n");
    told.until("link-lost").await;
    assert!(told.take().iter().any(|event| matches!(event, Event::LinkLost { cause: Cause::Protocol, .. })));
    let stats = client.stats();
    assert_eq!((stats.links_lost, stats.connects_failed), (1, 0), "{stats:?}");
}

/// Each try that comes to nothing is counted, and the connections that were closed in order are not.
#[tokio::test(start_paused = true)]
async fn tries_to_connect_that_fail() {
    let (server, told) = (Server::default(), Told::default());
    server.refuse_connections();
    let client = told.listening(config(&server)).start().await.unwrap();
    state_of(&client, |state| matches!(state, ClientState::Down(_))).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let (stats, names) = (client.stats(), told.names());
    let failed = names.iter().filter(|name| **name == "connect-failed").count() as u64;
    assert!(failed > 1 && !names.contains(&"link-lost"), "{names:?}");
    assert_eq!((stats.connects_failed, stats.links_lost, stats.links_opened), (failed, 0, failed + 1), "{stats:?}");
    server.accept_connections();
    state_of(&client, |state| *state == ClientState::Ready).await;
    told.take();
    client.close(std::time::Duration::from_secs(1)).await;
    assert_eq!(told.names(), ["state"]);
    assert_eq!((client.stats().links_lost, client.stats().links), (0, 0));
}

#[tokio::test]
async fn calls_are_counted_while_they_are_under_way() {
    let server = Server::default();
    let (client, _) = connect(&server).await;
    let gauges = || (client.stats().calls, client.stats().calls_waiting);
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.command([HANG, "k"]).await }
    });
    in_time(until(|| gauges() == (1, 0))).await;
    server.refuse_connections();
    server.break_connections();
    in_time(hanging).await.unwrap().unwrap_err();
    in_time(until(|| gauges() == (0, 0))).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.command(["PING"]).await }
    });
    in_time(until(|| gauges() == (1, 1))).await;
    in_time(client.close(std::time::Duration::ZERO)).await;
    in_time(waiting).await.unwrap().unwrap_err();
    assert_eq!(gauges(), (0, 0));
}
