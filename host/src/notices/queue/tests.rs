//! What a reader that is behind is told.

use super::*;
use crate::Message;

fn message() -> Notice {
    Notice::Message(Message { channel: "c".into(), pattern: None, payload: "p".into() })
}

/// What is still on its way when the link is held finds a queue that is full no more, and not yet half empty.
#[test]
fn a_link_is_held_until_its_reader_is_told_to_let_it_go() {
    let queue = Queue::new(SubscribeOptions { messages: 10, bytes: 1000, when_full: WhenFull::Wait });
    let pop = || queue.poll(&mut Context::from_waker(Waker::noop())).1;
    for _ in 0..10 {
        queue.push(message());
    }
    assert!(queue.hold());
    assert!(!(0..4).any(|_| pop()));
    queue.push(message());
    assert!(queue.hold(), "nobody would say that it is to be let go");
    assert!(!pop() && pop());
    assert!(!queue.is_held());
    queue.push(message());
    assert!(!queue.hold());
}

fn taken(queue: &Queue) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Poll::Ready(Some(Ok(notice))) = queue.poll(&mut Context::from_waker(Waker::noop())).0 {
        names.push(match notice {
            Notice::Subscribed => "subscribed",
            Notice::Message(_) => "message",
            Notice::Gap => "gap",
            Notice::Dropped(_) => "dropped",
        });
    }
    names
}

/// As in the Go host.
#[test]
fn a_gap_is_not_dropped_and_neither_is_whether_names_were_confirmed_since() {
    let queue = Queue::new(SubscribeOptions { messages: 2, bytes: 1000, when_full: WhenFull::DropOldest });
    let push = |notices: &[Notice]| {
        notices.iter().for_each(|notice| {
            queue.push(notice.clone());
        });
    };
    let (gap, subscribed) = (Notice::Gap, Notice::Subscribed);
    push(&[subscribed.clone(), message(), gap.clone(), subscribed.clone(), message(), message(), message()]);
    assert_eq!(taken(&queue), ["subscribed", "gap", "subscribed", "dropped", "message", "message"]);
    // Nobody reads, and the connection breaks again and again.
    (0..1000).for_each(|_| push(&[gap.clone(), subscribed.clone()]));
    assert!(queue.lock().notices.len() <= MAX_OTHERS + 1);
    push(&[message(), message(), message()]);
    assert!(queue.lock().displaced.len() <= 3);
    assert_eq!(taken(&queue), ["gap", "subscribed", "dropped", "message", "message"]);
    push(&[gap.clone(), message(), message(), message(), gap, message(), message(), message()]);
    assert_eq!(taken(&queue), ["gap", "dropped", "message", "message"], "not confirmed since");
    push(&[subscribed.clone(), message(), subscribed, message(), message(), message()]);
    assert_eq!(taken(&queue), ["subscribed", "dropped", "message", "message"]);
}

#[test]
fn of_more_than_are_kept_what_was_true_last_is_told() {
    for confirmed in [true, false] {
        let queue = Queue::new(SubscribeOptions { messages: 5000, bytes: 100_000, when_full: WhenFull::Close });
        queue.push(Notice::Subscribed);
        for _ in 0..1000 {
            for notice in [message(), Notice::Gap, message(), Notice::Subscribed] {
                queue.push(notice);
            }
        }
        queue.push(Notice::Gap);
        if confirmed {
            queue.push(Notice::Subscribed);
        }
        let told = taken(&queue);
        assert_eq!(told.iter().filter(|name| **name == "message").count(), 2000);
        let others: Vec<_> = told.iter().filter(|name| **name != "message").copied().collect();
        assert!(others.len() <= MAX_OTHERS + 1, "{}", others.len());
        assert_eq!(others.last(), Some(&if confirmed { "subscribed" } else { "gap" }));
        assert_eq!(told.get(1..4), Some(["message", "gap", "message"].as_slice()));
    }
}
