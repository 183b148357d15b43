//! The Rust half of `make demo`: reads one JSON request a line, answers each with a JSON line.

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use coracle::redis::{self, AsyncCommands};
use coracle::{Client, Command, Config, Error, Limits, Names, Notice, SubscribeOptions};
use serde_json::{Map, Value, json};

/// What a step may take.
const PATIENCE: Duration = Duration::from_secs(60);

type Failure = Box<dyn std::error::Error>;
type Answer = Result<Value, Failure>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut lines = io::stdin().lock().lines();
    while let Some(line) = lines.next() {
        let started = Instant::now();
        let mut more = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
        let done = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, step(&line?, &mut more))
                .await
                .unwrap_or_else(|_| Err("it takes too long".into()))
        });
        let mut answer = match done {
            Ok(answer) => answer,
            Err(error) => json!({ "ok": false, "error": error.to_string() }),
        };
        if let Some(object) = answer.as_object_mut() {
            object.entry("ok").or_insert(json!(true));
            object.insert("ms".into(), json!((started.elapsed().as_secs_f64() * 100_000.0).round() / 100.0));
        }
        say(&answer)?;
    }
    Ok(())
}

/// Does what one line asks for. `more` reads the next line.
async fn step(line: &str, more: &mut dyn FnMut() -> io::Result<String>) -> Answer {
    let request: Map<String, Value> = serde_json::from_str(line)?;
    match text(&request, "step")? {
        "digest" => Ok(json!({ "digest": coracle::component_digest() })),
        "set-get" => set_get(&request).await,
        "pipeline" => pipeline(&request).await,
        "publish" => publish(&request).await,
        "subscribe" => subscribe(&request).await,
        "big" => big(&request).await,
        "connect-error" => connect_error(&request).await,
        "killed" => killed(&request, more).await,
        other => Err(format!("no step is called {other}").into()),
    }
}

async fn set_get(request: &Map<String, Value>) -> Answer {
    let mut client = connect(request).await?;
    let (key, value) = (text(request, "key")?, text(request, "value")?);
    let () = client.set(key, value).await?;
    let read: String = client.get(key).await?;
    if read != value {
        return Err(format!("wrote {value:?}, read {read:?}").into());
    }
    Ok(json!({ "detail": format!("{key} = {read}"), "value": read }))
}

async fn pipeline(request: &Map<String, Value>) -> Answer {
    let mut client = connect(request).await?;
    let count = number(request, "count")?;
    let mut pipe = redis::pipe();
    for index in 0..count {
        pipe.set(format!("demo:pipeline:{index}"), index).ignore();
    }
    let started = Instant::now();
    let () = pipe.query_async(&mut client).await?;
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = count as f64 / seconds;
    let stats = client.stats();
    let detail = format!("{count} commands, {rate:.0} a second, {:.0} a batch", stats.mean_batch());
    Ok(json!({ "detail": detail, "ops": rate.round() }))
}

async fn publish(request: &Map<String, Value>) -> Answer {
    let mut client = connect(request).await?;
    let receivers: i64 = client.publish(text(request, "channel")?, text(request, "payload")?).await?;
    Ok(json!({ "detail": format!("{receivers} receivers"), "receivers": receivers }))
}

async fn subscribe(request: &Map<String, Value>) -> Answer {
    let client = connect(request).await?;
    let names = Names::channels([text(request, "channel")?.to_owned()]);
    let mut subscription = client.subscribe(names, SubscribeOptions::default()).await?;
    let expected = text(request, "expect")?;
    while let Some(notice) = subscription.next().await {
        match notice? {
            Notice::Subscribed => say(&json!({ "event": "subscribed" }))?,
            Notice::Message(message) if message.payload == expected => {
                return Ok(json!({ "detail": format!("got {expected:?}") }));
            }
            other => return Err(format!("{other:?} came instead").into()),
        }
    }
    Err("the subscription ended".into())
}

async fn big(request: &Map<String, Value>) -> Answer {
    let memory = usize::try_from(number(request, "memory")?)?;
    let limits = Limits { memory, ..Limits::default() };
    let client = Config::new(text(request, "url")?)?.limits(limits).connect().await?;
    let (key, bytes) = (text(request, "key")?, usize::try_from(number(request, "bytes")?)?);
    let value: Bytes = (0..bytes).map(|index| (index.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    client.call(Command::new("SET").arg(key).arg(value.clone())).await?;
    match client.command(["GET", key]).await? {
        redis::Value::BulkString(read) if read == value => {}
        _ => return Err("what was read is not what was written".into()),
    }
    let peak = client.stats().peak_memory;
    Ok(
        json!({ "detail": format!("{bytes} bytes there and back, {peak} bytes of memory in the sandbox"), "peak": peak }),
    )
}

/// The error is what is wanted here.
async fn connect_error(request: &Map<String, Value>) -> Answer {
    let result = async { connect(request).await?.command(["PING"]).await }.await;
    match result {
        Ok(_) => Err("it connected".into()),
        Err(error) => Ok(json!({ "error": error.to_string(), "kind": error.kind() })),
    }
}

/// The server is killed between two commands.
async fn killed(request: &Map<String, Value>, more: &mut dyn FnMut() -> io::Result<String>) -> Answer {
    let client = connect(request).await?;
    client.command(["PING"]).await?;
    say(&json!({ "event": "connected" }))?;
    more()?;
    let command = Command::from_args(["INCR", "demo:killed"]).deadline(Duration::from_secs(2));
    match client.call(command).await {
        Ok(value) => Err(format!("it answered {value:?}").into()),
        Err(error) => {
            let outcome = error.outcome().to_string();
            Ok(json!({ "error": error.to_string(), "kind": error.kind(), "outcome": outcome }))
        }
    }
}

async fn connect(request: &Map<String, Value>) -> Result<Client, Error> {
    let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
    Client::connect(url).await
}

fn text<'a>(request: &'a Map<String, Value>, key: &str) -> Result<&'a str, Failure> {
    request.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is missing").into())
}

fn number(request: &Map<String, Value>, key: &str) -> Result<u64, Failure> {
    request.get(key).and_then(Value::as_u64).ok_or_else(|| format!("{key} is missing").into())
}

/// Writes one line, now.
fn say(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
