//! What was asked for again after it may have been executed never ends as not sent.

use std::time::Duration;

use futures_util::FutureExt;
use redis::Value;
use tokio::task::JoinHandle;

use super::fake::{HANG, Server};
use super::{connect, in_time, until};
use crate::Client;
use crate::command::{Columns, Command};
use crate::error::{Cause, Error, ErrorClass, Failure, Outcome};
use crate::job::Job;
use crate::manager::requests::{Phase, Table};
use crate::rows::NEVER;
use crate::ticket::{Answer, Call};
use crate::ticket::{Replies, Shape};

/// A command that was sent, and then asked for again on a connection that takes no more than the handshake.
async fn second_attempt(server: &Server) -> (Client, JoinHandle<Result<Value, Error>>) {
    let client = connect(server).await;
    let command = Command::new(HANG).arg("k").may_repeat();
    let calling = tokio::spawn({
        let client = client.clone();
        async move { client.call(command).await }
    });
    in_time(server.seen(HANG)).await;
    server.hear_handshakes_only();
    server.break_connections();
    in_time(until(|| client.stats().resubmitted == 1 && client.stats().rows == 2)).await;
    (client, calling)
}

async fn maybe_executed(calling: JoinHandle<Result<Value, Error>>) -> Error {
    let error = in_time(calling).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error:?}");
    error
}

#[tokio::test]
async fn the_core_ends_the_second_attempt() {
    let server = Server::default();
    let (client, calling) = second_attempt(&server).await;
    client.close(Duration::ZERO).await;
    assert_eq!(maybe_executed(calling).await.cause(), Cause::Closing);
    assert_eq!(server.times(HANG), 1);
}

#[tokio::test]
async fn the_core_fails_in_the_second_attempt() {
    let server = Server::default();
    let (client, calling) = second_attempt(&server).await;
    client.testing("trap", None).await.unwrap();
    assert!(matches!(maybe_executed(calling).await, Error::Core { .. }));
}

/// The second attempt is asked for again too, this time because it was surely not sent.
#[tokio::test]
async fn the_third_attempt_waits_for_a_connection() {
    let server = Server::default();
    let (client, calling) = second_attempt(&server).await;
    server.refuse_connections();
    server.break_connections();
    in_time(until(|| client.stats().resubmitted == 2)).await;
    client.close(Duration::ZERO).await;
    assert_eq!(maybe_executed(calling).await.cause(), Cause::Closing);
}

/// A transaction that the core has; its caller.
fn taken() -> (Table, u64, Answer<'static>) {
    let mut table = Table::default();
    let mut columns = Columns::default();
    columns.add(&mut Command::from_args(["GET", "k"]), 0, 100).unwrap();
    let job = Job::of(Call::new(columns, Shape::Transaction, NEVER, false, 0));
    let answer = job.ticket.answer(Box::leak(Box::default()));
    let id = table.insert(job);
    table.find(id).unwrap().0.set_phase(0, Phase::Taken(1));
    (table, id, answer)
}

fn ended(answer: Answer<'_>) -> Error {
    match answer.now_or_never() {
        Some(Some(Replies::One(Err(error)))) => error,
        _ => panic!("it did not end with an error"),
    }
}

/// However it ends.
#[test]
fn not_sent_speaks_of_the_last_attempt_only() {
    let not_sent = || {
        let failures = [Failure::NotSent, Failure::Refused, Failure::Limit, Failure::Misuse];
        let failed = failures.map(|failure| Error::failed(failure, Cause::Lost, "why"));
        failed.into_iter().chain([Error::core(Outcome::NotSent, "why"), Error::config("why")])
    };
    for error in not_sent() {
        let (mut table, id, answer) = taken();
        table.find(id).unwrap().0.ask_again(0, true);
        table.find(id).unwrap().0.ask_again(0, false);
        table.end(id, Err(error.clone()));
        let now = ended(answer);
        assert_eq!(now.outcome(), Outcome::MaybeExecuted, "{error:?}");
        assert!(now.to_string().contains("why"), "{now}");
    }
    for error in not_sent() {
        let (mut table, id, answer) = taken();
        table.find(id).unwrap().0.ask_again(0, false);
        table.end(id, Err(error.clone()));
        assert_eq!(ended(answer), error);
    }
}

#[test]
fn what_was_kept_of_the_first_attempt_is_forgotten() {
    for again in [false, true] {
        let (mut table, id, answer) = taken();
        let live = table.find(id).unwrap().0;
        live.keep(0, "of the first attempt".to_owned());
        if again {
            live.ask_again(0, false);
        }
        table.end(id, Err(Error::server(ErrorClass::Execabort, "EXECABORT".to_owned())));
        let Error::Server(error) = ended(answer) else { panic!("no server's error") };
        assert_eq!(error.queued.is_some(), !again);
    }
}
