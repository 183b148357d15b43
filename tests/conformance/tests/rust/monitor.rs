//! What the server executes, line by line.

use coracle::{Client, Command, Names, Notice, SubscribeOptions, Subscription, WhenFull};

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    ;
    real only: lines_come_in_order monitor_over_resp2 a_broken_monitor_goes_on a_slow_reader_loses_the_oldest_lines
        a_slow_reader_who_waits_loses_nothing dropping_stops_it a_line_that_is_too_long_is_cut
}

async fn monitor(client: &Client, options: SubscribeOptions) -> Subscription {
    let mut monitor = client.subscribe(Names::monitor(), options).await.unwrap();
    assert_eq!(next(&mut monitor).await, Notice::Subscribed);
    monitor
}

async fn next(subscription: &mut Subscription) -> Notice {
    in_time(subscription.next()).await.expect("the subscription goes on").unwrap()
}

/// The words of the next line, of those that someone wrote with ECHO.
async fn echoed(monitor: &mut Subscription) -> String {
    loop {
        let Notice::Message(line) = next(monitor).await else { panic!("no line") };
        assert!(line.channel.is_empty() && line.pattern.is_none());
        let line = String::from_utf8(line.payload.to_vec()).unwrap();
        // 1700000000.123456 [0 127.0.0.1:1234] "ECHO" "text"
        if let Some((_, words)) = line.split_once("] \"ECHO\" ") {
            return words.to_owned();
        }
    }
}

/// Says so many numbers, all of which the server has executed then.
async fn echo(client: &Client, count: usize) {
    let commands = (0..count).map(|number| Command::new("ECHO").arg(number.to_string()));
    in_time(client.pipeline(commands)).await.unwrap();
}

async fn lines_come_in_order(target: Target) {
    let (client, other) = (target.client().await, target.client().await);
    let mut monitor = monitor(&client, SubscribeOptions::default()).await;
    echo(&other, 100).await;
    for number in 0..100 {
        assert_eq!(echoed(&mut monitor).await, format!("\"{number}\""));
    }
    in_time(other.command(["ECHO", "a \"quote\"\r\n", "x"])).await.unwrap_err();
    in_time(other.command(["ECHO", "a \"quote\"\r\n"])).await.unwrap();
    assert_eq!(echoed(&mut monitor).await, r#""a \"quote\"\r\n""#);
    // What the client itself does comes too, and its own calls go on.
    echo(&client, 1).await;
    assert_eq!(echoed(&mut monitor).await, "\"0\"");
}

async fn monitor_over_resp2(target: Target) {
    let client = in_time(target.config().resp2(true).connect()).await.unwrap();
    let mut monitor = monitor(&client, SubscribeOptions::default()).await;
    echo(&client, 10).await;
    for number in 0..10 {
        assert_eq!(echoed(&mut monitor).await, format!("\"{number}\""));
    }
}

async fn a_broken_monitor_goes_on(target: Target) {
    let (client, admin) = (target.client().await, target.client().await);
    let mut monitor = monitor(&client, SubscribeOptions::default()).await;
    for _ in 0..3 {
        in_time(admin.command(["CLIENT", "KILL", "SKIPME", "yes"])).await.unwrap();
        while next(&mut monitor).await != Notice::Gap {}
        assert_eq!(next(&mut monitor).await, Notice::Subscribed);
        echo(&admin, 1).await;
        assert_eq!(echoed(&mut monitor).await, "\"0\"");
    }
}

async fn a_slow_reader_loses_the_oldest_lines(target: Target) {
    let client = target.client().await;
    let options = SubscribeOptions { messages: 10, ..SubscribeOptions::default() };
    let mut monitor = monitor(&client, options).await;
    echo(&client, 500).await;
    // A line that is not answered before it, as it comes on another connection, may still be on its way.
    in_time(async {
        while client.stats().messages_dropped < 490 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let Notice::Dropped(dropped) = next(&mut monitor).await else { panic!("nothing was dropped") };
    assert_eq!(dropped, client.stats().messages_dropped);
    for number in 490..500 {
        assert_eq!(echoed(&mut monitor).await, format!("\"{number}\""));
    }
}

async fn a_slow_reader_who_waits_loses_nothing(target: Target) {
    const COUNT: usize = 20_000;
    let (client, other) = (target.client().await, target.client().await);
    let options = SubscribeOptions { messages: 10, when_full: WhenFull::Wait, ..SubscribeOptions::default() };
    let mut monitor = monitor(&client, options).await;
    echo(&other, COUNT).await;
    assert!(in_time(client.command(["PING"])).await.is_ok());
    for number in 0..COUNT {
        assert_eq!(echoed(&mut monitor).await, format!("\"{number}\""));
    }
    assert_eq!(client.stats().messages_dropped, 0);
}

async fn dropping_stops_it(target: Target) {
    let client = target.client().await;
    let monitor = monitor(&client, SubscribeOptions::default()).await;
    assert_eq!(monitors(&client).await, 1);
    drop(monitor);
    in_time(async { while monitors(&client).await > 0 {} }).await;
}

async fn a_line_that_is_too_long_is_cut(target: Target) {
    let (client, other) = (target.client().await, target.client().await);
    let mut monitor = monitor(&client, SubscribeOptions::default()).await;
    in_time(other.command(["ECHO", &"x".repeat(100_000)])).await.unwrap();
    let cut = echoed(&mut monitor).await;
    assert!(
        cut.len() > 60_000 && cut.len() < 1 << 16 && cut.strip_prefix('"').unwrap().bytes().all(|byte| byte == b'x')
    );
    echo(&other, 1).await;
    assert_eq!(echoed(&mut monitor).await, "\"0\"");
}

/// How many connections monitor the server.
async fn monitors(client: &Client) -> usize {
    let list = in_time(client.command(["CLIENT", "LIST"])).await.unwrap();
    let list: String = redis::from_redis_value(list).unwrap();
    list.lines().filter(|line| line.contains(" flags=O ")).count()
}
