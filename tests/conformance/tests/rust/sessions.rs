//! Sessions: a link for one caller alone; and commands that block, which get one by themselves.

use std::time::{Duration, Instant};

use coracle::{Cause, Client, Command, Outcome, Script};
use redis::{AsyncCommands, Value};

use crate::on_servers;
use crate::targets::{LATE, Target, in_time};

on_servers! {
    ;
    real only: a_conflict_fails_the_transaction watch_tries_again sessions_are_isolated a_session_is_left_clean
        a_broken_session_is_over a_blocking_command_stalls_nobody a_given_up_pop_takes_nothing
        a_pop_past_the_usual_deadline a_script_the_server_does_not_know
}

async fn a_conflict_fails_the_transaction(target: Target) {
    let mut client = target.client().await;
    let mut session = in_time(client.session()).await.unwrap();
    for (conflict, wanted) in [(true, Value::Nil), (false, Value::Array(vec![Value::Okay]))] {
        let () = redis::cmd("WATCH").arg("k").query_async(&mut session).await.unwrap();
        if conflict {
            let () = client.set("k", "theirs").await.unwrap();
        }
        let set = Command::from_args(["SET", "k", "ours"]);
        assert_eq!(in_time(session.transaction(vec![set])).await, Ok(wanted));
    }
    let value: String = client.get("k").await.unwrap();
    assert_eq!(value, "ours");
}

async fn watch_tries_again(target: Target) {
    let mut other = target.client().await;
    let () = other.set("n", 1).await.unwrap();
    let client = other.clone();
    // Spawned, so that it is seen that the future may move between threads.
    let task = tokio::spawn(async move {
        let mut attempts = 0;
        let done: redis::RedisResult<(i64,)> = client
            .watch(&["n"], |mut session, mut pipe| {
                attempts += 1;
                let (mut other, attempt) = (other.clone(), attempts);
                async move {
                    let n: i64 = session.get("n").await?;
                    if attempt == 1 {
                        let () = other.set("n", 10).await?;
                    }
                    pipe.set("n", n * 2).ignore().get("n").query_async(&mut session).await
                }
            })
            .await;
        (done, attempts)
    });
    let (done, attempts) = in_time(task).await.unwrap();
    assert_eq!((done.unwrap(), attempts), ((20,), 2));
}

async fn sessions_are_isolated(target: Target) {
    let client = target.client().await;
    let (one, two) = tokio::join!(client.session(), client.session());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(client.stats().sessions, 2);
    assert_eq!(in_time(one.command(["SELECT", "1"])).await, Ok(Value::Okay));
    assert_eq!(in_time(one.command(["SET", "k", "one"])).await, Ok(Value::Okay));
    assert_eq!(in_time(two.command(["GET", "k"])).await, Ok(Value::Nil));
    assert_eq!(in_time(client.command(["GET", "k"])).await, Ok(Value::Nil));
}

/// MULTI that was left open, and another database, are not the next one's.
async fn a_session_is_left_clean(target: Target) {
    let client = target.client().await;
    let leaves: [&[&[&str]]; 3] = [&[&["MULTI"], &["SET", "k", "multi"]], &[&["SELECT", "1"]], &[&["WATCH", "k"]]];
    for leave in leaves {
        let session = in_time(client.session()).await.unwrap();
        for command in leave {
            in_time(session.command(command.iter().copied())).await.unwrap();
        }
        drop(session);
        let next = in_time(client.session()).await.unwrap();
        assert_eq!(in_time(next.command(["SET", "k", "next"])).await, Ok(Value::Okay), "{leave:?}");
        assert_eq!(in_time(client.command(["GET", "k"])).await, Ok(Value::BulkString(b"next".to_vec())), "{leave:?}");
    }
}

async fn a_broken_session_is_over(target: Target) {
    let client = target.client().await;
    let session = in_time(client.session()).await.unwrap();
    let id = in_time(session.command(["CLIENT", "ID"])).await.unwrap();
    let Value::Int(id) = id else { panic!("{id:?}") };
    in_time(client.command(["CLIENT", "KILL", "ID", &id.to_string()])).await.unwrap();
    in_time(async {
        while session.over().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = in_time(session.command(["GET", "k"])).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Lost, Outcome::NotSent));
    assert_eq!(client.stats().sessions, 0);
    assert!(client.stats().links_lost > 0);
}

async fn a_blocking_command_stalls_nobody(target: Target) {
    let client = target.client().await;
    let blocked = tokio::spawn(pop(client.clone(), "queue", "0"));
    wait_for_blocked(&client, 1).await;
    for _ in 0..100 {
        assert!(in_time(client.command(["PING"])).await.is_ok());
    }
    in_time(client.command(["RPUSH", "queue", "x"])).await.unwrap();
    let popped = in_time(blocked).await.unwrap().unwrap();
    assert_eq!(popped, Value::Array(vec![Value::BulkString(b"queue".to_vec()), Value::BulkString(b"x".to_vec())]));
}

/// Cancelled, and late: what is pushed afterwards stays.
async fn a_given_up_pop_takes_nothing(target: Target) {
    let client = target.client().await;
    let blocked = tokio::spawn(pop(client.clone(), "gone", "0"));
    wait_for_blocked(&client, 1).await;
    blocked.abort();
    wait_for_blocked(&client, 0).await;
    let started = Instant::now();
    let late = Command::from_args(["BLPOP", "gone", "0"]).deadline(Duration::from_millis(200));
    let error = in_time(client.call(late)).await.unwrap_err();
    let took = started.elapsed();
    assert_eq!(error.cause(), Cause::Deadline);
    assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(200) + LATE, "{took:?}");
    wait_for_blocked(&client, 0).await;
    in_time(client.command(["RPUSH", "gone", "x"])).await.unwrap();
    assert_eq!(in_time(client.command(["LLEN", "gone"])).await, Ok(Value::Int(1)));
}

/// The client's usual deadline is longer by what the command may block; a deadline of its own is not.
async fn a_pop_past_the_usual_deadline(target: Target) {
    let client = target.client().await.with_deadline(Some(Duration::from_millis(300)));
    let started = Instant::now();
    assert_eq!(in_time(pop(client, "nothing", "1")).await, Ok(Value::Nil));
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

async fn a_script_the_server_does_not_know(target: Target) {
    let client = target.client().await;
    let script = Script::new("return {KEYS[1], ARGV[1]}");
    let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let wanted = Value::Array(vec![bulk("k"), bulk("a")]);
    // It is sent once a connection, and asked for again by a server that has forgotten it.
    for (flush, wanted_again) in [(true, 0), (false, 0), (true, 1)] {
        if flush {
            in_time(client.command(["SCRIPT", "FLUSH"])).await.unwrap();
        }
        let before = client.stats().resubmitted;
        assert_eq!(in_time(client.script(&script, ["k"], ["a"])).await.as_ref(), Ok(&wanted));
        let again = client.stats().resubmitted - before;
        assert_eq!(again, wanted_again);
    }
    // In a transaction, and with a source that the host holds.
    let commands = vec![script.command(["k"], ["a"]), Command::from_args(["PING"])];
    in_time(client.command(["SCRIPT", "FLUSH"])).await.unwrap();
    let Ok(Value::Array(replies)) = in_time(client.transaction(commands)).await else { panic!("no array") };
    assert_eq!(replies.first(), Some(&wanted));
    let long = Script::new(format!("return 7 -- {}", "x".repeat(100_000)));
    assert_eq!(in_time(client.script(&long, [""; 0], [""; 0])).await, Ok(Value::Int(7)));
    assert_eq!(in_time(client.script(&long, [""; 0], [""; 0])).await, Ok(Value::Int(7)));
}

async fn pop(client: Client, key: &'static str, timeout: &'static str) -> Result<Value, coracle::Error> {
    client.command(["BLPOP", key, timeout]).await
}

/// Waits until the server says that so many clients are blocked.
pub async fn wait_for_blocked(client: &Client, count: usize) {
    let wanted = format!("blocked_clients:{count}\r\n");
    in_time(async {
        loop {
            let info = client.command(["INFO", "clients"]).await.unwrap();
            if redis::from_redis_value::<String>(info).unwrap().contains(&wanted) {
                break;
            }
        }
    })
    .await;
}
