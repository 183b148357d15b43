//! Commands, pipelines, transactions, scripts and scans.

use std::collections::{BTreeSet, HashMap};

use coracle::{Cause, Command, Error, ErrorClass, Outcome};
use futures_util::StreamExt;
use redis::{AsyncCommands, Script, Value};

use crate::on_servers;
use crate::targets::{Target, in_time};

on_servers! {
    sets_and_gets
    pipelines
    transactions
    scripts
    scans
    errors_are_typed;
    real only: speaks_over_unix_sockets resp2_without_hello resp2_by_choice credentials_are_checked a_name_and_a_library
        a_hundred_thousand_keys transactions_of_bad_commands a_script_is_ended_by_who_runs_it
        what_a_script_says_is_no_word_of_the_server
}

/// A command that the core does not know has a link for itself.
async fn share_the_link(target: Target, commands: &[&str]) {
    let client = target.client().await;
    let pipeline = commands.iter().map(|command| Command::from_args(command.split(' ')));
    for reply in in_time(client.pipeline(pipeline)).await.unwrap() {
        assert!(!matches!(reply, Err(Error::Server(_))), "{reply:?}");
    }
    assert_eq!(client.stats().links_opened, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_commands_of_redis_share_the_link() {
    let commands = [
        "VADD vectors VALUES 2 0.5 0.25 one",
        "VSIM vectors ELE one",
        "VREM vectors one",
        "HSETEX h EX 60 FIELDS 1 f v",
    ];
    share_the_link(Target::newer_redis(), &commands).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_commands_of_valkey_share_the_link() {
    let commands = ["HSETEX h EX 60 FIELDS 1 f v", "HGETEX h PERSIST FIELDS 1 f", "DELIFEQ k v"];
    share_the_link(Target::newer_valkey(), &commands).await;
}

async fn sets_and_gets(target: Target) {
    let mut client = target.client().await;
    let () = client.set("sets_and_gets", "v").await.unwrap();
    let value: String = client.get("sets_and_gets").await.unwrap();
    assert_eq!(value, "v");
    let missing: Option<String> = client.get("sets_and_gets:missing").await.unwrap();
    assert_eq!(missing, None);
    let raw = client.command(["GET", "sets_and_gets"]).await.unwrap();
    assert_eq!(raw, Value::BulkString(b"v".to_vec()));
    let () = client.hset_multiple("sets_and_gets:h", &[("a", 1), ("b", 2)]).await.unwrap();
    let hash: HashMap<String, i64> = client.hgetall("sets_and_gets:h").await.unwrap();
    assert_eq!(hash, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
}

async fn pipelines(target: Target) {
    let mut client = target.client().await;
    let mut pipe = redis::pipe();
    for number in 0..10_000 {
        pipe.set(format!("pipelines:{number}"), number).ignore().get(format!("pipelines:{number}"));
    }
    let values: Vec<i64> = in_time(pipe.query_async(&mut client)).await.unwrap();
    assert_eq!(values, (0..10_000).collect::<Vec<i64>>());
    let batches = client.stats().batches;
    assert!(batches < 200, "20,000 commands in {batches} batches");
    let mixed: Vec<redis::RedisResult<String>> = redis::pipe()
        .set("pipelines:s", "v")
        .lpush("pipelines:s", 1)
        .get("pipelines:s")
        .ignore_errors()
        .query_async(&mut client)
        .await
        .unwrap();
    assert_eq!(mixed.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let nothing: Vec<i64> = redis::pipe().query_async(&mut client).await.unwrap();
    assert!(nothing.is_empty(), "{nothing:?}");
}

async fn transactions(target: Target) {
    let mut client = target.client().await;
    let (sum, value): (i64, String) = redis::pipe()
        .atomic()
        .del("transactions")
        .ignore()
        .incr("transactions", 5)
        .get("transactions")
        .query_async(&mut client)
        .await
        .unwrap();
    assert_eq!((sum, value.as_str()), (5, "5"));
    let (alone,): (i64,) = redis::pipe().atomic().incr("transactions", 1).query_async(&mut client).await.unwrap();
    assert_eq!(alone, 6);
    let commands = ["1", "2"].map(|by| Command::new("INCRBY").arg("transactions").arg(by)).to_vec();
    assert_eq!(client.transaction(commands).await, Ok(Value::Array(vec![Value::Int(7), Value::Int(9)])));
}

async fn transactions_of_bad_commands(target: Target) {
    let mut client = target.client().await;
    let commands = vec![Command::from_args(["SET", "k", "v"]), Command::from_args(["NOSUCHCOMMAND"])];
    let Err(Error::Server(error)) = client.transaction(commands).await else { panic!("it is executed") };
    assert_eq!(error.class, ErrorClass::Execabort);
    let (place, text) = error.queued.expect("the command that was refused");
    assert_eq!(place, 1);
    assert!(text.contains("NOSUCHCOMMAND"), "{text}");
    // The link is as it was.
    let value: Option<String> = client.get("k").await.unwrap();
    assert_eq!(value, None);
    let failed: redis::RedisResult<Vec<String>> =
        redis::pipe().atomic().set("k", "v").lpush("k", 1).query_async(&mut client).await;
    assert!(failed.unwrap_err().to_string().contains("WRONGTYPE"));
}

async fn scripts(target: Target) {
    let mut client = target.client().await;
    let script = Script::new("redis.call('SET', KEYS[1], ARGV[1]); return {KEYS[1], ARGV[1]}");
    let answer: Vec<String> = script.key("scripts").arg("v").invoke_async(&mut client).await.unwrap();
    assert_eq!(answer, ["scripts", "v"]);
    let value: String = client.get("scripts").await.unwrap();
    assert_eq!(value, "v");
}

async fn scans(target: Target) {
    let mut client = target.client().await;
    let mut pipe = redis::pipe();
    let wanted: BTreeSet<String> = (0..2500).map(|number| format!("scans:{number}")).collect();
    for key in &wanted {
        pipe.set(key, "").ignore();
    }
    let () = pipe.query_async(&mut client).await.unwrap();
    let options = redis::ScanOptions::default().with_pattern("scans:*").with_count(100);
    let keys = client.scan_options::<String>(options).await.unwrap();
    let found: BTreeSet<String> = in_time(keys.map(Result::unwrap).collect()).await;
    assert_eq!(found, wanted);
    let mut command = redis::cmd("SCAN");
    command.cursor_arg(0).arg("MATCH").arg("scans:*").arg("COUNT").arg(100);
    let again: Vec<String> =
        in_time(command.iter_async(&mut client).await.unwrap().map(Result::unwrap).collect()).await;
    assert_eq!(again.into_iter().collect::<BTreeSet<String>>(), wanted);
}

async fn errors_are_typed(target: Target) {
    let mut client = target.client().await;
    let () = client.set("errors", "v").await.unwrap();
    let Err(Error::Server(error)) = client.command(["LPUSH", "errors", "x"]).await else { panic!("it is no error") };
    assert_eq!(error.class, ErrorClass::Wrongtype);
    let error = client.command([""]).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Usage, Outcome::NotSent));
    let error = client.command(Vec::<&str>::new()).await.unwrap_err();
    assert_eq!(error.cause(), Cause::Usage);
    let error = client.command(["SUBSCRIBE", "c"]).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
}

async fn speaks_over_unix_sockets(target: Target) {
    let mut client = coracle::Client::connect(&target.server().unix_url()).await.unwrap();
    let () = client.set("unix", "v").await.unwrap();
    let value: String = client.get("unix").await.unwrap();
    assert_eq!(value, "v");
}

/// The server does not know HELLO, so RESP2 it is, with credentials or without. An ACL can't bring that about: servers
/// exempt HELLO from it.
async fn resp2_without_hello(target: Target) {
    let target = target.restarted(&["--rename-command", "HELLO", ""]);
    let admin = target.client().await;
    admin.command(["ACL", "SETUSER", "old", "on", ">secret", "~*", "&*", "+@all"]).await.unwrap();
    for (url, user) in [(target.server().url(), "default"), (target.server().url_as("old", "secret"), "old")] {
        let mut client = coracle::Client::connect(&url).await.unwrap();
        resp2(&mut client).await;
        let who: String = redis::cmd("ACL").arg("WHOAMI").query_async(&mut client).await.unwrap();
        assert_eq!(who, user);
    }
}

async fn resp2_by_choice(target: Target) {
    let mut client = target.config().resp2(true).connect().await.unwrap();
    resp2(&mut client).await;
}

/// A hash is a flat array in RESP2.
async fn resp2(client: &mut coracle::Client) {
    let () = client.hset("resp2", "f", "v").await.unwrap();
    let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    assert_eq!(client.command(["HGETALL", "resp2"]).await, Ok(Value::Array(vec![bulk("f"), bulk("v")])));
    assert_eq!(client.command(["GET", "resp2:missing"]).await, Ok(Value::Nil));
}

async fn credentials_are_checked(target: Target) {
    let admin = target.client().await;
    admin.command(["ACL", "SETUSER", "bob", "on", ">let-me-in", "~*", "&*", "+@all"]).await.unwrap();
    let error = coracle::Client::connect(&target.server().url_as("bob", "let-me-out")).await.unwrap_err();
    assert_eq!((error.cause(), error.outcome()), (Cause::Denied, Outcome::NotSent));
    assert!(!format!("{error} {error:?}").contains("let-me-out"), "{error:?}");
    let client = coracle::Client::connect(&target.server().url_as("bob", "let-me-in")).await.unwrap();
    assert_eq!(client.command(["ACL", "WHOAMI"]).await, Ok(Value::BulkString(b"bob".to_vec())));
}

async fn a_name_and_a_library(target: Target) {
    let mut client = target.config().name("oak").library("acorn", "1.2.3").connect().await.unwrap();
    let list: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut client).await.unwrap();
    assert!(list.contains("name=oak"), "{list}");
    // Redis 7.2 and Valkey know libraries; older ones refuse, and that does no harm.
    assert!(!list.contains("lib-name=") || list.contains("lib-name=acorn lib-ver=1.2.3"), "{list}");
}

async fn a_script_is_ended_by_who_runs_it(target: Target) {
    let client = target.client().await;
    client.command(["CONFIG", "SET", "lua-time-limit", "1"]).await.unwrap();
    let runner = client.clone();
    let endless = tokio::spawn(async move { runner.command(["EVAL", "while true do end", "0"]).await });
    // Until it runs there is none.
    in_time(async { while client.command(["SCRIPT", "KILL"]).await.is_err() {} }).await;
    let ending = in_time(endless).await.unwrap();
    assert!(matches!(ending, Err(Error::Server(_))), "{ending:?}");
}

async fn what_a_script_says_is_no_word_of_the_server(target: Target) {
    let mut client = target.client().await;
    for (run, word) in ["LOADING", "READONLY", "NOAUTH", "NOSCRIPT"].into_iter().enumerate() {
        let script = format!("redis.call('INCR', KEYS[1]) return {{err = '{word} mine'}}");
        let script = coracle::Script::new(&script);
        let ending = in_time(client.script(&script, ["said"], [""; 0])).await;
        assert!(matches!(&ending, Err(Error::Server(error)) if error.text == format!("{word} mine")), "{ending:?}");
        let runs: usize = client.get("said").await.unwrap();
        assert_eq!(runs, run + 1, "{word}");
    }
}

async fn a_hundred_thousand_keys(target: Target) {
    let mut client = target.client().await;
    let pairs: Vec<(String, u32)> = (0..100_000).map(|number| (format!("mset:{number}"), number)).collect();
    let () = in_time(client.mset(&pairs)).await.unwrap();
    let size: u64 = redis::cmd("DBSIZE").query_async(&mut client).await.unwrap();
    assert_eq!(size, 100_000);
    let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
    let values: Vec<u32> = in_time(client.mget(&keys)).await.unwrap();
    assert_eq!(values, (0..100_000).collect::<Vec<u32>>());
    // The same in a transaction, alone and not.
    let (): () = in_time(redis::pipe().atomic().mset(&pairs).ignore().query_async(&mut client)).await.unwrap();
    let mut pipe = redis::pipe();
    pipe.atomic().mset(&pairs).ignore().get("mset:7").mget(&keys);
    let (seven, all): (u32, Vec<u32>) = in_time(pipe.query_async(&mut client)).await.unwrap();
    assert_eq!((seven, all.len()), (7, 100_000));
}
