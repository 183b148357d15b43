//! Callers whose commands go out at once.

use redis::Value;

use super::super::let_others_run;
use super::fake::{HANG, Server};
use super::{PATIENCE, connect, in_time, until};
use crate::Client;

/// A client whose callers are prompt, or not.
async fn client(server: &Server, prompt: bool) -> Client {
    Client { prompt, ..connect(server).await }
}

/// How often all tasks run until the server has a caller's command.
async fn turns_until_sent(prompt: bool) -> usize {
    let server = Server::default();
    let client = client(&server, prompt).await;
    let beside = tokio::spawn({
        let server = server.clone();
        async move {
            let mut turns = 0;
            while server.times("GET") == 0 {
                turns += 1;
                let_others_run().await;
            }
            turns
        }
    });
    assert_eq!(in_time(client.command(["GET", "k"])).await, Ok(Value::Okay));
    in_time(beside).await.unwrap()
}

#[tokio::test]
async fn what_is_prompt_does_not_wait_for_others() {
    assert_eq!((turns_until_sent(true).await, turns_until_sent(false).await), (1, 2));
}

/// Callers who are answered at once: how many of them had sent their next command by the time each went on.
async fn sent_before_each(prompt: bool) -> Vec<usize> {
    const CALLERS: usize = 4;
    let server = Server::default();
    let client = client(&server, prompt).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (server, client) = (server.clone(), client.clone());
            tokio::spawn(async move {
                client.command([HANG, "k"]).await.unwrap();
                let sent = server.times("GET");
                assert_eq!(client.command(["GET", "k"]).await, Ok(Value::Okay));
                sent
            })
        })
        .collect();
    in_time(until(|| server.times(HANG) == CALLERS)).await;
    server.say_after(HANG, &"+OK\r\n".repeat(CALLERS));
    let mut all = Vec::new();
    for caller in callers {
        all.push(in_time(caller).await.unwrap());
    }
    all
}

#[tokio::test]
async fn who_is_prompt_has_sent_before_the_next_one_runs() {
    assert_eq!(sent_before_each(true).await, [0, 1, 2, 3]);
    assert_eq!(sent_before_each(false).await, [0; 4]);
}

/// Nobody of those who are not woken yet is left behind by a client that is gone.
#[tokio::test]
async fn who_has_an_answer_gets_it_though_the_client_ends() {
    let server = Server::default();
    let client = client(&server, true).await;
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let reply = client.command([HANG, "k"]).await;
                client.close(PATIENCE).await;
                reply
            })
        })
        .collect();
    in_time(until(|| server.times(HANG) == 4)).await;
    server.say_after(HANG, &"+OK\r\n".repeat(4));
    for caller in callers {
        assert_eq!(in_time(caller).await.unwrap(), Ok(Value::Okay));
    }
}
