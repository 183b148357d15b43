//! Callers whose commands go out at once.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use redis::Value;

use super::super::{MANY, PROMPT_UP_TO, let_others_run};
use super::fake::{HANG, Server};
use super::{PATIENCE, connect, in_time, until};
use crate::{Client, Command};

/// A client whose callers are prompt, or not.
async fn client(server: &Server, prompt: bool) -> Client {
    Client { prompt, ..connect(server).await }
}

/// Sends so many commands that the server leaves without an answer.
async fn keep_under_way(server: &Server, client: &Client, count: usize) {
    let sent = server.times(HANG) + count;
    for _ in 0..count {
        let client = client.clone();
        tokio::spawn(async move { client.command([HANG, "k"]).await });
    }
    in_time(until(|| server.times(HANG) == sent)).await;
}

/// How often all tasks run until the server has a caller's command, while so many others are under way.
async fn turns_until_sent(prompt: bool, under_way: usize) -> usize {
    let server = Server::default();
    let client = client(&server, prompt).await;
    keep_under_way(&server, &client, under_way).await;
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
    // Its reply goes to the first one that hangs, if there is one.
    let mut call = Box::pin(client.command(["GET", "k"]));
    assert!(call.as_mut().now_or_never().is_none());
    in_time(beside).await.unwrap()
}

#[tokio::test]
async fn what_is_prompt_does_not_wait_for_others() {
    assert_eq!((turns_until_sent(true, 0).await, turns_until_sent(false, 0).await), (1, 2));
}

#[tokio::test]
async fn what_is_prompt_waits_while_the_server_has_enough_to_do() {
    let with = |under_way| turns_until_sent(true, under_way);
    assert_eq!((with(PROMPT_UP_TO - 1).await, with(PROMPT_UP_TO).await), (1, 2));
}

/// Callers who are answered at once: how many of them had sent their next command by the time each went on.
async fn sent_before_each(callers: usize, prompt: bool, under_way: usize) -> Vec<usize> {
    pipelines_sent_before_each(callers, 1, prompt, under_way).await
}

/// The same of pipelines of so many commands.
async fn pipelines_sent_before_each(callers: usize, length: usize, prompt: bool, under_way: usize) -> Vec<usize> {
    let server = Server::default();
    let client = client(&server, prompt).await;
    let many = move |name| (0..length).map(move |_| Command::new(name).arg("k"));
    let sent = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..callers {
        let (server, client, sent) = (server.clone(), client.clone(), Arc::clone(&sent));
        tokio::spawn(async move {
            client.pipeline(many(HANG)).await.unwrap();
            sent.lock().unwrap().push(server.times("GET") / length);
            client.pipeline(many("GET")).await
        });
    }
    in_time(until(|| server.times(HANG) == callers * length)).await;
    keep_under_way(&server, &client, under_way).await;
    server.say_after(HANG, &"+OK\r\n".repeat(callers * length));
    in_time(until(|| sent.lock().unwrap().len() == callers)).await;
    sent.lock().unwrap().clone()
}

#[tokio::test]
async fn who_is_prompt_has_sent_before_the_next_one_runs() {
    assert_eq!(sent_before_each(8, true, 0).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(sent_before_each(8, true, PROMPT_UP_TO + 1).await, [0; 8]);
}

#[tokio::test]
async fn who_had_a_batch_of_his_own_has_sent_before_the_next_one_runs() {
    assert_eq!(pipelines_sent_before_each(4, MANY, false, 3).await, [0, 1, 2, 3]);
    assert_eq!(pipelines_sent_before_each(4, MANY - 1, false, 3).await, [0, 0, 0, 3], "in waves");
    assert_eq!(pipelines_sent_before_each(4, MANY, false, PROMPT_UP_TO + 1).await, [0; 4]);
}

/// This server answers at once, so that nothing is under way when the next wave runs.
#[tokio::test]
async fn others_run_in_waves_too() {
    assert_eq!(sent_before_each(5, false, 0).await, [0, 1, 2, 3, 4]);
    assert_eq!(sent_before_each(14, false, 0).await, [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12]);
    assert_eq!(sent_before_each(8, false, 3).await, [0, 0, 0, 3, 3, 3, 6, 6], "as many as are under way");
    assert_eq!(sent_before_each(8, false, 8).await, [0; 8]);
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
