//! A link that is not read while its subscriber's queue is full.

use std::time::Duration;

use super::fake::Server;
use super::{component, config, connect, in_time, next, ping, pong, until};
use crate::rows::MAX_FEED;
use crate::{Cause, Client, Message, Names, Notice, SubscribeOptions, Subscription, WhenFull};

const MESSAGES: usize = 20_000;
/// Of one message on its link.
const SIZE: usize = 38;

async fn subscribe(client: &Client, options: SubscribeOptions) -> Subscription {
    let options = SubscribeOptions { when_full: WhenFull::Wait, ..options };
    let mut subscription = client.subscribe(Names::channels(["news"]), options).await.unwrap();
    assert_eq!(next(&mut subscription).await, Notice::Subscribed);
    subscription
}

/// The server sends them all at once, and the link is held before the last one has come.
async fn flood(server: &Server, client: &Client, subscription: &Subscription) {
    let messages = (0..MESSAGES).map(|number| {
        let text = format!(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\n{number:05}\r\n");
        assert_eq!(text.len(), SIZE);
        text
    });
    server.say_after("SUBSCRIBE", &messages.collect::<String>());
    in_time(until(|| subscription.is_held())).await;
    // Others have their turns.
    for _ in 0..10 {
        assert_eq!(ping(client).await, Ok(pong()));
    }
}

fn options(messages: usize, bytes: usize) -> SubscribeOptions {
    SubscribeOptions { messages, bytes, ..SubscribeOptions::default() }
}

#[tokio::test]
async fn a_full_queue_takes_no_more_than_what_came_in_one_piece() {
    for (options, limit) in [(options(10, 1 << 30), 10), (options(1 << 30, 90), 10), (options(3000, 1 << 30), 3000)] {
        let server = Server::default();
        let client = connect(&server).await;
        let mut subscription = subscribe(&client, options).await;
        flood(&server, &client, &subscription).await;
        for number in 0..MESSAGES {
            let waiting = subscription.waiting().0;
            assert!(waiting <= limit + MAX_FEED / SIZE, "{waiting}");
            let payload = format!("{number:05}").into();
            let message = Message { channel: "news".into(), pattern: None, payload };
            assert_eq!(next(&mut subscription).await, Notice::Message(message));
        }
        assert_eq!(client.stats().messages_dropped, 0);
    }
}

#[tokio::test]
async fn a_held_link_is_closed_with_its_subscription() {
    let server = Server::default();
    let client = connect(&server).await;
    let subscription = subscribe(&client, options(10, 1 << 20)).await;
    flood(&server, &client, &subscription).await;
    assert_eq!(server.open_connections(), 2);
    drop(subscription);
    in_time(until(|| server.open_connections() == 1)).await;
    assert_eq!(ping(&client).await, Ok(pong()));
}

#[tokio::test]
async fn a_held_link_does_not_hold_up_the_end() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut subscription = subscribe(&client, options(10, 1 << 20)).await;
    flood(&server, &client, &subscription).await;
    let waiting = subscription.waiting().0;
    in_time(client.close(Duration::from_secs(60))).await;
    assert_eq!(server.open_connections(), 0);
    // What had come is still there.
    for _ in 0..waiting {
        assert!(matches!(next(&mut subscription).await, Notice::Message(_)));
    }
    let end = in_time(futures_util::StreamExt::next(&mut subscription)).await.unwrap();
    assert_eq!(end.unwrap_err().cause(), Cause::Closing);
}

#[tokio::test]
async fn another_instance_has_another_link() {
    for swap in [false, true] {
        let server = Server::default();
        let client = config(&server).connect().await.unwrap();
        let mut subscription = subscribe(&client, options(10, 1 << 20)).await;
        flood(&server, &client, &subscription).await;
        let place = server.place_of("SUBSCRIBE");
        let waiting = subscription.waiting().0;
        if swap {
            in_time(client.swap(component())).await.unwrap();
        } else {
            client.testing("trap", None).await.unwrap();
        }
        in_time(until(|| server.place_of("SUBSCRIBE") != place)).await;
        // That one is held from its beginning.
        flood(&server, &client, &subscription).await;
        assert_eq!(subscription.waiting().0, waiting);
        for _ in 0..waiting {
            assert!(matches!(next(&mut subscription).await, Notice::Message(_)));
        }
        assert_eq!(next(&mut subscription).await, Notice::Gap);
        assert_eq!(next(&mut subscription).await, Notice::Subscribed);
        for _ in 0..MESSAGES {
            assert!(matches!(next(&mut subscription).await, Notice::Message(_)));
        }
    }
}

/// Its silence is not the server's, so it is neither asked nor closed for that.
#[tokio::test]
async fn a_held_link_may_be_silent() {
    let server = Server::default();
    let client = connect(&server).await;
    let mut subscription = subscribe(&client, options(10, 1 << 20)).await;
    flood(&server, &client, &subscription).await;
    let place = server.place_of("SUBSCRIBE");
    tokio::time::pause();
    let pings = server.times("PING");
    // From here on time passes as soon as nothing else happens.
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(server.times("PING") > pings, "the other link was asked");
    assert!(subscription.is_held());
    assert_eq!(server.times_on("PING", place), 0);
    assert_eq!((server.connections(), client.stats().links_lost), (2, 0));
    tokio::time::resume();
    for _ in 0..MESSAGES {
        assert!(matches!(next(&mut subscription).await, Notice::Message(_)));
    }
    // It is asked again once it is read.
    tokio::time::pause();
    while server.times_on("PING", place) == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
