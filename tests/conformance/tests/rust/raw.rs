//! Replies as the server sent them: the same bytes as a plain socket gets.

use coracle::{Client, Command, Config, Limits};
use redis::{AsyncCommands, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::on_servers;
use crate::targets::{Target, in_time, pattern};

on_servers! {
    ;
    real only: a_socket_gets_the_same_over_resp3 a_socket_gets_the_same_over_resp2 large_replies_are_whole
        many_at_once_get_their_own a_session_has_it_too
}

/// A connection without a client.
struct Plain(TcpStream);

impl Plain {
    async fn connect(target: &Target, resp2: bool) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", target.server().port())).await.unwrap();
        let mut plain = Self(socket);
        if !resp2 {
            plain.send(&["HELLO", "3"]).await;
            // The reply is as long as it is: what follows it says where it ends.
            plain.send(&["ECHO", "end of hello"]).await;
            let mut said = Vec::new();
            while !said.ends_with(b"$12\r\nend of hello\r\n") {
                in_time(plain.0.read_buf(&mut said)).await.unwrap();
            }
        }
        plain
    }

    async fn send(&mut self, words: &[&str]) {
        self.0.write_all(&redis::cmd(words[0]).arg(&words[1..]).get_packed_command()).await.unwrap();
    }

    /// Sees that the reply is exactly this.
    async fn check(&mut self, words: &[&str], bytes: &[u8]) {
        self.send(words).await;
        self.send(&["ECHO", "end"]).await;
        let wanted = [bytes, b"$3\r\nend\r\n"].concat();
        let mut said = vec![0; wanted.len()];
        in_time(self.0.read_exact(&mut said)).await.unwrap();
        assert!(said == wanted, "{words:?}: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    }
}

async fn a_socket_gets_the_same_over_resp3(target: Target) {
    compare(&target, target.config(), false).await;
}

async fn a_socket_gets_the_same_over_resp2(target: Target) {
    compare(&target, target.config().resp2(true), true).await;
}

async fn compare(target: &Target, config: Config, resp2: bool) {
    // All that is longer than a few bytes goes by the core.
    let limits = Limits { pass_above: 64, ..Limits::default() };
    let client = in_time(config.limits(limits).connect()).await.unwrap();
    fill(client.clone()).await;
    let mut plain = Plain::connect(target, resp2).await;
    for words in [
        vec!["PING"],
        vec!["SET", "k", "v"],
        vec!["GET", "k"],
        vec!["GET", "missing"],
        vec!["STRLEN", "k"],
        vec!["HGETALL", "hash"],
        vec!["HGETALL", "missing"],
        vec!["ZRANGE", "sorted", "0", "-1", "WITHSCORES"],
        vec!["SMEMBERS", "set"],
        vec!["LRANGE", "list", "0", "-1"],
        vec!["COMMAND", "INFO", "GET", "nothing", "XREADGROUP"],
        vec!["CONFIG", "GET", "maxmemory*"],
        vec!["LATENCY", "DOCTOR"],
        vec!["MGET", "large", "k", "missing", "larger", "large"],
        vec!["EVAL", "return {1, {'a', {}}, false, redis.error_reply('ERR in the middle'), {ok = 'fine'}}", "0"],
        vec!["EVAL", "redis.setresp(3); return {map = {a = 1}, double = 1.5}", "0"],
        vec!["INCR", "list"],
        vec!["NOSUCHCOMMAND", "x"],
        vec!["GET"],
    ] {
        let reply = in_time(client.raw(Command::from_args(words.iter().copied()))).await.unwrap();
        assert!(reply.bytes.ends_with(b"\r\n"), "{words:?}: {reply:?}");
        plain.check(&words, &reply.bytes).await;
        let called = in_time(client.command(words.iter().copied())).await;
        match called {
            Ok(value) => assert!(same(&value, &reply.value), "{words:?}"),
            Err(_) => assert!(matches!(reply.value, Value::ServerError(_)) && reply.bytes.starts_with(b"-")),
        }
    }
    let reply = in_time(client.raw(redis::cmd("GET").arg("k"))).await.unwrap();
    assert_eq!((&*reply.bytes, reply.value), (&b"$1\r\nv\r\n"[..], Value::BulkString(b"v".to_vec())));
}

/// The order of a map's pairs is the server's, each time anew.
fn same(one: &Value, other: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut letters: Vec<char> = format!("{value:?}").chars().collect();
        letters.sort_unstable();
        letters
    };
    one == other || sorted(one) == sorted(other)
}

async fn fill(mut client: Client) {
    let () = client.hset_multiple("hash", &[("f", "1"), ("g", "two")]).await.unwrap();
    let () = client.zadd_multiple("sorted", &[(1.5, "a"), (f64::INFINITY, "b"), (-3.0, "c")]).await.unwrap();
    let () = client.sadd("set", "only").await.unwrap();
    let () = client.rpush("list", &["a", "", "a longer one"]).await.unwrap();
    let () = client.set("large", pattern(70_000, 3)).await.unwrap();
    let () = client.set("larger", pattern(300_000, 4)).await.unwrap();
}

async fn large_replies_are_whole(target: Target) {
    let mut client = target.client().await;
    let mut plain = Plain::connect(&target, false).await;
    for size in [1 << 20, 64 << 20] {
        let value = bytes::Bytes::from(pattern(size, 9));
        in_time(client.call(Command::new("SET").arg("large").arg(value.clone()))).await.unwrap();
        let reply = in_time(client.raw(redis::cmd("GET").arg("large"))).await.unwrap();
        assert!(reply.value == Value::BulkString(value.to_vec()));
        assert!(reply.bytes.starts_with(format!("${size}\r\n").as_bytes()) && reply.bytes.ends_with(b"\r\n"));
        plain.check(&["GET", "large"], &reply.bytes).await;
    }
    let () = client.del("large").await.unwrap();
    assert!(client.stats().bytes_passed > 64 << 20);
}

/// Replies of both sorts come one after the other on one link, cut anywhere.
async fn many_at_once_get_their_own(target: Target) {
    let client = target.client().await;
    let callers: Vec<_> = (0..200_usize)
        .map(|caller| {
            let client = client.clone();
            tokio::spawn(async move {
                let text = "x".repeat(caller * 300);
                if caller % 3 == 0 {
                    let echoed = in_time(client.command(["ECHO", &text])).await.unwrap();
                    assert_eq!(echoed, Value::BulkString(text.into()));
                    return;
                }
                let reply = in_time(client.raw(Command::from_args(["ECHO", &text]))).await.unwrap();
                assert_eq!(reply.bytes, format!("${}\r\n{text}\r\n", text.len()));
                assert_eq!(reply.value, Value::BulkString(text.into()));
            })
        })
        .collect();
    for caller in callers {
        in_time(caller).await.unwrap();
    }
}

async fn a_session_has_it_too(target: Target) {
    let session = in_time(target.client().await.session()).await.unwrap();
    for (words, bytes) in
        [(vec!["MULTI"], "+OK\r\n"), (vec!["INCR", "n"], "+QUEUED\r\n"), (vec!["EXEC"], "*1\r\n:1\r\n")]
    {
        let reply = in_time(session.raw(Command::from_args(words))).await.unwrap();
        assert_eq!(reply.bytes, bytes);
    }
}
